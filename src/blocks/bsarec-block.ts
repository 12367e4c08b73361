/** The layer of BSARec. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import { Module } from '../core/module.ts';
import type { Rng } from '../core/rng.ts';
import { checkNumber, refuseOthers } from '../core/shape.ts';
import { type Activation, gelu } from '../ops/activations.ts';
import { dropoutAdd } from '../ops/dropout.ts';
import { selectRows } from '../ops/gather-rows.ts';
import { MultiHeadAttention } from './attention.ts';
import type { BlockPart, BlockSize, SequenceBlock } from './block.ts';
import { FeedForward } from './feed-forward.ts';
import { FrequencyFilter } from './frequency-filter.ts';
import { LayerNorm } from './layer-norm.ts';

export interface BSARecBlockOptions {
  /** Share of the filter in the sum of both branches, 0 to 1; the rest is attention. @defaultValue 0.7 */
  alpha?: number | undefined;
  /** What the filter takes for slow: the frequencies 0 … ⌊c / 2⌋ of a sequence. @defaultValue 5 */
  c?: number | undefined;
  /** Inner width of the feed-forward network. @defaultValue 4 · dim */
  hidden?: number | undefined;
  /** @defaultValue gelu */
  activation?: Activation | undefined;
  /** Of all layer norms. @defaultValue 1e-12 */
  epsilon?: number | undefined;
}

/**
 * A filter and an attention beside each other, each with its own residual and norm, then a feed-forward network:
 * `α LN(x + filter(x)) + (1 - α) LN(x + attention(x))` (BSARec: Shin et al., AAAI 2024; yehjin-shin/BSARec). The attention
 * looks back only, the {@link FrequencyFilter} reads the whole sequence.
 */
export class BSARecBlock extends Module implements SequenceBlock {
  readonly reads = 'all';
  readonly filter: FrequencyFilter;
  readonly filterNorm: LayerNorm;
  readonly attention: MultiHeadAttention;
  readonly attentionNorm: LayerNorm;
  readonly feedForward: FeedForward;
  readonly norm: LayerNorm;
  readonly alpha: number;
  readonly causal: boolean;
  readonly dropout: number;

  constructor({
    dim,
    heads,
    dropout = 0,
    causal = true,
    alpha = 0.7,
    c,
    hidden,
    activation = gelu,
    epsilon = 1e-12,
    ...others
  }: BSARecBlockOptions & Pick<BlockSize, 'dim' | 'heads'> & Partial<BlockSize>) {
    super();
    refuseOthers('BSARecBlock', others);
    this.alpha = checkNumber('alpha', alpha, { min: 0, max: 1 });
    this.filter = new FrequencyFilter({ dim, c });
    this.filterNorm = new LayerNorm(dim, { epsilon });
    this.attention = new MultiHeadAttention({ dim, heads, dropout });
    this.attentionNorm = new LayerNorm(dim, { epsilon });
    this.feedForward = new FeedForward({ dim, hidden, activation, dropout, innerDropout: 0 });
    this.norm = new LayerNorm(dim, { epsilon });
    this.causal = causal;
    this.dropout = dropout;
  }

  /**
   * @param x       `[N, dim]` rows of `layout`
   * @param queries the rows that are wanted, if not all
   * @returns `[N, dim]` rows of `queries`
   */
  forward(x: tf.Tensor2D, layout: Layout, rng?: Rng, queries = layout): tf.Tensor2D {
    const filtered = selectRows(this.filter.forward(x, layout), layout, queries);
    const own = selectRows(x, layout, queries);
    const attended = this.attention.forward(own, x, x, {
      queries,
      keys: layout,
      causal: this.causal,
      rng: rng?.fork('attention'),
    });
    const one = this.filterNorm.forward(dropoutAdd(own, filtered, this.dropout, rng?.fork('filtered'), queries));
    const other = this.attentionNorm.forward(dropoutAdd(own, attended, this.dropout, rng?.fork('attended'), queries));
    const y: tf.Tensor2D = tf.add(tf.mul(one, this.alpha), tf.mul(other, 1 - this.alpha));
    return this.norm.forward(this.feedForward.forward(y, queries, rng?.fork('feedForward'), y));
  }

  attentionWeights(x: tf.Tensor2D, layout: Layout, queries = layout): tf.Tensor3D[] {
    const call = { queries, keys: layout, causal: this.causal };
    return this.attention.weights(selectRows(x, layout, queries), x, call);
  }
}

/** {@link BSARecBlock} as a part. */
export function bsarecBlock(options: BSARecBlockOptions = {}): BlockPart {
  const { alpha = 0.7, c = 5, hidden, activation = gelu, epsilon = 1e-12, ...others } = options;
  refuseOthers('bsarecBlock', others, options);
  const settings = { alpha, c, hidden, activation, epsilon };
  return { name: 'bsarecBlock', options: settings, create: (size) => new BSARecBlock({ ...size, ...settings }) };
}
