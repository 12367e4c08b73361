/** Low-rank decomposed attention with decoupled positions over ragged rows. */
import * as tf from '@tensorflow/tfjs-core';
import { normal } from '../core/initializers.ts';
import { Layout } from '../core/layout.ts';
import { Module } from '../core/module.ts';
import { Parameter, tensorOf } from '../core/parameter.ts';
import type { Rng } from '../core/rng.ts';
import { checkHeads, checkNumber, refuseOthers } from '../core/shape.ts';
import { attention } from '../ops/attention.ts';
import { dropout } from '../ops/dropout.ts';
import { embedding } from '../ops/embedding.ts';
import { gatherRows, selectRows } from '../ops/gather-rows.ts';
import { pairIndices, pairProducts, pairSums } from '../ops/pairs.ts';
import { softmaxOverTime } from '../ops/softmax-over-time.ts';
import { LayerNorm } from './layer-norm.ts';
import { Linear } from './linear.ts';
import { checkPositions } from './positions/positions.ts';

export interface LightSANsAttentionOptions {
  /** Width of inputs and outputs. */
  dim: number;
  /** Heads; must divide `dim`. */
  heads: number;
  /** How many latent interests stand for the events of a sequence. @defaultValue 5 */
  interests?: number | undefined;
  /** Rate of dropout on the shares of the interests. @defaultValue 0 */
  dropout?: number | undefined;
  /** Of the norm of the positions. @defaultValue 1e-12 */
  epsilon?: number | undefined;
}

/** The sequences of one batch, and what is asked of them. */
export interface LightSANsCall {
  /** `[P, dim]` what stands for the positions 0 … P-1. */
  positions: tf.Tensor2D;
  layout: Layout;
  /** The rows that are wanted. @defaultValue layout */
  queries?: Layout | undefined;
  /** Turns dropout on. */
  rng?: Rng | undefined;
}

/**
 * The attention of LightSANs (Fan et al., SIGIR 2021), after the authors' code (RecBole, `LightMultiHeadAttention`): the
 * events of a sequence are summed up in a few interests, which spread over its rows, and beside them every event spreads
 * over the rows by their positions alone. Both spread with a softmax over the rows that receive, as the code has it, where
 * the paper's text takes it over the interests; positions share over all P, the authors' window. Every row reads the whole
 * sequence, and the work grows with rows times interests and with the pairs of positions.
 */
export class LightSANsAttention extends Module {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  /** θ of the keys, `[interests, dim]`. */
  readonly keyInterests: Parameter;
  /** θ of the values, `[interests, dim]`. */
  readonly valueInterests: Parameter;
  readonly positionNorm: LayerNorm;
  readonly positionQuery: Linear;
  readonly positionKey: Linear;
  readonly output: Linear;
  readonly heads: number;
  readonly interests: number;
  readonly dropout: number;

  constructor({ dim, heads, interests = 5, dropout = 0, epsilon = 1e-12, ...others }: LightSANsAttentionOptions) {
    super();
    refuseOthers('LightSANsAttention', others);
    this.heads = checkHeads(dim, heads);
    this.interests = checkNumber('interests', interests, { min: 1, integer: true });
    this.dropout = checkNumber('dropout', dropout, { min: 0, below: 1 });
    this.query = new Linear(dim, dim);
    this.key = new Linear(dim, dim);
    this.value = new Linear(dim, dim);
    this.keyInterests = new Parameter([interests, dim], normal(1));
    this.valueInterests = new Parameter([interests, dim], normal(1));
    this.positionNorm = new LayerNorm(dim, { epsilon });
    this.positionQuery = new Linear(dim, dim);
    this.positionKey = new Linear(dim, dim);
    this.output = new Linear(dim, dim);
  }

  /**
   * @param x `[N, dim]` rows of the layout
   * @returns `[N, dim]` rows of the queries
   */
  forward(x: tf.Tensor2D, { positions, layout, queries = layout, rng }: LightSANsCall): tf.Tensor2D {
    const { heads } = this;
    const values = this.value.forward(x);
    const interests = layout.derived(`interests ${this.interests}`, () => this.#layoutOf(layout.count));
    const keys = this.#interestsOf(this.keyInterests, this.key.forward(x), layout, interests);
    const shares = this.#itemShares(this.query.forward(x), keys, layout, interests);
    const dropped = selectRows(dropout(shares, this.dropout, rng?.fork('interests'), layout), layout, queries);
    const weights = tf.reshape(tf.slice(dropped, 0, queries.rows), [-1, heads]) as tf.Tensor2D;
    const summed = this.#interestsOf(this.valueInterests, values, layout, interests);
    const items = pairSums(weights, summed, { queries, keys: interests, heads });
    const places = pairSums(this.#positionShares(positions, layout, queries), values, { queries, keys: layout, heads });
    return this.output.forward(tf.add(items, places));
  }

  #layoutOf(count: number): Layout {
    return new Layout(Int32Array.from({ length: count + 1 }, (_, b) => b * this.interests));
  }

  /** `[B · interests, dim]`: for each interest the mean of its sequence's rows by the softmax of θ · row. */
  #interestsOf(theta: Parameter, x: tf.Tensor2D, keys: Layout, queries: Layout): tf.Tensor2D {
    const scaled: tf.Tensor2D = tf.mul(tensorOf<tf.Tensor>(theta), Math.sqrt(x.shape[1])); // attention divides by it
    const asked = gatherRows(
      scaled,
      Int32Array.from({ length: queries.rows }, (_, i) => i % this.interests),
    );
    return attention(asked, x, x, { queries, keys, heads: 1 });
  }

  /** `[capacity, interests · heads]`: how each interest spreads over the rows of its sequence. */
  #itemShares(q: tf.Tensor2D, keys: tf.Tensor2D, layout: Layout, interests: Layout): tf.Tensor2D {
    const { heads } = this;
    const scaled: tf.Tensor2D = tf.mul(q, Math.sqrt(heads / q.shape[1]));
    const products = pairProducts(scaled, keys, { queries: layout, keys: interests, heads });
    const rows = tf.reshape(products, [layout.rows, this.interests * heads]) as tf.Tensor2D;
    const spare = layout.capacity - layout.rows;
    return softmaxOverTime(spare > 0 ? tf.pad(rows, [[0, spare], [0, 0]]) : rows, layout); // biome-ignore format: one line
  }

  /** `[pairs, heads]`: how the position of each key spreads over the positions of the queries. */
  #positionShares(positions: tf.Tensor2D, layout: Layout, queries: Layout): tf.Tensor2D {
    const [count, dim] = positions.shape;
    const { heads } = this;
    checkPositions(layout, count, layout.positions);
    const window = layout.derived(`window ${count}`, () => new Layout(Int32Array.of(0, count)));
    const x = this.positionNorm.forward(positions);
    // Theirs is scaled twice: by √(2 width) and again by √width.
    const q: tf.Tensor2D = tf.mul(this.positionQuery.forward(x), (Math.SQRT1_2 * heads) / dim);
    const products = pairProducts(q, this.positionKey.forward(x), { queries: window, heads });
    const shares = softmaxOverTime(tf.reshape(products, [count, count * heads]), window);
    const place = (query: number, key: number) =>
      (queries.positions[query] as number) * count + (layout.positions[key] as number);
    const rows = pairIndices(queries, layout, [layout, `places ${count}`], place);
    return embedding(tf.reshape(shares, [-1, heads]), rows);
  }
}
