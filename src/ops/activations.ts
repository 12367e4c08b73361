/** Activation functions, each with its derivative in closed form and stable for large arguments. */
import * as tf from '@tensorflow/tfjs-core';
import { functionPart, type Part } from '../core/part.ts';
import { checkNumber, refuseOthers } from '../core/shape.ts';
import { hasKernel, runKernel } from './kernel.ts';
import { withGradient } from './with-gradient.ts';

/** An element-wise function of rows `[N, D]` that a model file can name. */
export type Activation = ((x: tf.Tensor2D) => tf.Tensor2D) & Part;

/** An activation of this file: it takes tensors of any shape. */
export type ElementWise = (<T extends tf.Tensor>(x: T) => T) & Part;

/** max(x, 0) */
export const relu: ElementWise = activation('relu', tf.relu, (x) => tf.step(x));

/** x Φ(x) with the normal distribution function Φ, the exact form (Hendrycks & Gimpel, 2016). */
export const gelu: ElementWise = activation('gelu', (x) => tf.mul(x, normalCdf(x)), geluDerivative);

/** The approximation of {@link gelu} by tanh that GPT-2 and the original BERT code use. */
export const geluTanh: ElementWise = activation(
  'geluTanh',
  (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(geluArgument(x)), 1)),
  (x) => {
    const t = tf.tanh(geluArgument(x));
    const slope = tf.mul(tf.add(tf.mul(tf.square(x), 3 * GELU_CUBIC), 1), GELU_SCALE);
    return tf.mul(tf.add(tf.add(t, 1), tf.mul(tf.mul(x, tf.sub(1, tf.square(t))), slope)), 0.5);
  },
);

/** x σ(x), also called swish (Elfwing et al., 2017). */
export const silu: ElementWise = activation(
  'silu',
  (x) => tf.mul(x, tf.sigmoid(x)),
  (x) => {
    const s = tf.sigmoid(x);
    return tf.mul(s, tf.add(tf.mul(x, tf.sub(1, s)), 1));
  },
);

/** 1 / (1 + e⁻ˣ) */
export const sigmoid: ElementWise = activation('sigmoid', tf.sigmoid, (x) =>
  tf.mul(tf.sigmoid(x), tf.sigmoid(tf.neg(x))),
);

/** tanh x */
export const tanh: ElementWise = activation('tanh', tf.tanh, (x) => tf.sub(1, tf.square(tf.tanh(x))));

/** ln(1 + eˣ), exact for large |x|. */
export const softplus: ElementWise = activation('softplus', stableSoftplus, tf.sigmoid);

/** ln σ(x), exact for large |x|. */
export const logSigmoid: ElementWise = activation(
  'logSigmoid',
  (x) => tf.neg(stableSoftplus(tf.neg(x))),
  (x) => tf.sigmoid(tf.neg(x)),
);

/**
 * x above 0 and alpha (eˣ - 1) below (Clevert et al., 2015).
 *
 * @param options
 * @param options.alpha the negative of the limit at -∞ @defaultValue 1
 */
export function elu(options: { alpha?: number | undefined } = {}): ElementWise {
  const { alpha = 1, ...others } = options;
  refuseOthers('elu', others, options);
  checkNumber('alpha', alpha, { min: 0 });
  return activation(
    'elu',
    (x) => tf.add(tf.relu(x), tf.mul(tf.expm1(tf.minimum(x, 0)), alpha)),
    (x) => {
      const above = tf.step(x);
      return tf.add(above, tf.mul(tf.sub(1, above), tf.mul(tf.exp(tf.minimum(x, 0)), alpha)));
    },
    { alpha },
  );
}

/**
 * x above 0 and slope · x below (Maas et al., 2013).
 *
 * @param options
 * @param options.slope the slope below 0 @defaultValue 0.01
 */
export function leakyRelu(options: { slope?: number | undefined } = {}): ElementWise {
  const { slope = 0.01, ...others } = options;
  refuseOthers('leakyRelu', others, options);
  checkNumber('slope', slope, { min: 0, max: 1 });
  const derivative = (x: tf.Tensor) => tf.add(tf.mul(tf.step(x), 1 - slope), slope);
  return activation('leakyRelu', (x) => tf.mul(x, derivative(x)), derivative, { slope });
}

/** What backends may have a kernel for. */
const FUSED: readonly string[] = ['relu', 'gelu', 'silu'];

const GELU_SCALE = Math.sqrt(2 / Math.PI);
const GELU_CUBIC = 0.044715;

function geluArgument(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.mul(x, GELU_SCALE), tf.add(tf.mul(tf.square(x), GELU_CUBIC), 1));
}

function geluDerivative(x: tf.Tensor): tf.Tensor {
  const density = tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return tf.add(normalCdf(x), tf.mul(x, density));
}

function normalCdf(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);
}

function stableSoftplus(x: tf.Tensor): tf.Tensor {
  return tf.add(tf.relu(x), tf.log1p(tf.exp(tf.neg(tf.abs(x)))));
}

function fuses(name: string, x: tf.Tensor): boolean {
  return FUSED.includes(name) && x.dtype === 'float32' && hasKernel('SeqrecActivation');
}

function activation(
  name: string,
  value: (x: tf.Tensor) => tf.Tensor,
  derivative: (x: tf.Tensor) => tf.Tensor,
  options?: { [option: string]: number },
): ElementWise {
  const fn = <T extends tf.Tensor>(x: T): T =>
    withGradient(
      [x],
      (save) => {
        save(x);
        return fuses(name, x) ? runKernel<T>('SeqrecActivation', { x }, { name }) : (value(x) as T);
      },
      (dy: T, x: T) => [
        fuses(name, x) ? runKernel('SeqrecActivationGradient', { x, dy }, { name }) : tf.mul(dy, derivative(x)),
      ],
    );
  const part = functionPart(name, fn);
  return options ? Object.assign(part, { options }) : part;
}
