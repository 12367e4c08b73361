/** What a loss is asked: targets, negatives, and its value over states. */
import * as tf from '@tensorflow/tfjs-core';
import { gatherRows, type Loss, type LossTargets, linear, type Negatives, type SequenceModel, uniform } from 'seqrec';

/** Targets at all rows that have one; `none` is the id of no target. */
export function targetsOf(item: Int32Array, none: number, negatives?: Negatives): LossTargets {
  const weight = Float32Array.from(item, (id) => (id === none ? 0 : 1));
  return { item, weight, negatives };
}

/** Given negatives, `count` a target. */
export function given(items: Int32Array, count: number): Negatives {
  return { items, count, shared: false };
}

/** What a loss is told about negatives that the case itself gives. */
export function drawn(count: number) {
  return { negatives: count, sampler: uniform() };
}

/** A loss over all rows of `states`, divided by the total weight as a training step does. */
export function mean(loss: Loss, model: SequenceModel, states: tf.Tensor2D, targets: LossTargets): tf.Scalar {
  const total = targets.weight.reduce((sum, weight) => sum + weight, 0);
  return tf.div(loss.forward(states, model.output(), targets), total);
}

/** The scores of every item at some rows of the states. */
export function scoresAt(model: SequenceModel, states: tf.Tensor2D, rows: Int32Array): tf.Tensor2D {
  const { weight, bias } = model.output();
  return linear(gatherRows(states, rows), weight, bias);
}
