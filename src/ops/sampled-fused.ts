/** Sampled losses by kernels that read the rows of the table where they are. */
import * as tf from '@tensorflow/tfjs-core';
import { range } from '../core/ragged.ts';
import { columnSums } from './column-sums.ts';
import { distinctRows } from './distinct-rows.ts';
import { runKernel } from './kernel.ts';
import { multiply } from './product.ts';
import type { SampledProblem, SampledResult } from './sampled-composed.ts';
import type { RowPart } from './sampled-scores.ts';
import { sumRows, takeRows } from './segment-sum.ts';

/**
 * Each target against its own negatives, or, by matrix products, all against shared ones.
 *
 * @param sparse whether few rows may stay by row; else there is one part of all rows in order
 */
export function fusedSampledLoss(problem: SampledProblem, wanted: boolean, sparse: boolean): SampledResult {
  const { states, table, bias, scale, questions, formula } = problem;
  const { targets, negatives, shared } = questions;
  const own = shared ? targets : concat(targets, negatives);
  const inputs = { states, table, rows: tf.tensor1d(own, 'int32') };
  const [positive, ownScores] = runKernel<tf.Tensor2D[]>('SeqrecSampledScores', bias ? { ...inputs, bias } : inputs, {
    scale,
  }) as [tf.Tensor2D, tf.Tensor2D];
  const common = shared ? againstShared(problem) : undefined;

  const slopes = formula({ positive, negative: common?.scores ?? ownScores, from: 0, to: targets.length });
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
