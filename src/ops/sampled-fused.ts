/** Sampled losses by kernels that read the rows of the table where they are. */
import * as tf from '@tensorflow/tfjs-core';
import { range } from '../core/ragged.ts';
import { addInto } from './add-to.ts';
import { columnSums } from './column-sums.ts';
import { distinctRows } from './distinct-rows.ts';
import { runKernel } from './kernel.ts';
import { multiply } from './product.ts';
import type { SampledProblem, SampledResult } from './sampled-composed.ts';
import type { RowPart } from './sampled-scores.ts';
import { sumRows, takeRows } from './segment-sum.ts';

/** Scores that exist at one time. */
const MAX_SCORES = (16 * 2 ** 20) / 4;

/**
 * Each target against its own negatives, or, by matrix products, all against shared ones.
 *
 * @param sparse whether few rows may stay by row; else there is one part of all rows in order
 */
export function fusedSampledLoss(problem: SampledProblem, wanted: boolean, sparse: boolean): SampledResult {
  const { targets, negatives, shared } = problem.questions;
  const count = targets.length;
  const size = Math.max(1, Math.floor(MAX_SCORES / (shared ? negatives.length : negatives.length / count)));
  let result: SampledResult | undefined;
  for (let from = 0; from < count; from += size) {
    const next = chunk(problem, from, Math.min(from + size, count), wanted, sparse);
    result = result ? joined(result, next, sparse) : next;
  }
  return result as SampledResult;
}

/** The targets `from` … `to - 1`, without leaving a tensor besides the result. */
function chunk(problem: SampledProblem, from: number, to: number, wanted: boolean, sparse: boolean): SampledResult {
  // tidy would search an object that it is given back, and the rows in it number by number.
  let rows: Int32Array[] = [];
  const [loss, dStates, ...others] = tf.tidy(() => {
    const { loss, gradients } = pass(problem, from, to, wanted, sparse);
    if (!gradients) return [loss];
    const { dStates, parts, dBias } = gradients;
    rows = parts.map((part) => part.rows);
    return [loss, dStates, ...parts.map((part) => part.values), ...(dBias ? [dBias] : [])];
  }) as [tf.Scalar, tf.Tensor2D?, ...tf.Tensor2D[]];
  if (!dStates) return { loss };
  const parts = rows.map((which, i) => ({ rows: which, values: others[i] as tf.Tensor2D }));
  return { loss, gradients: { dStates, parts, dBias: others[rows.length] as tf.Tensor1D | undefined } };
}

/** Both results as one; disposes of what it was given. */
function joined(a: SampledResult, b: SampledResult, sparse: boolean): SampledResult {
  const loss = addInto(a.loss, b.loss);
  if (!a.gradients || !b.gradients) return { loss };
  const [x, y] = [a.gradients, b.gradients];
  const dStates = tf.concat([x.dStates, y.dStates]);
  tf.dispose([x.dStates, y.dStates]);
  const [[first], [second]] = [x.parts, y.parts] as [[RowPart], [RowPart]];
  return {
    loss,
    gradients: {
      dStates,
      parts: sparse ? [...x.parts, ...y.parts] : [{ rows: first.rows, values: addInto(first.values, second.values) }],
      dBias: x.dBias && y.dBias && addInto(x.dBias, y.dBias),
    },
  };
}

function pass(whole: SampledProblem, from: number, to: number, wanted: boolean, sparse: boolean): SampledResult {
  const problem = from === 0 && to === whole.questions.targets.length ? whole : part(whole, from, to);
  const { states, table, bias, scale, questions, formula } = problem;
  const { targets, negatives, shared } = questions;
  const own = shared ? targets : concat(targets, negatives);
  const inputs = { states, table, rows: tf.tensor1d(own, 'int32') };
  const [positive, ownScores] = runKernel<tf.Tensor2D[]>('SeqrecSampledScores', bias ? { ...inputs, bias } : inputs, {
    scale,
  }) as [tf.Tensor2D, tf.Tensor2D];
  const common = shared ? againstShared(problem) : undefined;

  const slopes = formula({ positive, negative: common?.scores ?? ownScores, from, to });
  const weighted = weighting(questions.weights);
  const loss: tf.Scalar = tf.sum(weighted(slopes.loss));
  if (!wanted) return { loss };

  const [dPositive, dNegative] = [weighted(slopes.positive), weighted(slopes.negative)];
  const items = table.shape[0];
  const { rows, places } = sparse && own.length <= items ? distinctRows(own) : { rows: range(items), places: own };
  const [dStates, dRows, dBias] = runKernel<tf.Tensor[]>(
    'SeqrecSampledGradients',
    {
      ...inputs,
      places: places === own ? inputs.rows : tf.tensor1d(places, 'int32'),
      positive: dPositive,
      negative: shared ? ownScores : dNegative,
    },
    { scale, placeCount: rows.length, hasBias: bias !== undefined },
  ) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor1D?];
  const gradients = { dStates, parts: [{ rows, values: dRows }], dBias };
  return { loss, gradients: common ? common.add(dNegative, gradients, sparse) : gradients };
}

/** The problem of the targets `from` … `to - 1` only. */
function part(problem: SampledProblem, from: number, to: number): SampledProblem {
  const { targets, weights, negatives, shared } = problem.questions;
  const width = negatives.length / targets.length;
  return {
    ...problem,
    states: tf.slice(problem.states, [from, 0], [to - from, -1]),
    questions: {
      targets: targets.subarray(from, to),
      weights: weights.subarray(from, to),
      negatives: shared ? negatives : negatives.subarray(from * width, to * width),
      shared,
    },
  };
}

/** The scores `[M, K]` of the shared negatives; adds to gradients what flows back through them. */
function againstShared({ states, table, bias, scale, questions: { negatives } }: SampledProblem) {
  const items = table.shape[0];
  const read = takeRows(table, negatives); // [K, D]
  const biases = bias && (tf.reshape(takeRows(tf.reshape(bias, [items, 1]), negatives), [-1]) as tf.Tensor1D);
  const scores = multiply(states, read, { transposeB: true, bias: biases });
  return {
    scores: scaled(scores, scale),
    add(
      slopes: tf.Tensor,
      { dStates, parts, dBias }: Required<SampledResult>['gradients'],
      sparse: boolean,
    ): Required<SampledResult>['gradients'] {
      const by = scaled(slopes as tf.Tensor2D, scale);
      const dRows = multiply(by, states, { transposeA: true });
      const [own] = parts as [RowPart];
      return {
        dStates: tf.add(dStates, multiply(by, read)),
        parts: sparse
          ? [own, { rows: negatives, values: dRows }]
          : [{ rows: own.rows, values: tf.add(own.values, sumRows(dRows, negatives, items)) }],
        dBias: dBias && (tf.add(dBias, sumsByRow(columnSums(by), negatives, items)) as tf.Tensor1D),
      };
    },
  };
}

function sumsByRow(values: tf.Tensor1D, rows: Int32Array, items: number): tf.Tensor {
  return tf.reshape(sumRows(tf.reshape(values, [-1, 1]), rows, items), [items]);
}

function scaled(x: tf.Tensor2D, scale: number): tf.Tensor2D {
  return scale === 1 ? x : tf.mul(x, scale);
}

/** Multiplies each row by the weight of its target. */
function weighting(weights: Float32Array): (x: tf.Tensor) => tf.Tensor {
  if (weights.every((weight) => weight === 1)) return (x) => x;
  const column = tf.tensor2d(weights, [weights.length, 1]);
  return (x) => tf.mul(x, column);
}

function concat(a: Int32Array, b: Int32Array): Int32Array {
  const out = new Int32Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}
