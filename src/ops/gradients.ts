/** The gradients of a loss with respect to parameters. */
import * as tf from '@tensorflow/tfjs-core';
import type { Gradient, Parameter, RowGradient } from '../core/parameter.ts';
import { addTo } from './add-to.ts';
import { sumRows } from './segment-sum.ts';

/** What {@link gradients} returns; the caller disposes of the tensors. */
export interface LossAndGradients {
  /** The loss, not read. */
  value: tf.Scalar;
  /** By path; a parameter that the loss does not reach is absent. */
  gradients: Map<string, Gradient>;
}

/**
 * Computes `loss` and its gradients. A table that was only read by `embedding` with host rows gets a
 * {@link RowGradient}, with unique ascending rows; one that a dense op read as well (a tied output) gets the dense sum.
 *
 * `fit` loads the gradients of TensorFlow.js' own ops, which tfjs-core lacks; a training loop of one's own that uses such
 * ops in its loss imports `seqrec/gradients` (or `@tensorflow/tfjs`) once.
 *
 * @example
 * ```ts
 * import 'seqrec/gradients';
 *
 * await ready();
 * const parameters = model.init(1).parameters();
 * const { value, gradients: found } = gradients(() => tf.mean(model.forward(x)), parameters);
 * ```
 */
export function gradients(loss: () => tf.Scalar, parameters: ReadonlyMap<string, Parameter>): LossAndGradients {
  using sums = new GradientSums(parameters);
  const value = sums.add(loss);
  return { value, gradients: sums.take() };
}

/**
 * The sum of the gradients of several losses: those of a step that is computed in parts. Dense gradients are summed in
 * place, row gradients are collected and summed by row when they are taken.
 *
 * @example
 * ```ts
 * using sums = new GradientSums(model.parameters());
 * const losses = parts.map((part) => sums.add(() => lossOf(part)));
 * const found = sums.take();
 * ```
 */
export class GradientSums {
  readonly #parameters: ReadonlyMap<string, Parameter>;
  readonly #dense = new Map<string, { sum: tf.Tensor; own: boolean }>();
  readonly #rows = new Map<string, Read[]>();

  constructor(parameters: ReadonlyMap<string, Parameter>) {
    this.#parameters = parameters;
  }

