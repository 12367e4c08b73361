/** Losses of each target against some negatives, without ever holding the score of every item. */
import * as tf from '@tensorflow/tfjs-core';
import { Parameter, tensorOf, type Weight } from '../core/parameter.ts';
import { checkNumber, expectShape, refuseOthers } from '../core/shape.ts';
import { hasKernel } from './kernel.ts';
import { checkRows } from './rows.ts';
import { composedSampledLoss } from './sampled-composed.ts';
import { fusedSampledLoss } from './sampled-fused.ts';
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
  options: SampledLossOptions = {},
): tf.Scalar {
  const { bias, scale = 1, ...others } = options;
  refuseOthers('sampledLoss', others, options);
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
      const pass = hasKernel('SeqrecSampledScores') ? fusedSampledLoss : composedSampledLoss;
      const problem = { states, table, bias: biases, scale, questions, formula };
      const { loss, gradients } = pass(problem, recording, sink !== undefined);
      if (gradients) {
        const { dStates, dBias, parts } = gradients;
        rows = parts.map((part) => part.rows);
        save(dStates, ...parts.map((part) => part.values), ...(dBias ? [dBias] : []));
      }
      return loss;
    },
    (dy: tf.Scalar, ...saved: tf.Tensor[]) => {
      const [dStates, ...others] = saved.map((tensor) => tf.mul(tensor, dy)) as [tf.Tensor, ...tf.Tensor2D[]];
      const dRows = others.slice(0, rows.length);
      const dBias = others.slice(rows.length);
      if (sink) for (const [i, values] of dRows.entries()) sink.add(rows[i] as Int32Array, tf.keep(values));
      return [dStates, sink ? tf.scalar(0) : (dRows[0] as tf.Tensor), ...dBias];
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
