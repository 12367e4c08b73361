/** The Transformer encoder layer. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import { Module } from '../core/module.ts';
import type { Rng } from '../core/rng.ts';
import { type Activation, relu } from '../ops/activations.ts';
import { dropout } from '../ops/dropout.ts';
import { MultiHeadAttention } from './attention.ts';
import type { BlockPart, BlockSize } from './block.ts';
import { FeedForward } from './feed-forward.ts';
import { LayerNorm } from './layer-norm.ts';

export interface TransformerBlockOptions {
  /** Inner width of the feed-forward network. @defaultValue 4 · dim */
  hidden?: number | undefined;
  /** @defaultValue relu */
  activation?: Activation | undefined;
  /** Normalise before each sub-layer (pre-norm) instead of after its residual (post-norm). @defaultValue false */
  normFirst?: boolean | undefined;
  /** Of both layer norms. @defaultValue 1e-5 */
  epsilon?: number | undefined;
}

/**
 * The encoder layer of Vaswani et al. (2017), with the names and the order of operations of PyTorch's
 * `TransformerEncoderLayer`: dropout on the attention weights, on the attention output, inside and after the
 * feed-forward network.
 */
export class TransformerBlock extends Module {
  readonly attention: MultiHeadAttention;
  readonly norm1: LayerNorm;
  readonly feedForward: FeedForward;
  readonly norm2: LayerNorm;
  readonly normFirst: boolean;
  readonly causal: boolean;
  readonly dropout: number;

  constructor({
    dim,
    heads,
    dropout: rate = 0,
    causal = true,
    hidden,
    activation = relu,
    normFirst = false,
    epsilon = 1e-5,
  }: TransformerBlockOptions & Pick<BlockSize, 'dim' | 'heads'> & Partial<BlockSize>) {
    super();
    this.attention = new MultiHeadAttention({ dim, heads, dropout: rate });
    this.norm1 = new LayerNorm(dim, { epsilon });
    this.feedForward = new FeedForward({ dim, hidden, activation, dropout: rate });
    this.norm2 = new LayerNorm(dim, { epsilon });
    this.normFirst = normFirst;
    this.causal = causal;
    this.dropout = rate;
  }

  /**
   * @param x `[N, dim]`
   * @returns `[N, dim]`
   */
  forward(x: tf.Tensor2D, layout: Layout, rng?: Rng): tf.Tensor2D {
    if (this.normFirst) {
      const y = tf.add(x, this.#attend(this.norm1.forward(x), layout, rng)) as tf.Tensor2D;
      return tf.add(y, this.feedForward.forward(this.norm2.forward(y), layout, rng?.fork('feedForward')));
    }
    const y = this.norm1.forward(tf.add(x, this.#attend(x, layout, rng)));
    return this.norm2.forward(tf.add(y, this.feedForward.forward(y, layout, rng?.fork('feedForward'))));
  }

  #attend(x: tf.Tensor2D, layout: Layout, rng?: Rng): tf.Tensor2D {
    const attended = this.attention.forward(x, x, x, {
      queries: layout,
      causal: this.causal,
      rng: rng?.fork('attention'),
    });
    return dropout(attended, this.dropout, rng?.fork('attended'), layout);
  }
}

/** {@link TransformerBlock} as a part. */
export function transformerBlock(options: TransformerBlockOptions = {}): BlockPart {
  const { hidden, activation = relu, normFirst = false, epsilon = 1e-5 } = options;
  return {
    name: 'transformerBlock',
    options: { hidden, activation, normFirst, epsilon },
    create: (size) => new TransformerBlock({ ...size, hidden, activation, normFirst, epsilon }),
  };
}
