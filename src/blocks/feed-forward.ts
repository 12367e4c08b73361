/** The position-wise feed-forward network, and the part that chooses a block's. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import { Module } from '../core/module.ts';
import type { Part } from '../core/part.ts';
import type { Rng } from '../core/rng.ts';
import { refuseOthers } from '../core/shape.ts';
import { type Activation, relu } from '../ops/activations.ts';
import { dropout, dropoutAdd } from '../ops/dropout.ts';
import { Linear } from './linear.ts';

export interface FeedForwardOptions {
  dim: number;
  /** Inner width. @defaultValue 4 · dim */
  hidden?: number | undefined;
  /** @defaultValue relu */
  activation?: Activation | undefined;
  /** Biases of both maps. @defaultValue true */
  bias?: boolean | undefined;
  /** Rate of dropout after the activation and after the second map. @defaultValue 0 */
  dropout?: number | undefined;
  /** Rate after the activation, where it is another: BERT's code and those made of it have none. @defaultValue dropout */
  innerDropout?: number | undefined;
}

/** A network that reads every row by itself and drops what it gives. */
export interface FeedForwardBlock extends Module {
  /**
   * @param x        `[N, dim]`
   * @param residual `[N, dim]`, added to the result
   * @returns `[N, dim]`
   */
  forward(x: tf.Tensor2D, layout: Layout, rng?: Rng, residual?: tf.Tensor2D): tf.Tensor2D;
}

/** Chooses the feed-forward network of a block. */
export interface FeedForwardPart extends Part {
  create(size: { dim: number; dropout: number }): FeedForwardBlock;
}

/** `down(activation(up(x)))` on every row by itself (Vaswani et al., 2017, section 3.3). */
export class FeedForward extends Module implements FeedForwardBlock {
  readonly up: Linear;
  readonly down: Linear;
  readonly dropout: number;
  readonly innerDropout: number;
  readonly #activation: Activation;

  constructor({ dim, hidden = 4 * dim, activation = relu, bias = true, ...rates }: FeedForwardOptions) {
    super();
    const { dropout = 0, innerDropout = dropout, ...others } = rates;
    refuseOthers('FeedForward', others);
    this.up = new Linear(dim, hidden, { bias });
    this.down = new Linear(hidden, dim, { bias });
    this.dropout = dropout;
    this.innerDropout = innerDropout;
    this.#activation = activation;
  }

  forward(x: tf.Tensor2D, layout: Layout, rng?: Rng, residual?: tf.Tensor2D): tf.Tensor2D {
    const inner = dropout(this.up.forward(x, this.#activation), this.innerDropout, rng?.fork('inner'), layout);
    const outer = this.down.forward(inner);
    if (residual) return dropoutAdd(residual, outer, this.dropout, rng?.fork('outer'), layout);
    return dropout(outer, this.dropout, rng?.fork('outer'), layout);
  }
}

/** {@link FeedForward} as a part. */
export function feedForward(options: Omit<FeedForwardOptions, 'dim' | 'dropout'> = {}): FeedForwardPart {
  const { hidden, activation = relu, bias = true, innerDropout, ...others } = options;
  refuseOthers('feedForward', others, options);
  return {
    name: 'feedForward',
    options: { hidden, activation, bias, innerDropout },
    create: (size) => new FeedForward({ ...size, hidden, activation, bias, innerDropout }),
  };
}
