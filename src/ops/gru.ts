/** Gated recurrent units over ragged rows (Cho et al., 2014). */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import { tensorOf, type Weight } from '../core/parameter.ts';
import { expectShape, refuseOthers } from '../core/shape.ts';
import { type GruSteps, recurrence } from './gru-recurrence.ts';

export interface GruOptions {
  /** Where the rows belong; each sequence is run through by itself. */
  layout: Layout;
  /** `[3H]`, added to the products with the state (`b_hh` in PyTorch). */
  bias?: Weight | undefined;
  /** `[B, H]`: the state before the first row of each sequence. @defaultValue zeros */
  initial?: tf.Tensor2D | undefined;
  /**
   * Whether the reset gate scales the product of the candidate or the state before it is multiplied, see {@link gru}.
   * @defaultValue 'after'
   */
  reset?: 'after' | 'before' | undefined;
}

/**
 * The states of a gated recurrent unit after every row. With the three parts of `x`, `weight` (U) and `bias` (b) in the
 * order of PyTorch (reset, update, candidate):
 *
 * - r = σ(xᵣ + Uᵣ h + bᵣ) and z = σ(x_z + U_z h + b_z)
 * - n = tanh(xₙ + r · (Uₙ h + bₙ)), or tanh(xₙ + Uₙ (r · h) + bₙ) with `reset: 'before'`, as the paper and the Theano
 *   code of GRU4Rec have it
 * - h becomes (1 - z) n + z h
 *
 * Where z weighs the candidate instead (the paper, RecBole's SR-GNN), negate the rows of z in all weights.
 *
 * The inputs are projected outside, for all rows in one product: `gru(linear(x, wIh, bIh), wHh, { layout, bias: bHh })`
 * is PyTorch's `nn.GRU`. The last state of each sequence is `gatherRows(states, layout.lastRows())`.
 *
 * @param x      `[capacity, 3H]`, the projected inputs
 * @param weight `[3H, H]`, multiplies the state
 * @returns `[capacity, H]`; rows past the layout's N are 0
 */
export function gru(x: tf.Tensor2D, weight: Weight, options: GruOptions): tf.Tensor2D {
  const { layout, initial, reset, bias: given, ...others } = options;
  refuseOthers('gru', others, options);
  const w = tensorOf<tf.Tensor>(weight) as tf.Tensor2D;
  const width = w.shape[1];
  expectShape(w, [3 * width, width], 'The weight of gru');
  expectShape(x, [layout.capacity, 3 * width], 'The input of gru');
  if (initial) expectShape(initial, [layout.count, width], 'The initial states of gru');
  const bias = given && (tensorOf<tf.Tensor>(given) as tf.Tensor1D);
  if (bias) expectShape(bias, [3 * width], 'The bias of gru');
  const steps = stepsOf(layout);
  const tensors = () => layout.memo(stepsOf, () => Object.values(steps).map((values) => tf.tensor1d(values, 'int32')));
  return recurrence(x, w, bias, initial, { steps, tensors, before: reset === 'before' });
}

/** Sorted by length, the sequences that have a step t are the first ones, and their rows of that step lie together. */
function stepsOf(layout: Layout): GruSteps {
  const { count, offsets } = layout;
  const order = Int32Array.from({ length: count }, (_, b) => b).sort((a, b) => layout.length(b) - layout.length(a));
  const longest = count === 0 ? 0 : layout.length(order[0] as number);
  const counts = new Int32Array(longest);
  const rows = new Int32Array(layout.rows);
  let active = count;
  let next = 0;
  for (let step = 0; step < longest; step++) {
    while (layout.length(order[active - 1] as number) <= step) active--;
    counts[step] = active;
    for (let i = 0; i < active; i++) rows[next++] = (offsets[order[i] as number] as number) + step;
  }
  return { rows, counts, order };
}
