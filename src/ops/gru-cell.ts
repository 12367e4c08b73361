/** One step of a gated recurrent unit (Cho et al., 2014). */
import * as tf from '@tensorflow/tfjs-core';
import { tensorOf, type Weight } from '../core/parameter.ts';
import { expectShape, refuseOthers } from '../core/shape.ts';
import type { GruOptions } from './gru.ts';
import { recurrence } from './gru-recurrence.ts';

/**
 * The state of each row after one step, by the formulas of `gru`. Row i of `x` meets row i of `state`: the nodes of a
 * graph with what their neighbours sent, or sessions with one event each.
 *
 * @param x      `[N, 3H]`, the projected inputs
 * @param state  `[N, H]`
 * @param weight `[3H, H]`, multiplies the state
 * @returns `[N, H]`
 */
export function gruCell(
  x: tf.Tensor2D,
  state: tf.Tensor2D,
  weight: Weight,
  options: Pick<GruOptions, 'bias' | 'reset'> = {},
): tf.Tensor2D {
  const { bias: given, reset, ...others } = options;
  refuseOthers('gruCell', others, options);
  const w = tensorOf<tf.Tensor>(weight) as tf.Tensor2D;
  const [count, width] = state.shape;
  expectShape(w, [3 * width, width], 'The weight of gruCell');
  expectShape(x, [count, 3 * width], 'The input of gruCell');
  const bias = given && (tensorOf<tf.Tensor>(given) as tf.Tensor1D);
  if (bias) expectShape(bias, [3 * width], 'The bias of gruCell');
  const all = Int32Array.from({ length: count }, (_, i) => i);
  const steps = { rows: all, counts: Int32Array.from(count > 0 ? [count] : []), order: all };
  const tensors = () => Object.values(steps).map((values) => tf.tensor1d(values, 'int32'));
  return recurrence(x, w, bias, state, { steps, tensors, before: reset === 'before' });
}
