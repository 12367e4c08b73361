/** The gated Transformer layer of LiGR and eSASRec. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import { Module } from '../core/module.ts';
import { create } from '../core/part.ts';
import type { Rng } from '../core/rng.ts';
import { checkOneOf, refuseOthers } from '../core/shape.ts';
import { sigmoid } from '../ops/activations.ts';
import { dropout } from '../ops/dropout.ts';
import { selectRows } from '../ops/gather-rows.ts';
import { MultiHeadAttention } from './attention.ts';
import type { BlockPart, BlockSize, Continued, SequenceBlock } from './block.ts';
import type { FeedForwardBlock, FeedForwardPart } from './feed-forward.ts';
import { LayerNorm } from './layer-norm.ts';
import { Linear } from './linear.ts';
import { swiglu } from './swiglu.ts';

export interface LigrBlockOptions {
  /** @defaultValue swiglu() */
  feedForward?: FeedForwardPart | undefined;
  /** What the gates read: the rows as they come ('input'), or what the gated branch itself reads. @defaultValue 'input' */
  gate?: 'input' | 'normalized' | undefined;
  /** Of both layer norms. @defaultValue 1e-5 */
  epsilon?: number | undefined;
}

/**
 * A pre-norm Transformer layer whose two residual branches each pass a gate, `x + branch(norm(x)) · σ(gate(x))`
 * ("learned normalisation" of LiGR: Borisyuk et al., 2025, section 4.2.2; the layer of eSASRec: Tikhonovich et al., RecSys
 * 2025). As in RecTools (`ligr.py`), the code of eSASRec's authors, the gates read the rows before the layer norm, and the
 * feed-forward network is a {@link SwiGLU} without biases. WarpRec's gates read them after it: `gate: 'normalized'`.
 */
export class LigrBlock extends Module implements SequenceBlock {
  readonly norm1: LayerNorm;
  readonly attention: MultiHeadAttention;
  readonly gate1: Linear;
  readonly norm2: LayerNorm;
  readonly feedForward: FeedForwardBlock;
  readonly gate2: Linear;
  readonly gate: 'input' | 'normalized';
  readonly causal: boolean;
  readonly dropout: number;

  constructor({
    dim,
    heads,
    dropout = 0,
    causal = true,
    feedForward = swiglu(),
    gate = 'input',
    epsilon = 1e-5,
    ...others
  }: LigrBlockOptions & Pick<BlockSize, 'dim' | 'heads'> & Partial<BlockSize>) {
    super();
    refuseOthers('LigrBlock', others);
    this.norm1 = new LayerNorm(dim, { epsilon });
    this.attention = new MultiHeadAttention({ dim, heads, dropout });
    this.gate1 = new Linear(dim, dim);
    this.norm2 = new LayerNorm(dim, { epsilon });
    this.feedForward = create('feedForward', feedForward, { dim, dropout });
    this.gate2 = new Linear(dim, dim);
    this.gate = checkOneOf('gate', gate, ['input', 'normalized']);
    this.causal = causal;
    this.dropout = dropout;
  }

  /**
   * @param x       `[N, dim]` rows of `layout`
   * @param queries the rows that are wanted, if not all
   * @returns `[N, dim]` rows of `queries`
   */
  forward(x: tf.Tensor2D, layout: Layout, rng?: Rng, queries = layout): tf.Tensor2D {
    const keys = this.norm1.forward(x);
    const query = selectRows(keys, layout, queries);
    const attended = this.attention.forward(query, keys, keys, {
      queries,
      keys: layout,
      causal: this.causal,
      rng: rng?.fork('attention'),
    });
    return this.#finish(selectRows(x, layout, queries), query, attended, queries, rng);
  }

  resume(x: tf.Tensor2D, layout: Layout, before?: readonly tf.Tensor2D[], queries = layout): Continued {
    const keys = this.norm1.forward(x);
    const query = selectRows(keys, layout, queries);
    const { states, after } = this.attention.resume(query, keys, keys, { queries, causal: this.causal }, before);
    return { states: this.#finish(selectRows(x, layout, queries), query, states, queries), after };
  }

  attentionWeights(x: tf.Tensor2D, layout: Layout, queries = layout): tf.Tensor3D[] {
    const keys = this.norm1.forward(x);
    const call = { queries, keys: layout, causal: this.causal };
    return this.attention.weights(selectRows(keys, layout, queries), keys, call);
  }

  /** All after the attention. */
  #finish(x: tf.Tensor2D, query: tf.Tensor2D, attended: tf.Tensor2D, layout: Layout, rng?: Rng): tf.Tensor2D {
    const dropped = dropout(attended, this.dropout, rng?.fork('attended'), layout);
    const y = this.#gated(x, query, dropped, this.gate1);
    const normal = this.norm2.forward(y);
    return this.#gated(y, normal, this.feedForward.forward(normal, layout, rng?.fork('feedForward')), this.gate2);
  }

  #gated(x: tf.Tensor2D, normal: tf.Tensor2D, branch: tf.Tensor2D, gate: Linear): tf.Tensor2D {
    const open = gate.forward(this.gate === 'input' ? x : normal, sigmoid);
    return tf.add(x, tf.mul(branch, open));
  }
}

/** {@link LigrBlock} as a part. */
export function ligrBlock(options: LigrBlockOptions = {}): BlockPart {
  const { feedForward = swiglu(), gate = 'input', epsilon = 1e-5, ...others } = options;
  refuseOthers('ligrBlock', others, options);
  return {
    name: 'ligrBlock',
    options: { feedForward, gate, epsilon },
    create: (size) => new LigrBlock({ ...size, feedForward, gate, epsilon }),
  };
}
