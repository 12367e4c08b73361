/** The self-attention block of SASRec as its authors wrote it. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import { Module } from '../core/module.ts';
import type { Rng } from '../core/rng.ts';
import { refuseOthers } from '../core/shape.ts';
import { type Activation, relu } from '../ops/activations.ts';
import { selectRows } from '../ops/gather-rows.ts';
import { MultiHeadAttention } from './attention.ts';
import type { BlockPart, BlockSize, Continued, SequenceBlock } from './block.ts';
import { FeedForward } from './feed-forward.ts';
import { LayerNorm } from './layer-norm.ts';
import type { AttentionPositionsPart } from './positions/attention-positions.ts';

export interface SASRecBlockOptions {
  /** Inner width of the feed-forward network. @defaultValue dim */
  hidden?: number | undefined;
  /** @defaultValue relu */
  activation?: Activation | undefined;
  /** A linear map over the joined heads, as RecTools adds. @defaultValue false */
  outputProjection?: boolean | undefined;
  /** Positions inside the attention: `relativeBias()` or `rotary()`. @defaultValue none */
  positions?: AttentionPositionsPart | undefined;
  /** Of both layer norms. @defaultValue 1e-8 */
  epsilon?: number | undefined;
}

/**
 * The block of Kang & McAuley (2018) after the authors' code (kang205/SASRec, `model.py` and `modules.py`), which
 * differs from the paper's text: only the query is normalised, keys and values read the raw input; the residual adds
 * the normalised query, not the input; heads are joined without an output projection; the feed-forward network reads
 * and adds its normalised input. Dropout acts on the attention weights and twice in the feed-forward network.
 */
export class SASRecBlock extends Module implements SequenceBlock {
  readonly attention: MultiHeadAttention;
  readonly norm1: LayerNorm;
  readonly feedForward: FeedForward;
  readonly norm2: LayerNorm;
  readonly causal: boolean;

  constructor({
    dim,
    heads,
    dropout = 0,
    causal = true,
    hidden = dim,
    activation = relu,
    outputProjection = false,
    positions,
    epsilon = 1e-8,
    ...others
  }: SASRecBlockOptions & Pick<BlockSize, 'dim' | 'heads'> & Partial<BlockSize>) {
    super();
    refuseOthers('SASRecBlock', others);
    this.attention = new MultiHeadAttention({ dim, heads, dropout, outputProjection, positions });
    this.norm1 = new LayerNorm(dim, { epsilon });
    this.feedForward = new FeedForward({ dim, hidden, activation, dropout });
    this.norm2 = new LayerNorm(dim, { epsilon });
    this.causal = causal;
  }

  /**
   * @param x       `[N, dim]` rows of `layout`
   * @param queries the rows that are wanted, if not all
   * @returns `[N, dim]` rows of `queries`
   */
  forward(x: tf.Tensor2D, layout: Layout, rng?: Rng, queries = layout): tf.Tensor2D {
    const query = this.norm1.forward(selectRows(x, layout, queries));
    const attended = this.attention.forward(query, x, x, {
      queries,
      keys: layout,
      causal: this.causal,
      rng: rng?.fork('attention'),
    });
    return this.#finish(query, attended, queries, rng);
  }

  resume(x: tf.Tensor2D, layout: Layout, before?: readonly tf.Tensor2D[], queries = layout): Continued {
    const query = this.norm1.forward(selectRows(x, layout, queries));
    const { states, after } = this.attention.resume(query, x, x, { queries, causal: this.causal }, before);
    return { states: this.#finish(query, states, queries), after };
  }

  attentionWeights(x: tf.Tensor2D, layout: Layout, queries = layout): tf.Tensor3D[] {
    const query = this.norm1.forward(selectRows(x, layout, queries));
    return this.attention.weights(query, x, { queries, keys: layout, causal: this.causal });
  }

  /** All after the attention. */
  #finish(query: tf.Tensor2D, attended: tf.Tensor2D, layout: Layout, rng?: Rng): tf.Tensor2D {
    const y = this.norm2.forward(tf.add(query, attended));
    return this.feedForward.forward(y, layout, rng?.fork('feedForward'), y);
  }
}

/** {@link SASRecBlock} as a part. */
export function sasrecBlock(options: SASRecBlockOptions = {}): BlockPart {
  const { hidden, activation = relu, outputProjection = false, positions, epsilon = 1e-8, ...others } = options;
  refuseOthers('sasrecBlock', others, options);
  return {
    name: 'sasrecBlock',
    options: { hidden, activation, outputProjection, positions, epsilon },
    create: (size) => new SASRecBlock({ ...size, hidden, activation, outputProjection, positions, epsilon }),
  };
}
