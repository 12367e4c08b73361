/** Scores of states against some rows of a table, and what flows back from them: the inside of `sampledLoss`. */
import * as tf from '@tensorflow/tfjs-core';
import { range } from '../core/ragged.ts';
import { addInto } from './add-to.ts';
import { multiply } from './product.ts';
import { sumRows } from './segment-sum.ts';

/** Scores `[c, K]` and the gradients by states `[c, E]` and rows `[rows, E]` for a gradient by the scores. */
export interface Scoring {
  readonly scores: tf.Tensor2D;
  back(slope: tf.Tensor2D): { dStates: tf.Tensor2D; dRows: tf.Tensor2D };
}

/**
 * Each state against K rows of its own, element by element.
 *
 * @param states `[c, E]`
 * @param rows   `[c · K, E]`, state after state
 */
export function rowScores(states: tf.Tensor2D, rows: tf.Tensor2D): Scoring {
  const [count, dim] = states.shape;
  const width = rows.shape[0] / count;
  const x = tf.reshape(states, [count, 1, dim]);
  const w = tf.reshape(rows, [count, width, dim]);
  return {
    scores: tf.sum(tf.mul(w, x), 2),
    back(slope) {
      const s = tf.reshape(slope, [count, width, 1]);
      const terms = tf.reshape(tf.mul(w, s), [count * width, dim]) as tf.Tensor2D;
      return {
        // A sum over the middle axis would transpose.
        dStates: width === 1 ? terms : sumRows(terms, repeated(count, width), count),
        dRows: tf.reshape(tf.mul(x, s), [count * width, dim]),
      };
    },
  };
}

/**
 * Every state against the same K rows, by matrix products.
 *
 * @param states `[c, E]`
 * @param rows   `[K, E]`
 */
export function sharedScores(states: tf.Tensor2D, rows: tf.Tensor2D): Scoring {
  return {
    scores: multiply(states, rows, { transposeB: true }),
    back: (slope) => ({ dStates: multiply(slope, rows), dRows: multiply(slope, states, { transposeA: true }) }),
  };
}

/** The gradient of some rows of a table. */
export interface RowPart {
  readonly rows: Int32Array;
  readonly values: tf.Tensor2D;
}

/** Collects gradients of rows: by row while they are few, as one tensor of the table's size otherwise. */
export class RowSums {
  readonly #parts: RowPart[] = [];
  #dense: tf.Tensor2D | undefined;

  /**
   * @param items  rows of the table
   * @param sparse whether few rows may stay by row; else {@link parts} is one part of all rows in order
   */
  constructor(
    readonly items: number,
    readonly sparse: boolean,
  ) {}

  /** Takes ownership of `values` `[rows, E]`. Rows may repeat. */
  add(rows: Int32Array, values: tf.Tensor2D): void {
    if (this.sparse && rows.length <= this.items) {
      this.#parts.push({ rows, values });
      return;
    }
    const dense = sumRows(values, rows, this.items);
    values.dispose();
    this.#dense = this.#dense ? addInto(this.#dense, dense) : dense;
  }

  get parts(): RowPart[] {
    return [...this.#parts, ...(this.#dense ? [{ rows: range(this.items), values: this.#dense }] : [])];
  }
}

/** 0 … count-1, each `times` times. */
function repeated(count: number, times: number): Int32Array {
  return new Int32Array(count * times).map((_, i) => Math.floor(i / times));
}
