/** Matrix products. */
import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runKernel } from './kernel.ts';
import { withGradient } from './with-gradient.ts';

/**
 * The matrix product `a` × `b`.
 *
 * @param a `[N, K]`
 * @param b `[K, M]`
 * @returns `[N, M]`
 */
export function product(a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D {
  return withGradient(
    [a, b],
    (save) => {
      save(a, b);
      return multiply(a, b);
    },
    (dy: tf.Tensor2D, a: tf.Tensor2D, b: tf.Tensor2D) => [
      multiply(dy, b, { transposeB: true }),
      multiply(a, dy, { transposeA: true }),
    ],
  );
}

export interface MultiplyOptions {
  /** Takes aᵀ. @defaultValue false */
  transposeA?: boolean;
  /** Takes bᵀ. @defaultValue false */
  transposeB?: boolean;
  /** Added to every row of the result. */
  bias?: tf.Tensor1D | undefined;
}

/**
 * `a` × `b` off the tape, either operand transposed. Without a kernel of ours it is an untransposed product of transposed
 * copies: tfjs-wasm runs transposed and batched products 14x slower.
 */
export function multiply(a: tf.Tensor2D, b: tf.Tensor2D, options: MultiplyOptions = {}): tf.Tensor2D {
  const { transposeA = false, transposeB = false, bias } = options;
  const [k, rows] = [a.shape[transposeA ? 0 : 1], b.shape[transposeB ? 1 : 0]];
  if (k !== rows) throw new RangeError(`A product of ${k} columns with ${rows} rows is not defined.`);
  if (hasKernel('SeqrecMatMul')) return runKernel('SeqrecMatMul', { a, b, ...(bias && { bias }) }, options);
  const y = composed(a, b, transposeA, transposeB);
  return bias ? tf.add(y, bias) : y;
}

function composed(a: tf.Tensor2D, b: tf.Tensor2D, transposeA: boolean, transposeB: boolean): tf.Tensor2D {
  const right = transposeB ? tf.transpose(b) : b;
  if (!transposeA) return tf.matMul(a, right);
  // aᵀ × b = (bᵀ × a)ᵀ: whichever operand is cheaper to transpose.
  const [rows, k] = a.shape;
  const m = right.shape[1];
  if (rows * k <= rows * m + k * m) return tf.matMul(tf.transpose(a), right);
  return tf.transpose(tf.matMul(tf.transpose(right), a));
}