  /** Adds the gradients of `loss`; returns its value, which is not read, for the caller to dispose of. */
  add(loss: () => tf.Scalar): tf.Scalar {
    const parameters = [...this.#parameters];
    const before = parameters.map(([, parameter]) => parameter.sink);
    const anchor = tf.keep(tf.scalar(0));
    const reads: [path: string, rows: Int32Array, values: tf.Tensor2D][] = [];
    try {
      for (const [path, parameter] of parameters) {
        parameter.sink = { anchor, add: (rows, values) => void reads.push([path, rows, tf.keep(values)]) };
      }
      const variables = parameters.map(([, parameter]) => parameter.value);
      const value = tf.tidy(() => {
        const { value, grads } = differentiate(loss, [...variables, anchor]);
        parameters.forEach(([path], i) => {
          if (grads[i]) this.#addDense(path, grads[i]);
        });
        return value;
      });
      for (const read of reads) this.addRows(...read);
      reads.length = 0;
      return value;
    } finally {
      parameters.forEach(([, parameter], i) => {
        parameter.sink = before[i];
      });
      for (const [, , values] of reads) values.dispose();
      anchor.dispose();
    }
  }

  /** Adds a dense gradient of a parameter; the tensor stays the caller's. */
  addDense(path: string, gradient: tf.Tensor): void {
    tf.tidy(() => this.#addDense(path, gradient));
  }

  /** Adds the gradient of some rows of a parameter, which may repeat; takes ownership of `values`. */
  addRows(path: string, rows: Int32Array, values: tf.Tensor2D): void {
    const reads = this.#rows.get(path) ?? [];
    reads.push({ rows, values: tf.keep(values) });
    this.#rows.set(path, reads);
    const count = this.#parameters.get(path)?.shape[0] as number;
    const collected = reads.reduce((sum, read) => sum + read.rows.length, 0);
    // More rows than the table has: summed now, so that what is collected stays within twice the table.
    if (reads.length > 1 && collected > 2 * count) this.#rows.set(path, [coalesce(reads, count)]);
  }

  /**
   * The sums, for the caller (or the tidy around) to dispose of; begins anew. A parameter that no loss reached is absent.
   */
  take(): Map<string, Gradient> {
    const found = new Map<string, Gradient>();
    for (const [path, parameter] of this.#parameters) {
      const dense = this.#dense.get(path)?.sum;
      const reads = this.#rows.get(path);
      const count = parameter.shape[0] as number;
      const rows = reads && coalesce(reads, count);
      if (dense) found.set(path, rows ? tf.tidy(() => tf.add(dense, toDense(rows, count))) : tf.clone(dense));
      else if (rows) found.set(path, { rows: rows.rows, values: tf.clone(rows.values) });
      tf.dispose([dense ?? [], rows?.values ?? []]);
    }
    this.#dense.clear();
    this.#rows.clear();
    return found;
  }

  dispose(): void {
    for (const { sum } of this.#dense.values()) sum.dispose();
    for (const reads of this.#rows.values()) for (const { values } of reads) values.dispose();
    this.#dense.clear();
    this.#rows.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Inside a tidy. The first gradient may share its memory with other tensors; only a sum of two is ours to change. */
  #addDense(path: string, gradient: tf.Tensor): void {
    const known = this.#dense.get(path);
    if (!known) this.#dense.set(path, { sum: tf.keep(tf.clone(gradient)), own: false });
    else if (known.own) this.#dense.set(path, { sum: addTo(known.sum, gradient), own: true });
    else {
      this.#dense.set(path, { sum: tf.keep(tf.add(known.sum, gradient)), own: true });
      known.sum.dispose();
    }
  }
}

/**
 * A gradient as one tensor of the parameter's shape; a dense gradient is returned as it is.
 *
 * @param rows the number of rows of the parameter
 */
export function toDense(gradient: Gradient, rows: number): tf.Tensor {
  return gradient instanceof tf.Tensor ? gradient : sumRows(gradient.values, gradient.rows, rows);
}

interface Read {
  rows: Int32Array;
  values: tf.Tensor2D;
}

/** tfjs' reverse pass; a gradient is missing where `loss` does not depend on the tensor. */
function differentiate(loss: () => tf.Scalar, xs: tf.Tensor[]): { value: tf.Scalar; grads: (tf.Tensor | undefined)[] } {
  const engine = tf.engine();
  try {
    return engine.gradients(loss, xs, undefined, true);
  } catch (error) {
    // tfjs frees what the tape saved only at the end of a successful pass.
    const { activeTape, gradientDepth } = engine.state;
    if (gradientDepth === 0 && activeTape) for (const node of activeTape) tf.dispose(node.saved ?? []);
    throw error;
  }
}

/** One row gradient out of many, each row once and in ascending order; disposes of what it was given. */
function coalesce(reads: readonly Read[], count: number): RowGradient {
  // The place of each row of the table in the result, from 1; 0 for a row that was not read.
  const places = new Int32Array(count);
  for (const { rows } of reads) for (let i = 0; i < rows.length; i++) places[rows[i] as number] = 1;
  let unique = 0;
  for (let row = 0; row < count; row++) if (places[row] !== 0) places[row] = ++unique;
  const rows = new Int32Array(unique);
  for (let row = 0; row < count; row++) if (places[row] !== 0) rows[(places[row] as number) - 1] = row;
  const segments = new Int32Array(reads.reduce((sum, read) => sum + read.rows.length, 0));
  let at = 0;
  for (const read of reads)
    for (let i = 0; i < read.rows.length; i++) segments[at++] = (places[read.rows[i] as number] as number) - 1;
  const values = tf.tidy(() => {
    const all = reads.length === 1 ? (reads[0] as Read).values : tf.concat(reads.map((read) => read.values));
    return tf.keep(sumRows(all, segments, unique));
  });
  for (const read of reads) read.values.dispose();
  return { rows, values };
}
