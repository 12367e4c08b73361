/** The gradients of a loss with respect to parameters. */
import * as tf from '@tensorflow/tfjs-core';
import type { Gradient, Parameter, RowGradient } from '../core/parameter.ts';
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
  const anchor = tf.keep(tf.scalar(0));
  const reads = new Map<Parameter, Read[]>();
  const before = [...parameters.values()].map((parameter) => [parameter, parameter.sink] as const);
  try {
    for (const parameter of parameters.values()) {
      const list: Read[] = [];
      reads.set(parameter, list);
      parameter.sink = { anchor, add: (rows, values) => void list.push({ rows, values: tf.keep(values) }) };
    }
    const rows = new Map<string, Int32Array>();
    const { value, tensors } = tf.tidy(() => {
      const variables = [...parameters.values()].map((parameter) => parameter.value);
      const { value, grads } = differentiate(loss, [...variables, anchor]);
      const tensors: { [path: string]: tf.Tensor } = {};
      [...parameters].forEach(([path, parameter], i) => {
        const dense = grads[i];
        const sparse = coalesce(reads.get(parameter) ?? []);
        if (dense) tensors[path] = sparse ? tf.add(dense, toDense(sparse, parameter.shape[0] as number)) : dense;
        else if (sparse) {
          tensors[path] = sparse.values;
          rows.set(path, sparse.rows);
        }
      });
      return { value, tensors };
    });
    const found = new Map<string, Gradient>();
    for (const path of parameters.keys()) {
      const tensor = tensors[path];
      const read = rows.get(path);
      if (tensor) found.set(path, read ? { rows: read, values: tensor as tf.Tensor2D } : tensor);
    }
    return { value, gradients: found };
  } finally {
    for (const [parameter, sink] of before) parameter.sink = sink;
    for (const list of reads.values()) for (const { values } of list) values.dispose();
    anchor.dispose();
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

/** One row gradient out of many, each row once and in ascending order. */
function coalesce(reads: readonly Read[]): RowGradient | undefined {
  if (reads.length === 0) return undefined;
  const all = concatRows(reads);
  const rows = Int32Array.from(new Set(all)).sort();
  const place = new Map<number, number>();
  for (let i = 0; i < rows.length; i++) place.set(rows[i] as number, i);
  const segments = all.map((row) => place.get(row) as number);
  const values = reads.length === 1 ? (reads[0] as Read).values : tf.concat(reads.map((read) => read.values));
  return { rows, values: sumRows(values, segments, rows.length) };
}

function concatRows(reads: readonly Read[]): Int32Array {
  const out = new Int32Array(reads.reduce((sum, { rows }) => sum + rows.length, 0));
  let at = 0;
  for (const { rows } of reads) {
    out.set(rows, at);
    at += rows.length;
  }
  return out;
}
