/** The loss and the gradients of the parts of a step. */
import * as tf from '@tensorflow/tfjs-core';
import { batchLayout } from '../core/batch-layout.ts';
import type { Layout } from '../core/layout.ts';
import type { Loss } from '../losses/loss.ts';
import { gatherRows } from '../ops/gather-rows.ts';
import type { GradientSums } from '../ops/gradients.ts';
import type { CarriedStates } from './carried-states.ts';
import type { Questions, StepPart } from './questions.ts';
import type { Trainable } from './trainable.ts';

/** The thread that computes, and how many there are. */
export interface Share {
  readonly index: number;
  readonly count: number;
}

/** Rows of a part: with fewer the bookkeeping of tfjs shows, with more only the memory grows. */
const PART_ROWS = 3000;

/**
 * Computes the parts of a step that belong to thread `index` of `count`, in order, and adds their gradients to `sums`. A
 * loss that compares states with each other is computed in one part, and so is a step that goes on from the one before.
 *
 * @param carried the states that go on
 * @returns their share of the mean loss
 */
export function passes(
  model: Trainable,
  loss: Loss,
  questions: Questions,
  sums: GradientSums,
  { index, count }: Share,
  carried?: CarriedStates,
): tf.Scalar {
  const perThread = Math.max(1, Math.round(questions.inputs.rows / (count * PART_ROWS)));
  const parts = questions.parts(loss.coupled || carried ? 1 : count * perThread);
  const from = Math.round((parts.length * index) / count);
  const to = Math.round((parts.length * (index + 1)) / count);
  let total = tf.scalar(0);
  try {
    for (const part of parts.slice(from, to)) {
      const value = partPass(model, loss, questions, part, (lossOfPart) => sums.add(lossOfPart), carried);
      const next = tf.add(total, value) as tf.Scalar;
      tf.dispose([total, value]);
      total = next;
    }
    return total;
  } catch (error) {
    total.dispose();
    throw error;
  }
}

/** The loss of a whole step at the present weights, dropout included, without gradients. */
export function lossOf(model: Trainable, loss: Loss, questions: Questions): tf.Scalar {
  return tf.tidy(() => {
    const values = questions.parts(1).map((part) => partPass(model, loss, questions, part, (run) => tf.tidy(run)));
    return values[0] ?? tf.scalar(0);
  });
}

/** Hands the loss of a part, its share of the step's mean loss, to `run`, which computes it. */
function partPass(
  model: Trainable,
  loss: Loss,
  questions: Questions,
  part: StepPart,
  run: (loss: () => tf.Scalar) => tf.Scalar,
  carried?: CarriedStates,
): tf.Scalar {
  const { targets, weight: total, dropout } = questions;
  const [first, last] = part.sequences;
  const inputs = questions.inputs.slice(Array.from({ length: last - first }, (_, i) => first + i));
  const row = targets.row.subarray(...part.targets).map((r) => r - part.rows[0]);
  const item = targets.item.subarray(...part.targets);
  const weight = targets.weight.subarray(...part.targets);
  const label = targets.label?.subarray(...part.targets);
  const { views } = targets; // a loss that compares them has one part
  const negatives = questions.negatives(part);
  using layout = batchLayout(inputs, { firstSequence: first });
  const queries = asksLastRows(row, layout) ? layout.last() : undefined;
  try {
    return run(() => {
      const states = carried
        ? carried.encode(model, questions.which, inputs, layout, dropout, queries)
        : model.encode(inputs, layout, dropout, queries);
      // A model that does not know of queries gives all states.
      const pruned = queries !== undefined && states.shape[0] === queries.capacity;
      const places = pruned ? row.map((r) => layout.sequences[r] as number) : row;
      const asked = isRange(places, states.shape[0]) ? states : gatherRows(states, places);
      const output = model.output(dropout.fork('output'));
      return tf.div(loss.forward(asked, output, { item, weight, label, negatives, views }), total);
    });
  } finally {
    queries?.dispose();
  }
}

/** Whether every row is the last one of its sequence; then a model need not compute the others. */
function asksLastRows(rows: Int32Array, { sequences, offsets, rows: all, count }: Layout): boolean {
  if (all === count) return false; // all rows are
  return rows.every((row) => offsets[(sequences[row] as number) + 1] === row + 1);
}

/** Whether `rows` is 0 … length-1, all rows in order: then states need no gathering. */
function isRange(rows: Int32Array, length: number): boolean {
  return rows.length === length && rows.every((row, i) => row === i);
}
