/** Layer normalisation, and the part that chooses a model's normalisation. */
import type * as tf from '@tensorflow/tfjs-core';
import { ones, zeros } from '../core/initializers.ts';
import { Module } from '../core/module.ts';
import { Parameter } from '../core/parameter.ts';
import type { Part } from '../core/part.ts';
import { refuseOthers } from '../core/shape.ts';
import { layerNorm } from '../ops/layer-norm.ts';

export interface LayerNormOptions {
  /** Added to the variance inside the root. @defaultValue 1e-5 */
  epsilon?: number | undefined;
}

/** `y = (x − mean) / √(variance + ε) · weight + bias` over the last axis (Ba et al., 2016); biased variance. */
export class LayerNorm extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly epsilon: number;

  constructor(dim: number, options: LayerNormOptions = {}) {
    const { epsilon = 1e-5, ...others } = options;
    super();
    refuseOthers('LayerNorm', others, options);
    this.weight = new Parameter([dim], ones);
    this.bias = new Parameter([dim], zeros);
    this.epsilon = epsilon;
  }

  /**
   * @param x `[N, dim]`
   * @returns `[N, dim]`
   */
  forward(x: tf.Tensor2D): tf.Tensor2D {
    return layerNorm(x, this.weight, this.bias, this.epsilon);
  }
}

/** A token-wise block: `[N, dim]` to `[N, dim]`, each row by itself. */
export interface TokenBlock extends Module {
  forward(x: tf.Tensor2D): tf.Tensor2D;
}

/** Chooses the normalisation at one place of a model. */
export interface NormalizationPart extends Part {
  create(dim: number): TokenBlock;
}

/** {@link LayerNorm} as a part. */
export function layerNormalization(options: LayerNormOptions = {}): NormalizationPart {
  const { epsilon = 1e-5, ...others } = options;
  refuseOthers('layerNormalization', others, options);
  return {
    name: 'layerNormalization',
    options: { epsilon },
    create: (dim) => new LayerNorm(dim, { epsilon }),
  };
}

/** No normalisation. */
export function noNormalization(): NormalizationPart {
  return { name: 'noNormalization', options: {}, create: () => new Identity() };
}

class Identity extends Module {
  forward(x: tf.Tensor2D): tf.Tensor2D {
    return x;
  }
}
