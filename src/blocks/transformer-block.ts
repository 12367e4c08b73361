/** The Transformer encoder layer. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import { Module } from '../core/module.ts';
import type { Rng } from '../core/rng.ts';
import { refuseOthers } from '../core/shape.ts';
import { type Activation, relu } from '../ops/activations.ts';
import { dropoutAdd } from '../ops/dropout.ts';
import { selectRows } from '../ops/gather-rows.ts';
import { MultiHeadAttention } from './attention.ts';
import type { BlockPart, BlockSize, Continued, SequenceBlock } from './block.ts';
import { FeedForward } from './feed-forward.ts';
import { LayerNorm } from './layer-norm.ts';
import type { AttentionPositionsPart } from './positions/attention-positions.ts';

export interface TransformerBlockOptions {
  /** Inner width of the feed-forward network. @defaultValue 4 · dim */
  hidden?: number | undefined;
  /** @defaultValue relu */
  activation?: Activation | undefined;
  /** Normalise before each sub-layer (pre-norm) instead of after its residual (post-norm). @defaultValue false */
  normFirst?: boolean | undefined;
  /** Positions inside the attention: `relativeBias()` or `rotary()`. @defaultValue none */
  positions?: AttentionPositionsPart | undefined;
  /** Of both layer norms. @defaultValue 1e-5 */
  epsilon?: number | undefined;
}

/**
 * The encoder layer of Vaswani et al. (2017), with the names and the order of operations of PyTorch's
 * `TransformerEncoderLayer`: dropout on the attention weights, on the attention output, inside and after the
 * feed-forward network.
 */
export class TransformerBlock extends Module implements SequenceBlock {
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
    positions,
    epsilon = 1e-5,
    ...others
  }: TransformerBlockOptions & Pick<BlockSize, 'dim' | 'heads'> & Partial<BlockSize>) {
    super();
    refuseOthers('TransformerBlock', others);
    this.attention = new MultiHeadAttention({ dim, heads, dropout: rate, positions });
    this.norm1 = new LayerNorm(dim, { epsilon });
    this.feedForward = new FeedForward({ dim, hidden, activation, dropout: rate });
    this.norm2 = new LayerNorm(dim, { epsilon });
    this.normFirst = normFirst;
    this.causal = causal;
    this.dropout = rate;
  }

  /**
   * @param x       `[N, dim]` rows of `layout`
   * @param queries the rows that are wanted, if not all
   * @returns `[N, dim]` rows of `queries`
   */
  forward(x: tf.Tensor2D, layout: Layout, rng?: Rng, queries = layout): tf.Tensor2D {
    const keys = this.#keys(x);
    const attended = this.attention.forward(selectRows(keys, layout, queries), keys, keys, {
      queries,
      keys: layout,
      causal: this.causal,
      rng: rng?.fork('attention'),
    });
    return this.#finish(selectRows(x, layout, queries), attended, queries, rng);
  }

  resume(x: tf.Tensor2D, layout: Layout, before?: readonly tf.Tensor2D[], queries = layout): Continued {
    const keys = this.#keys(x);
    const call = { queries, causal: this.causal };
    const { states, after } = this.attention.resume(selectRows(keys, layout, queries), keys, keys, call, before);
    return { states: this.#finish(selectRows(x, layout, queries), states, queries), after };
  }

  attentionWeights(x: tf.Tensor2D, layout: Layout, queries = layout): tf.Tensor3D[] {
    const keys = this.#keys(x);
    return this.attention.weights(selectRows(keys, layout, queries), keys, {
      queries,
      keys: layout,
      causal: this.causal,
    });
  }

  /** What the attention reads. */
  #keys(x: tf.Tensor2D): tf.Tensor2D {
    return this.normFirst ? this.norm1.forward(x) : x;
  }

  /** All after the attention. */
  #finish(x: tf.Tensor2D, attended: tf.Tensor2D, layout: Layout, rng?: Rng): tf.Tensor2D {
    const sum = dropoutAdd(x, attended, this.dropout, rng?.fork('attended'), layout);
    const inside = rng?.fork('feedForward');
    if (this.normFirst) return this.feedForward.forward(this.norm2.forward(sum), layout, inside, sum);
    const y = this.norm1.forward(sum);
    return this.norm2.forward(this.feedForward.forward(y, layout, inside, y));
  }
}

/** {@link TransformerBlock} as a part. */
export function transformerBlock(options: TransformerBlockOptions = {}): BlockPart {
  const { hidden, activation = relu, normFirst = false, positions, epsilon = 1e-5, ...others } = options;
  refuseOthers('transformerBlock', others, options);
  return {
    name: 'transformerBlock',
    options: { hidden, activation, normFirst, positions, epsilon },
    create: (size) => new TransformerBlock({ ...size, hidden, activation, normFirst, positions, epsilon }),
  };
}
