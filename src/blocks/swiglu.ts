/** The gated feed-forward network of recent language models. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import { Module } from '../core/module.ts';
import type { Rng } from '../core/rng.ts';
import { refuseOthers } from '../core/shape.ts';
import { silu } from '../ops/activations.ts';
import { dropout, dropoutAdd } from '../ops/dropout.ts';
import type { FeedForwardBlock, FeedForwardPart } from './feed-forward.ts';
import { Linear } from './linear.ts';

export interface SwiGLUOptions {
  dim: number;
  /** Inner width. @defaultValue 4 · dim */
  hidden?: number | undefined;
  /** Biases of the three maps. @defaultValue false */
  bias?: boolean | undefined;
  /** Rate of dropout on the inner rows and after the last map. @defaultValue 0 */
  dropout?: number | undefined;
}

/**
 * `down(silu(gate(x)) · up(x))` on every row by itself (Shazeer, 2020). RecTools, whose defaults these are, does not
 * shorten the inner width to two thirds as the paper does to keep the number of weights.
 */
export class SwiGLU extends Module implements FeedForwardBlock {
  readonly gate: Linear;
  readonly up: Linear;
  readonly down: Linear;
  readonly dropout: number;

  constructor({ dim, hidden = 4 * dim, bias = false, dropout = 0, ...others }: SwiGLUOptions) {
    super();
    refuseOthers('SwiGLU', others);
    this.gate = new Linear(dim, hidden, { bias });
    this.up = new Linear(dim, hidden, { bias });
    this.down = new Linear(hidden, dim, { bias });
    this.dropout = dropout;
  }

  forward(x: tf.Tensor2D, layout: Layout, rng?: Rng, residual?: tf.Tensor2D): tf.Tensor2D {
    const gated: tf.Tensor2D = tf.mul(this.gate.forward(x, silu), this.up.forward(x));
    const outer = this.down.forward(dropout(gated, this.dropout, rng?.fork('inner'), layout));
    if (residual) return dropoutAdd(residual, outer, this.dropout, rng?.fork('outer'), layout);
    return dropout(outer, this.dropout, rng?.fork('outer'), layout);
  }
}

/** {@link SwiGLU} as a part. */
export function swiglu(options: Omit<SwiGLUOptions, 'dim' | 'dropout'> = {}): FeedForwardPart {
  const { hidden, bias = false, ...others } = options;
  refuseOthers('swiglu', others, options);
  return {
    name: 'swiglu',
    options: { hidden, bias },
    create: (size) => new SwiGLU({ ...size, hidden, bias }),
  };
}
