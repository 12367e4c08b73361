/** What `gru` and `gruCell` share: the recurrence over sorted rows, by a kernel or composed, with its gradient. */
import * as tf from '@tensorflow/tfjs-core';
import { composedGru, composedGruGradients } from './gru-composed.ts';
import { hasKernel, runKernel } from './kernel.ts';
import { withGradient } from './with-gradient.ts';

/** Rows sorted by step, and within a step by sequence, longest first. */
export interface GruSteps {
  /** For each sorted place its row. */
  readonly rows: Int32Array;
  /** For each step the number of its rows, at least 1; never rises. */
  readonly counts: Int32Array;
  /** The sequences, longest first: row i of a step is of sequence `order[i]`. */
  readonly order: Int32Array;
}

export interface GruPlan {
  readonly steps: GruSteps;
  /** The arrays of the steps as int32 tensors, in their order. */
  tensors(): tf.Tensor[];
  /** Whether the reset gate scales the state before it is multiplied. */
  readonly before: boolean;
}

/** The states `[capacity, H]`; `initial` holds a row for each sequence. Shapes are checked. */
export function recurrence(
  x: tf.Tensor2D,
  weight: tf.Tensor2D,
  bias: tf.Tensor1D | undefined,
  initial: tf.Tensor2D | undefined,
  plan: GruPlan,
): tf.Tensor2D {
  const inputs = [x, weight, ...(bias ? [bias] : []), ...(initial ? [initial] : [])];
  const wanted = { ofBias: bias !== undefined, ofInitial: initial !== undefined };
  if (hasKernel('SeqrecGru')) return fused(inputs, x, weight, bias, initial, plan, wanted);
  return withGradient(
    inputs,
    (save) => {
      const states = composedGru(plan, x, weight, bias, initial);
      save(x, states, ...inputs.slice(1));
      return states;
    },
    (dy: tf.Tensor2D, x: tf.Tensor2D, states: tf.Tensor2D, weight: tf.Tensor2D, ...more: tf.Tensor[]) => {
      const bias = wanted.ofBias ? (more.shift() as tf.Tensor1D) : undefined;
      return composedGruGradients(plan, dy, x, states, weight, bias, more[0] as tf.Tensor2D | undefined);
    },
  );
}

function fused(
  inputs: readonly tf.Tensor[],
  x: tf.Tensor2D,
  weight: tf.Tensor2D,
  bias: tf.Tensor1D | undefined,
  initial: tf.Tensor2D | undefined,
  { tensors, before }: GruPlan,
  wanted: { ofBias: boolean; ofInitial: boolean },
): tf.Tensor2D {
  const stepInputs = () => {
    const [rows, counts, order] = tensors() as [tf.Tensor, tf.Tensor, tf.Tensor];
    return { rows, counts, order };
  };
  const recording = tf.engine().isTapeOn();
  return withGradient(
    inputs,
    (save) => {
      const from = { x, weight, ...(bias && { bias }), ...(initial && { initial }), ...stepInputs() };
      const [states, ...kept] = runKernel<tf.Tensor2D[]>('SeqrecGru', from, { before, recording });
      save(weight, ...kept);
      return states as tf.Tensor2D;
    },
    (dy: tf.Tensor2D, weight: tf.Tensor2D, gates: tf.Tensor, previous: tf.Tensor) =>
      runKernel<tf.Tensor[]>(
        'SeqrecGruGradients',
        { dy, weight, gates, previous, ...stepInputs() },
        { before, ...wanted },
      ),
  );
}
