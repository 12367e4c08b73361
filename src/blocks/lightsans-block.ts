/** The layer of LightSANs. */
import type * as tf from '@tensorflow/tfjs-core';
import { Module } from '../core/module.ts';
import { refuseOthers } from '../core/shape.ts';
import { type Activation, gelu } from '../ops/activations.ts';
import { dropoutAdd } from '../ops/dropout.ts';
import { selectRows } from '../ops/gather-rows.ts';
import { FeedForward } from './feed-forward.ts';
import { LayerNorm } from './layer-norm.ts';
import { LightSANsAttention, type LightSANsCall } from './lightsans-attention.ts';

export interface LightSANsBlockOptions {
  dim: number;
  /** Heads; must divide `dim`. */
  heads: number;
  /** How many latent interests stand for the events of a sequence. @defaultValue 5 */
  interests?: number | undefined;
  /** Inner width of the feed-forward network. @defaultValue 4 · dim */
  hidden?: number | undefined;
  /** @defaultValue gelu */
  activation?: Activation | undefined;
  /** Rate of every dropout. @defaultValue 0 */
  dropout?: number | undefined;
  /** Of all layer norms. @defaultValue 1e-12 */
  epsilon?: number | undefined;
}

/** A post-norm Transformer layer with {@link LightSANsAttention}; its rows read the whole sequence. */
export class LightSANsBlock extends Module {
  readonly attention: LightSANsAttention;
  readonly norm1: LayerNorm;
  readonly feedForward: FeedForward;
  readonly norm2: LayerNorm;
  readonly dropout: number;

  constructor({
    dim,
    heads,
    interests,
    hidden,
    activation = gelu,
    dropout = 0,
    epsilon = 1e-12,
    ...others
  }: LightSANsBlockOptions) {
    super();
    refuseOthers('LightSANsBlock', others);
    this.attention = new LightSANsAttention({ dim, heads, interests, dropout, epsilon });
    this.norm1 = new LayerNorm(dim, { epsilon });
    this.feedForward = new FeedForward({ dim, hidden, activation, dropout, innerDropout: 0 });
    this.norm2 = new LayerNorm(dim, { epsilon });
    this.dropout = dropout;
  }

  /**
   * @param x `[N, dim]` rows of the layout
   * @returns `[N, dim]` rows of the queries
   */
  forward(x: tf.Tensor2D, { positions, layout, queries = layout, rng }: LightSANsCall): tf.Tensor2D {
    const attended = this.attention.forward(x, { positions, layout, queries, rng: rng?.fork('attention') });
    const own = selectRows(x, layout, queries);
    const y = this.norm1.forward(dropoutAdd(own, attended, this.dropout, rng?.fork('attended'), queries));
    return this.norm2.forward(this.feedForward.forward(y, queries, rng?.fork('feedForward'), y));
  }
}
