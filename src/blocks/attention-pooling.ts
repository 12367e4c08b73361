/** Additive attention that makes one row of a sequence. */
import * as tf from '@tensorflow/tfjs-core';
import { fanInUniform } from '../core/initializers.ts';
import type { Layout } from '../core/layout.ts';
import { Module } from '../core/module.ts';
import { type Initializer, Parameter, tensorOf } from '../core/parameter.ts';
import { expectShape, refuseOthers } from '../core/shape.ts';
import { type Activation, sigmoid } from '../ops/activations.ts';
import { attention, attentionWeights } from '../ops/attention.ts';
import { gatherRows } from '../ops/gather-rows.ts';
import { linear } from '../ops/linear.ts';
import { segmentSum } from '../ops/segment-sum.ts';
import { Linear } from './linear.ts';

export interface AttentionPoolingOptions {
  /** Width of the rows. */
  dim: number;
  /** Whether the weights depend on a row that asks, such as the last event. @defaultValue true */
  query?: boolean | undefined;
  /** Whether the weights of a sequence are made positive with the sum 1. @defaultValue false */
  softmax?: boolean | undefined;
  /** The biases b₁ and b₂. @defaultValue true */
  bias?: boolean | undefined;
  /** @defaultValue sigmoid */
  activation?: Activation | undefined;
  /** Initial weights and biases. @defaultValue fanInUniform, biases 0 */
  init?: Initializer | undefined;
}

/**
 * The weighted sum of the rows of each sequence, with the weights vᵀ σ(W₁ q + b₁ + W₂ x + b₂): the read-out of SR-GNN (Wu et
 * al., AAAI 2019, equation 6) and of NARM (Li et al., CIKM 2017), whose codes use the weights as they are; other papers take
 * their softmax.
 */
export class AttentionPooling extends Module {
  readonly query: Linear | undefined;
  readonly key: Linear;
  /** v, `[1, dim]` */
  readonly score: Parameter;
  readonly softmax: boolean;
  readonly activation: Activation;

  constructor({
    dim,
    query = true,
    softmax = false,
    bias = true,
    activation = sigmoid,
    init,
    ...others
  }: AttentionPoolingOptions) {
    super();
    refuseOthers('AttentionPooling', others);
    const options = { bias, init: init ?? fanInUniform, biasInit: init };
    this.query = query ? new Linear(dim, dim, options) : undefined;
    this.key = new Linear(dim, dim, options);
    this.score = new Parameter([1, dim], init ?? fanInUniform);
    this.softmax = softmax;
    this.activation = activation;
  }

  /**
   * @param x      `[layout.capacity, dim]`
   * @param layout no sequence may be empty if `softmax`
   * @param query  `[B, dim]`, the row that asks in each sequence
   * @returns `[B, dim]`
   */
  forward(x: tf.Tensor2D, layout: Layout, query?: tf.Tensor2D): tf.Tensor2D {
    const keys = this.#keys(x, layout, query);
    if (this.softmax) return attention(this.#scaledScore(layout), keys, x, ofLast(layout));
    const weighted: tf.Tensor2D = tf.mul(x, linear(keys, this.score));
    const { sequences, count, rows, capacity } = layout;
    if (capacity === rows) return segmentSum(weighted, sequences, count);
    const segments = sequences.map((b) => (b < 0 ? count : b));
    return tf.slice(segmentSum(weighted, segments, count + 1), [0, 0], [count, x.shape[1]]);
  }

  /** The weight of each row `[N]`; parameters as those of {@link forward}. */
  weights(x: tf.Tensor2D, layout: Layout, query?: tf.Tensor2D): tf.Tensor1D {
    const keys = this.#keys(x, layout, query);
    if (!this.softmax) return tf.slice(tf.reshape<tf.Rank.R1>(linear(keys, this.score), [-1]), 0, layout.rows);
    return tf.concat(
      attentionWeights(this.#scaledScore(layout), keys, ofLast(layout)).map((w) => tf.reshape<tf.Rank.R1>(w, [-1])),
    );
  }

  #keys(x: tf.Tensor2D, layout: Layout, query: tf.Tensor2D | undefined): tf.Tensor2D {
    expectShape(x, [layout.capacity, -1], 'The input of AttentionPooling');
    if (Boolean(query) !== Boolean(this.query)) {
      throw new Error(`This AttentionPooling ${this.query ? 'needs a query' : 'takes no query'}.`);
    }
    const key = this.key.forward(x);
    if (!this.query || !query) return this.activation(key);
    expectShape(query, [layout.count, -1], 'The query of AttentionPooling');
    const asked = gatherRows(
      this.query.forward(query),
      layout.sequences.map((b) => Math.max(0, b)),
    );
    return this.activation(tf.add(key, asked));
  }

  /** v as the query of dot-product attention, which divides by √dim. */
  #scaledScore({ count }: Layout): tf.Tensor2D {
    const score = tensorOf<tf.Tensor>(this.score) as tf.Tensor2D;
    return gatherRows(tf.mul(score, Math.sqrt(score.shape[1])), new Int32Array(count));
  }
}

/** One query a sequence. */
function ofLast(layout: Layout) {
  return { queries: layout.last(), keys: layout, heads: 1 };
}
