/** Multi-head attention over ragged rows. */
import * as tf from '@tensorflow/tfjs-core';
import { Layout } from '../core/layout.ts';
import { Module } from '../core/module.ts';
import { tensorOf, type Weight } from '../core/parameter.ts';
import { create } from '../core/part.ts';
import type { Rng } from '../core/rng.ts';
import { checkHeads, checkNumber, refuseOthers } from '../core/shape.ts';
import { attention, attentionWeights } from '../ops/attention.ts';
import type { Continued } from './block.ts';
import { Linear } from './linear.ts';
import type { AttentionPositions, AttentionPositionsPart } from './positions/attention-positions.ts';

export interface MultiHeadAttentionOptions {
  /** Width of inputs and outputs. */
  dim: number;
  /** Heads; must divide `dim`. */
  heads: number;
  /** Biases in the projections. @defaultValue true */
  bias?: boolean | undefined;
  /** A last linear map over the joined heads; SASRec's authors have none. @defaultValue true */
  outputProjection?: boolean | undefined;
  /** Rate of dropout on the attention weights. @defaultValue 0 */
  dropout?: number | undefined;
  /** Positions inside the attention: `relativeBias()` or `rotary()`. @defaultValue none */
  positions?: AttentionPositionsPart | undefined;
}

export interface AttentionCall {
  /** Layout of the query rows. */
  queries: Layout;
  /** Layout of the key and value rows. @defaultValue queries */
  keys?: Layout | undefined;
  /** A query sees only keys whose position is not above its own. @defaultValue false */
  causal?: boolean | undefined;
  /** Added to the scores: `[1 or heads, P, P]`, indexed by query and key position. With `positions` that have a bias, P is theirs. */
  bias?: Weight<tf.Tensor3D> | undefined;
  /** Turns dropout on. */
  rng?: Rng | undefined;
}

/**
 * Multi-head scaled dot-product attention (Vaswani et al., 2017, section 3.2). The weights of query, key and value are
 * three linear maps `[dim, dim]`; PyTorch's `in_proj_weight` is the three stacked.
 */
export class MultiHeadAttention extends Module {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly output: Linear | undefined;
  readonly positions: AttentionPositions | undefined;
  readonly heads: number;
  readonly dropout: number;

  constructor({ dim, heads, dropout = 0, positions, ...options }: MultiHeadAttentionOptions) {
    super();
    const { bias = true, outputProjection = true, ...others } = options;
    refuseOthers('MultiHeadAttention', others);
    this.heads = checkHeads(dim, heads);
    this.dropout = checkNumber('dropout', dropout, { min: 0, below: 1 });
    this.query = new Linear(dim, dim, { bias });
    this.key = new Linear(dim, dim, { bias });
    this.value = new Linear(dim, dim, { bias });
    this.output = outputProjection ? new Linear(dim, dim, { bias }) : undefined;
    this.positions = positions && create('positions', positions, { dim, heads });
  }

  /**
   * @param query `[Nq, dim]` rows of `queries`
   * @param key   `[Nk, dim]` rows of `keys`
   * @param value `[Nk, dim]` rows of `keys`
   * @returns `[Nq, dim]`
   */
  forward(query: tf.Tensor2D, key: tf.Tensor2D, value: tf.Tensor2D, call: AttentionCall): tf.Tensor2D {
    const keys = this.#turned(this.key.forward(key), call.keys ?? call.queries);
    return this.#attend(query, keys, this.value.forward(value), call);
  }

  /**
   * {@link forward} for rows that follow others of the same, single sequence.
   *
   * @param query  `[Nq, dim]` rows of `queries`, at positions that count those before
   * @param key    `[Nk, dim]` the new rows
   * @param value  `[Nk, dim]` the new rows
   * @param call   must be causal: rows before would see the new ones otherwise
   * @param before what `after` was for the rows before: their keys and values
   */
  resume(
    query: tf.Tensor2D,
    key: tf.Tensor2D,
    value: tf.Tensor2D,
    call: Omit<AttentionCall, 'keys' | 'rng'>,
    before: readonly tf.Tensor2D[] = [],
  ): Continued {
    if (!call.causal || call.queries.count !== 1) {
      throw new Error(
        `Attention goes on where it is causal and of one sequence, got ${call.queries.count} and causal: ${Boolean(call.causal)}: use forward.`,
      );
    }
    using fresh = new Layout(Int32Array.of(0, key.shape[0]), { starts: Int32Array.of(before[0]?.shape[0] ?? 0) });
    const added = [this.#turned(this.key.forward(key), fresh), this.value.forward(value)];
    const after = added.map((rows, i) => (before[i] ? tf.concat([before[i], rows]) : rows));
    const [keys, values] = after as [tf.Tensor2D, tf.Tensor2D];
    using layout = new Layout(Int32Array.of(0, keys.shape[0]));
    return { states: this.#attend(query, keys, values, { ...call, keys: layout }), after };
  }

  /** The keys and values are projected, and the keys turned, already. */
  #attend(query: tf.Tensor2D, keys: tf.Tensor2D, values: tf.Tensor2D, call: AttentionCall): tf.Tensor2D {
    const queries = this.#turned(this.query.forward(query), call.queries);
    const dropout = { rate: this.dropout, rng: call.rng };
    const joined = attention(queries, keys, values, { ...this.#options(call), dropout });
    return this.output ? this.output.forward(joined) : joined;
  }

  /** The attention weights, one tensor `[heads, Tq, Tk]` a sequence. */
  weights(query: tf.Tensor2D, key: tf.Tensor2D, call: AttentionCall): tf.Tensor3D[] {
    const queries = this.#turned(this.query.forward(query), call.queries);
    const keys = this.#turned(this.key.forward(key), call.keys ?? call.queries);
    return attentionWeights(queries, keys, this.#options(call));
  }

  #turned(x: tf.Tensor2D, layout: Layout): tf.Tensor2D {
    return this.positions?.turn?.(x, layout) ?? x;
  }

  #options({ queries, keys = queries, causal, bias, rng: _, ...others }: AttentionCall) {
    refuseOthers('MultiHeadAttention', others);
    const own = this.positions?.bias?.(queries, keys);
    const both = own && bias ? (tf.add(own, tensorOf<tf.Tensor>(bias)) as tf.Tensor3D) : (own ?? bias);
    return { queries, keys, heads: this.heads, causal, bias: both };
  }
}
