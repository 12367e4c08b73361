/** L2 penalties on tables of embeddings. */
import * as tf from '@tensorflow/tfjs-core';
import { tensorOf, type Weight } from '../core/parameter.ts';
import { checkPart } from '../core/part.ts';
import { range } from '../core/ragged.ts';
import { checkNumber, refuseOthers } from '../core/shape.ts';
import type { Negatives } from '../data/negatives/sampler.ts';
import { embedding } from '../ops/embedding.ts';
import type { Loss, LossTargets } from './loss.ts';

/**
 * λ/2 · Σ w² over a whole weight, or over rows of a table, where a row counts as often as it is named. The authors'
 * SASRec (kang205/SASRec, `l2_emb`) adds it for its item and position tables; for a loss of one's own.
 *
 * @param rows catalogue rows; without them all values
 */
export function l2(weight: Weight, lambda: number, rows?: Int32Array): tf.Scalar {
  checkNumber('l2: lambda', lambda, { min: 0 });
  const values = rows ? embedding(weight, rows) : tensorOf(weight);
  return tf.mul(tf.sum(tf.square(values)), lambda / 2);
}

/** Options of {@link l2Rows}. */
export interface L2RowsOptions {
  /** The loss to add to. */
  loss: Loss;
  /** λ, at least 0. */
  lambda: number;
}

/**
 * `loss` plus, for each target, λ/2 · Σ w² over the output rows that its question names: the target's and its
 * negatives'. Like the loss it is weighted by target and divided by the total weight of the step; WarpRec's
 * `reg_weight` divides by the number of sequences, which is the same where each has one target.
 *
 * Rows that only the inputs read are not seen by a loss: with a tied output they are targets of other events, and `l2`
 * or the optimizer's weight decay reaches them otherwise.
 *
 * @example
 * ```ts
 * await model.fit(train, { loss: l2Rows({ loss: bpr(), lambda: 1e-3 }) });
 * ```
 */
export function l2Rows({ loss, lambda, ...others }: L2RowsOptions): Loss {
  refuseOthers('l2Rows', others);
  checkPart('l2Rows: loss', loss, 'forward');
  checkNumber('l2Rows: lambda', lambda, { min: 0 });
  return {
    name: 'l2Rows',
    options: { loss, lambda },
    negatives: loss.negatives,
    coupled: loss.coupled,
    forward(states, output, targets) {
      const { rows, counts } = readings(targets, output.weight.shape[0] as number);
      const squares = tf.sum(tf.square(embedding(output.weight, rows)), 1);
      const penalty = tf.mul(tf.sum(tf.mul(squares, tf.tensor1d(counts))), lambda / 2);
      return tf.add(loss.forward(states, output, targets), penalty);
    },
  };
}

/** The distinct rows that targets and negatives name, and the total weight of the targets that name each. */
function readings({ item, weight, negatives }: LossTargets, items: number): { rows: Int32Array; counts: Float32Array } {
  const counts = new Float64Array(items);
  for (let m = 0; m < item.length; m++) add(counts, item[m] as number, weight[m] as number);
  if (negatives) addNegatives(counts, negatives, weight);
  const rows = range(items).filter((row) => counts[row] !== 0);
  return { rows, counts: Float32Array.from(rows, (row) => counts[row] as number) };
}

function addNegatives(counts: Float64Array, { items, shared, count, own }: Negatives, weight: Float32Array): void {
  if (!shared) {
    for (let i = 0; i < items.length; i++) add(counts, items[i] as number, weight[Math.floor(i / count)] as number);
    return;
  }
  const total = weight.reduce((sum, w) => sum + w, 0);
  for (let k = 0; k < items.length; k++) add(counts, items[k] as number, total);
  for (let m = 0; own && m < own.length; m++) {
    const place = own[m] as number;
    if (place >= 0) add(counts, items[place] as number, -(weight[m] as number));
  }
}

function add(counts: Float64Array, row: number, by: number): void {
  counts[row] = (counts[row] as number) + by;
}
