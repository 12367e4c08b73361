/** The Transformer layer of LinRec. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import { Module } from '../core/module.ts';
import type { Rng } from '../core/rng.ts';
import { refuseOthers } from '../core/shape.ts';
import { type Activation, gelu } from '../ops/activations.ts';
import { dropoutAdd } from '../ops/dropout.ts';
import { selectRows } from '../ops/gather-rows.ts';
import type { BlockPart, BlockSize, SequenceBlock } from './block.ts';
import { FeedForward } from './feed-forward.ts';
import { LayerNorm } from './layer-norm.ts';
import { LinearAttention } from './linear-attention.ts';

export interface LinRecBlockOptions {
  /** A row reads only its own past. @defaultValue true where the model is causal */
  causal?: boolean | undefined;
  /** Inner width of the feed-forward network. @defaultValue 4 · dim */
  hidden?: number | undefined;
  /** @defaultValue gelu */
  activation?: Activation | undefined;
  /** What the sums of the attention are multiplied by. @defaultValue 1 / √(dim / heads) */
  scale?: number | undefined;
  /** Of both layer norms. @defaultValue 1e-12 */
  epsilon?: number | undefined;
}

/** A post-norm Transformer layer with {@link LinearAttention}; with `causal: false` its rows read the future. */
export class LinRecBlock extends Module implements SequenceBlock {
  readonly attention: LinearAttention;
  readonly norm1: LayerNorm;
  readonly feedForward: FeedForward;
  readonly norm2: LayerNorm;
  readonly causal: boolean;
  readonly dropout: number;

  constructor({
    dim,
    heads,
    dropout = 0,
    causal = true,
    hidden,
    activation = gelu,
    scale,
    epsilon = 1e-12,
    ...others
  }: LinRecBlockOptions & Pick<BlockSize, 'dim' | 'heads'> & Partial<BlockSize>) {
    super();
    refuseOthers('LinRecBlock', others);
    this.attention = new LinearAttention({ dim, heads, scale });
    this.norm1 = new LayerNorm(dim, { epsilon });
    this.feedForward = new FeedForward({ dim, hidden, activation, dropout, innerDropout: 0 });
    this.norm2 = new LayerNorm(dim, { epsilon });
    this.causal = causal;
    this.dropout = dropout;
  }

  get reads(): 'past' | 'all' {
    return this.causal ? 'past' : 'all';
  }

  /**
   * @param x       `[N, dim]` rows of `layout`
   * @param queries the rows that are wanted, if not all
   * @returns `[N, dim]` rows of `queries`
   */
  forward(x: tf.Tensor2D, layout: Layout, rng?: Rng, queries = layout): tf.Tensor2D {
    const own = selectRows(x, layout, queries);
    const attended = this.attention.forward(own, x, { queries, keys: layout, causal: this.causal });
    const y = this.norm1.forward(dropoutAdd(own, attended, this.dropout, rng?.fork('attended'), queries));
    return this.norm2.forward(this.feedForward.forward(y, queries, rng?.fork('feedForward'), y));
  }
}

/** {@link LinRecBlock} as a part. */
export function linrecBlock(options: LinRecBlockOptions = {}): BlockPart {
  const { causal = true, hidden, activation = gelu, scale, epsilon = 1e-12, ...others } = options;
  refuseOthers('linrecBlock', others, options);
  return {
    name: 'linrecBlock',
    options: { causal, hidden, activation, scale, epsilon },
    create: (size) => new LinRecBlock({ ...size, causal: causal && size.causal, hidden, activation, scale, epsilon }),
  };
}
