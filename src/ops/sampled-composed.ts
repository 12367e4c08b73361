/** Sampled losses composed of tfjs operations. */
import * as tf from '@tensorflow/tfjs-core';
import { addInto } from './add-to.ts';
import type { SampledQuestions, SampledScores, SampledSlopes } from './sampled-loss.ts';
import { type RowPart, RowSums, rowScores, sharedScores } from './sampled-scores.ts';
import { sumRows, takeRows } from './segment-sum.ts';

/** One call of sampledLoss, checked. */
export interface SampledProblem {
  readonly states: tf.Tensor2D;
  readonly table: tf.Tensor2D;
  readonly bias: tf.Tensor1D | undefined;
  readonly scale: number;
  readonly questions: SampledQuestions;
  readonly formula: (scores: SampledScores) => SampledSlopes;
}

/** The sum of losses and, if wanted, its gradients. */
export interface SampledResult {
  readonly loss: tf.Scalar;
  readonly gradients?: {
    /** `[M, D]` */
    readonly dStates: tf.Tensor2D;
    /** Of the table. */
    readonly parts: readonly RowPart[];
    /** `[V]` */
    readonly dBias: tf.Tensor1D | undefined;
  };
}

/** @param sparse whether few rows may stay by row; else there is one part of all rows in order */
export function composedSampledLoss(problem: SampledProblem, wanted: boolean, sparse: boolean): SampledResult {
  const { states, table, bias, scale, questions, formula } = problem;
  const [items, dim] = table.shape;
  // A bias is one more column of the table, read by a state that is 1 there.
  const biasColumn = bias && (tf.reshape(bias, [items, 1]) as tf.Tensor2D);
  const extended: tf.Tensor2D = biasColumn ? tf.concat([states, tf.ones([states.shape[0], 1])], 1) : states;
  const scaled: tf.Tensor2D = scale === 1 ? extended : tf.mul(extended, scale);
  const read = (which: Int32Array) =>
    biasColumn ? tf.concat([takeRows(table, which), takeRows(biasColumn, which)], 1) : takeRows(table, which);
  const sums = new RowSums(items, sparse);
  const { loss, dStates } = pass(questions, scaled, read, formula, wanted ? sums : undefined);
  if (!dStates) return { loss };
  const { parts } = sums;
  return {
    loss,
    gradients: {
      dStates: firstColumns(tf.mul(dStates, scale), dim),
      parts: parts.map(({ rows, values }) => ({ rows, values: firstColumns(values, dim) })),
      dBias: bias && biasGradient(parts, items, dim),
    },
  };
}

/** Values that exist at one time. */
const MAX_VALUES = (16 * 2 ** 20) / 4;

/** The loss and, if `sums` is there to take the gradients by rows, the gradient by the states. */
function pass(
  { targets, weights, negatives, shared }: SampledQuestions,
  states: tf.Tensor2D,
  read: (rows: Int32Array) => tf.Tensor2D,
  formula: (scores: SampledScores) => SampledSlopes,
  sums: RowSums | undefined,
): { loss: tf.Scalar; dStates: tf.Tensor2D | undefined } {
  const [count, dim] = states.shape;
  const width = shared ? negatives.length : negatives.length / count;
  const sharedRows = shared ? read(negatives) : undefined; // [K, E]
  const size = Math.max(1, Math.floor(MAX_VALUES / (shared ? width + dim : (width + 1) * dim)));

  const losses: tf.Scalar[] = [];
  const dStates: tf.Tensor2D[] = [];
  let dShared: tf.Tensor2D | undefined; // [K, E]
  for (let from = 0; from < count; from += size) {
    const to = Math.min(from + size, count);
    const targetRows = targets.subarray(from, to);
    const negativeRows = shared ? negatives : negatives.subarray(from * width, to * width);
    const [loss, ...gradients] = tf.tidy(() => {
      const rowStates = tf.slice(states, [from, 0], [to - from, -1]);
      const positive = rowScores(rowStates, read(targetRows));
      const negative = sharedRows ? sharedScores(rowStates, sharedRows) : rowScores(rowStates, read(negativeRows));
      const slopes = formula({ positive: positive.scores, negative: negative.scores, from, to });
      const weight = tf.tensor2d(weights.subarray(from, to), [to - from, 1]);
      const loss = tf.sum(tf.mul(slopes.loss, weight));
      if (!sums) return [loss];
      const byPositive = positive.back(tf.mul(slopes.positive, weight));
      const byNegative = negative.back(tf.mul(slopes.negative, weight));
      return [loss, tf.add(byPositive.dStates, byNegative.dStates), byPositive.dRows, byNegative.dRows];
    });
    losses.push(loss as tf.Scalar);
    if (!sums) continue;
    const [ofStates, ofPositive, ofNegative] = gradients as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
    dStates.push(ofStates);
    sums.add(targetRows, ofPositive);
    if (!shared) sums.add(negativeRows, ofNegative);
    else dShared = dShared ? addInto(dShared, ofNegative) : ofNegative;
  }
  if (sums && dShared) sums.add(negatives, dShared);
  return { loss: tf.sum(tf.stack(losses)), dStates: sums && tf.concat(dStates) };
}

/** The gradient `[V]` by the bias, which is the last column of the parts. */
function biasGradient(parts: readonly RowPart[], items: number, dim: number): tf.Tensor1D {
  const columns = parts.map(({ rows, values }) => sumRows(tf.slice(values, [0, dim], [-1, 1]), rows, items));
  // Not addN: on WebGPU it takes a storage buffer for each of its inputs, more than there may be.
  return tf.reshape(
    columns.reduce((sum, column) => tf.add(sum, column)),
    [items],
  );
}

function firstColumns(x: tf.Tensor2D, dim: number): tf.Tensor2D {
  return x.shape[1] === dim ? x : tf.slice(x, [0, 0], [-1, dim]);
}
