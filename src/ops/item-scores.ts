/** States against a catalogue: all scores, the best items, or the ranks of targets. For serving: without gradients. */
import * as tf from '@tensorflow/tfjs-core';
import { tensorOf, type Weight } from '../core/parameter.ts';
import type { Ragged } from '../core/ragged.ts';
import { expectShape } from '../core/shape.ts';
import { hasKernel, runKernel } from './kernel.ts';
import { multiply } from './product.ts';
import { checkRows } from './rows.ts';

/** Scores are `scale · (states · weightᵀ + bias)`. */
export interface ScoredItems {
  /** `[V, D]` */
  readonly weight: Weight<tf.Tensor2D>;
  /** `[V]` */
  readonly bias?: Weight<tf.Tensor1D> | undefined;
  /** @defaultValue 1 */
  readonly scale?: number | undefined;
}

/** All scores `[B, V]` of the states `[B, D]`. */
export function itemScores(states: tf.Tensor2D, items: ScoredItems): tf.Tensor2D {
  const { inputs, scale } = problem(states, items);
  if (hasKernel('SeqrecItemScores')) return runKernel('SeqrecItemScores', inputs, { scale });
  const scores = multiply(states, inputs.table, { transposeB: true, bias: inputs.bias });
  return scale === 1 ? scores : tf.mul(scores, scale);
}

/** Whether {@link bestItems} and {@link targetRanks} can run: on backends without their kernels, use {@link itemScores}. */
export function hasFusedScores(): boolean {
  return hasKernel('SeqrecTopScores') && hasKernel('SeqrecTargetRanks');
}

/**
 * The best `k` items of each state `[B, D]`, by the rules of `topKOfScores`, without holding all scores.
 *
 * @param exclude one sequence a state: rows that are no candidates
 * @returns rows `[B, k]` int32, -1 where there are no more, and scores `[B, k]`; a state with a score that is NaN has
 *          -2 - the row of that score as its first row
 */
export function bestItems(
  states: tf.Tensor2D,
  items: ScoredItems,
  k: number,
  exclude?: Ragged,
): [rows: tf.Tensor2D, scores: tf.Tensor2D] {
  const { inputs, scale } = problem(states, items);
  return runKernel('SeqrecTopScores', { ...inputs, ...excludedInputs(exclude) }, { k, scale });
}

/**
 * The ranks of targets by the rule of `ranksOfScores`, without holding all scores.
 *
 * @param targets one sequence a state
 * @param exclude one sequence a state: rows that are no candidates; must not hold a target
 * @returns for each target a rank, int32, or -1 - the row of a score that is NaN
 */
export function targetRanks(states: tf.Tensor2D, items: ScoredItems, targets: Ragged, exclude?: Ragged): tf.Tensor1D {
  const { inputs, scale } = problem(states, items);
  checkRows(targets.item, inputs.table.shape[0], 'Targets of a catalogue');
  const ofTargets = {
    targets: tf.tensor1d(targets.item, 'int32'),
    targetOffsets: tf.tensor1d(targets.offsets, 'int32'),
  };
  const all = { ...inputs, ...ofTargets, ...excludedInputs(exclude) };
  return runKernel('SeqrecTargetRanks', all, { scale });
}

function problem(states: tf.Tensor2D, { weight, bias, scale = 1 }: ScoredItems) {
  const table = tensorOf(weight);
  expectShape(table, [-1, states.shape[1]], 'The weight that states are scored against');
  const b = bias && tensorOf(bias);
  if (b) expectShape(b, [table.shape[0]], 'The bias of the scores');
  return { inputs: { states, table, ...(b && { bias: b }) }, scale };
}

function excludedInputs(exclude: Ragged | undefined): Record<string, tf.Tensor> {
  if (!exclude || exclude.rows === 0) return {};
  return {
    excluded: tf.tensor1d(exclude.item, 'int32'),
    excludedOffsets: tf.tensor1d(exclude.offsets, 'int32'),
  };
}
