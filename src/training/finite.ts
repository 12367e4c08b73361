/** The guard between a gradient and the weights. */
import * as tf from '@tensorflow/tfjs-core';
import type { Gradient } from '../core/parameter.ts';

/** Thrown instead of applying a step whose loss or gradient is not a finite number. */
export class NonFiniteError extends Error {
  override readonly name = 'NonFiniteError';

  constructor(
    message: string,
    /** The step within the epoch, from 1. */
    readonly step: number,
    /** The epoch, from 1. */
    readonly epoch: number,
    /** The path of the first parameter with a non-finite gradient; none if only the loss is. */
    readonly parameter: string | undefined,
    /** The sequences of the batch, as their numbers in the training data. */
    readonly sequences: Int32Array,
  ) {
    super(message);
  }
}

/** The path of the first gradient that holds NaN or an infinity, if any. */
export async function nonFiniteParameter(gradients: ReadonlyMap<string, Gradient>): Promise<string | undefined> {
  for (const [path, gradient] of gradients) {
    const values = gradient instanceof tf.Tensor ? gradient : gradient.values;
    const finite = tf.tidy(() => tf.all(tf.isFinite(values)));
    const [ok] = await finite.data();
    finite.dispose();
    if (!ok) return path;
  }
  return undefined;
}
