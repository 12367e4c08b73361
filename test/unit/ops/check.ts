/** Compares an op and its gradients with a float64 reference, and counts tensors. */
import * as tf from '@tensorflow/tfjs-core';
import { Layout, Rng } from 'seqrec';
import { beforeAll, describe, expect } from 'vitest';
import { centralDifference } from '../../reference/central-difference.ts';
import { backends, use } from '../../support/backends.ts';

/** Runs a suite on each backend. */
export function onEachBackend(suite: (backend: string) => void): void {
  describe.each(backends)('on %s', (backend) => {
    beforeAll(() => use(backend));
    suite(backend);
  });
}

/** The rows of some sequences. */
export interface Rows {
  lengths: number[];
  starts?: number[];
  capacity?: number;
}

export function layoutOf({ lengths, starts, capacity }: Rows, firstSequence = 0): Layout {
  const offsets = new Int32Array(lengths.length + 1);
  lengths.forEach((length, b) => {
    offsets[b + 1] = (offsets[b] as number) + length;
  });
  return new Layout(offsets, { starts: starts && Int32Array.from(starts), capacity, firstSequence });
}

export interface Values {
  shape: number[];
  data: Float32Array;
}

/** Normal numbers of a seed. */
export function normals(shape: number[], seed = 0, std = 1): Values {
  const size = shape.reduce((product, n) => product * n, 1);
  return { shape, data: new Rng(seed).normals(new Float32Array(size), 0, std) };
}

/** A tensor of `values`; its rank is the caller's business. */
export function tensor<T extends tf.Tensor = tf.Tensor2D>({ data, shape }: Values): T {
  return tf.tensor(data, shape, 'float32') as T;
}

export interface Tolerance {
  absolute?: number;
  relative?: number;
  /** Times the largest value of the expected tensor. */
  ofMax?: number;
}

/**
 * Checks the values of `op` and the gradients by all its `inputs`, for a random upstream gradient, against `reference`
 * and its central differences; and that neither a forward pass nor a gradient leaves a tensor.
 */
export async function checkOp(
  inputs: readonly Values[],
  // biome-ignore lint/suspicious/noExplicitAny: the caller knows the ranks
  op: (...tensors: any[]) => tf.Tensor,
  reference: (...arrays: Float64Array[]) => Float64Array,
  tolerance: Tolerance = {},
): Promise<void> {
  const before = tf.memory().numTensors;
  const tensors = inputs.map((values) => tensor<tf.Tensor>(values));
  const doubles = inputs.map(({ data }) => Float64Array.from(data));
  const expected = reference(...doubles);
  const upstream = normals([expected.length], 99).data;

  const y = tf.tidy(() => op(...tensors));
  expectClose(await y.data(), expected, 'value', tolerance);
  const dy = tensor<tf.Tensor>({ data: upstream, shape: y.shape });
  const gradients = tf.tidy(() => tf.grads((...xs: tf.Tensor[]) => op(...xs))(tensors, dy));
  for (const [i, x] of doubles.entries()) {
    const dot = () => reference(...doubles).reduce((sum, value, j) => sum + value * (upstream[j] as number), 0);
    const gradient = gradients[i] as tf.Tensor;
    expect(gradient.shape).toEqual(inputs[i]?.shape);
    expectClose(await gradient.data(), centralDifference(dot, x), `gradient ${i}`, tolerance);
  }
  tf.dispose([y, dy, ...gradients, ...tensors]);
  expect(tf.memory().numTensors, 'tensors left').toBe(before);
}

export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  what: string,
  { absolute = 2e-5, relative = 1e-4, ofMax = 0 }: Tolerance = {},
): void {
  let largest = 0;
  for (let i = 0; i < expected.length; i++) largest = Math.max(largest, Math.abs(expected[i] as number));
  expect(actual.length, `${what}: length`).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [actual[i] as number, expected[i] as number];
    if (Math.abs(a - b) <= absolute + relative * Math.abs(b) + ofMax * largest) continue;
    expect.fail(`${what}: [${i}] is ${a}, expected ${b}`);
  }
}

/** Expects that `run` leaves as many tensors as there were. */
export function expectNoLeak(run: () => void): void {
  const before = tf.memory().numTensors;
  run();
  expect(tf.memory().numTensors, 'tensors left').toBe(before);
}
