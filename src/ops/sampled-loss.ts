/** Losses of each target against some negatives, without ever holding the score of every item. */
import * as tf from '@tensorflow/tfjs-core';
import { Parameter, tensorOf, type Weight } from '../core/parameter.ts';
import { checkNumber, expectShape } from '../core/shape.ts';
import { checkRows } from './rows.ts';
import { addInto, type RowPart, RowSums, rowScores, sharedScores } from './sampled-scores.ts';
import { sumRows, takeRows } from './segment-sum.ts';
import { withGradient } from './with-gradient.ts';

/** What each of M states is asked. */
export interface SampledQuestions {
  /** `[M]` the row of each target. */
  readonly targets: Int32Array;
  /** `[M]` the weight of each target. */
  readonly weights: Float32Array;
  /** Rows of the negatives: `[M · K]`, target after target, or `[K]` where `shared`. */
  readonly negatives: Int32Array;
  /** Whether all targets have the same negatives. */
  readonly shared: boolean;
}

/** Scores of the targets `from` … `to - 1`. */
export interface SampledScores {
  /** `[to - from, 1]` */
  readonly positive: tf.Tensor2D;
  /** `[to - from, K]` */
  readonly negative: tf.Tensor2D;
  readonly from: number;
  readonly to: number;
}

/** A loss and its derivatives by the scores. */
export interface SampledSlopes {
  /** `[to - from, 1]` */
  readonly loss: tf.Tensor;
  /** `[to - from, 1]` */
  readonly positive: tf.Tensor;
  /** `[to - from, K]` */
  readonly negative: tf.Tensor;
}

export interface SampledLossOptions {
  /** `[V]`, added to the products of states and rows. */
  bias?: Weight | undefined;
  /** Multiplies product plus bias. @defaultValue 1 */
  scale?: number | undefined;
}

/**
 * The weighted SUM over the targets of a loss that reads the scores scale · (state · weight[row] + bias[row]) of the
 * target and its negatives. Value and gradients come from the same pass over chunks of targets of at most about 16 MB.
 * When `weight` is a parameter under `gradients`, its gradient covers only the rows read.
 *
 * @param states  `[M, D]`
 * @param weight  `[V, D]`
 * @param formula the unweighted loss of some targets; it runs off the tape
 */
export function sampledLoss(
  states: tf.Tensor2D,
  weight: Weight,
  questions: SampledQuestions,
  formula: (scores: SampledScores) => SampledSlopes,
  { bias, scale = 1 }: SampledLossOptions = {},
): tf.Scalar {
  const dim = states.shape[1];
  const table = tensorOf<tf.Tensor>(weight) as tf.Tensor2D;
  const items = table.shape[0];
  const biases = bias && (tensorOf<tf.Tensor>(bias) as tf.Tensor1D);
  const sink = weight instanceof Parameter ? weight.sink : undefined;
  expectShape(table, [-1, dim], 'The weight of sampledLoss');
  if (biases) expectShape(biases, [items], 'The bias of sampledLoss');
  checkNumber('scale', scale, { above: 0 });
  checkQuestions(questions, states.shape[0], items);

  const inputs = [states, sink ? sink.anchor : table, ...(biases ? [biases] : [])];
  if (questions.targets.length === 0) {
    const shapes = inputs.map(({ shape }) => shape);
    return withGradient(
      inputs,
      () => tf.scalar(0),
      () => shapes.map((shape) => tf.zeros(shape)),
    );
  }
  const recording = tf.engine().isTapeOn();
  let rows: Int32Array[] = [];
  return withGradient(
    inputs,
    (save) => {
      // A bias is one more column of the table, read by a state that is 1 there.
      const biasColumn = biases && (tf.reshape(biases, [items, 1]) as tf.Tensor2D);
      const extended: tf.Tensor2D = biasColumn ? tf.concat([states, tf.ones([states.shape[0], 1])], 1) : states;
      const scaled: tf.Tensor2D = scale === 1 ? extended : tf.mul(extended, scale);
      const read = (which: Int32Array) =>
        biasColumn ? tf.concat([takeRows(table, which), takeRows(biasColumn, which)], 1) : takeRows(table, which);
      const sums = new RowSums(items, sink !== undefined);
      const { loss, dStates } = pass(questions, scaled, read, formula, recording ? sums : undefined);
      rows = sums.parts.map((part) => part.rows);
      if (dStates) save(tf.mul(dStates, scale), ...sums.parts.map((part) => part.values));
      return loss;
    },
    (dy: tf.Scalar, ...saved: tf.Tensor2D[]) => {
      const [dStates, ...values] = saved.map((tensor) => tf.mul(tensor, dy) as tf.Tensor2D);
      const parts: RowPart[] = values.map((part, i) => ({ rows: rows[i] as Int32Array, values: part }));
      const dBias = biases ? [biasGradient(parts, items, dim)] : [];
      const dWeight = parts.map((part) => firstColumns(part.values, dim));
      if (sink) for (const [i, part] of dWeight.entries()) sink.add(rows[i] as Int32Array, tf.keep(part));
      return [firstColumns(dStates as tf.Tensor2D, dim), sink ? tf.scalar(0) : (dWeight[0] as tf.Tensor), ...dBias];
    },
  );
}

function checkQuestions({ targets, weights, negatives, shared }: SampledQuestions, count: number, items: number): void {
  if (targets.length !== count || weights.length !== count) {
    throw new RangeError(
      `sampledLoss needs one target and one weight for each of the ${count} states, got ${targets.length} and ${weights.length}.`,
    );
  }
  const fits = shared ? negatives.length > 0 : negatives.length >= count && negatives.length % count === 0;
  if (count > 0 && !fits) {
    throw new RangeError(
      `sampledLoss needs as many negatives for each of the ${count} targets, at least one, got ${negatives.length} in all.`,
    );
  }
  checkRows(targets, items, 'sampledLoss');
  checkRows(negatives, items, 'sampledLoss');
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
