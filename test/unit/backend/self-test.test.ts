import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { EXPECTED, inputs, selfTest } from '../../../src/backend/self-test.ts';

/** The step of the self-test as loops in double precision; `weight` and `table` are gradients by central differences. */
function loss(table: Float64Array, weight: Float64Array): number {
  const { rows, targets } = inputs();
  let sum = 0;
  rows.forEach((row, r) => {
    const x = Array.from(table.subarray(row * 4, row * 4 + 4));
    const mean = x.reduce((a, b) => a + b) / 4;
    const scale = 1 / Math.sqrt(x.reduce((a, b) => a + (b - mean) ** 2, 0) / 4 + 1e-5);
    const hidden = [0, 1, 2].map((j) =>
      Math.tanh(x.reduce((a, b, i) => a + (b - mean) * scale * (weight[i * 3 + j] as number), 0)),
    );
    const total = hidden.reduce((a, b) => a + Math.exp(b), 0);
    hidden.forEach((h, j) => {
      sum -= (targets[r * 3 + j] as number) * (h - Math.log(total));
    });
  });
  return sum;
}

function differences(values: Float64Array, f: () => number): number[] {
  return Array.from(values, (value, i) => {
    values[i] = value + 1e-5;
    const above = f();
    values[i] = value - 1e-5;
    const below = f();
    values[i] = value;
    return (above - below) / 2e-5;
  });
}

it('stores the numbers of an independent calculation', () => {
  const host = inputs();
  const [table, weight] = [Float64Array.from(host.table), Float64Array.from(host.weight)];
  const f = () => loss(table, weight);
  const close = (found: readonly number[], expected: readonly number[]) => {
    expect(found.map((value) => Math.round(value * 1e5) / 1e5 + 0)).toEqual(expected);
  };
  close([f()], EXPECTED.loss);
  close(differences(weight, f), EXPECTED.weight);
  close(differences(table, f), EXPECTED.table);
});

it('refuses a backend that computes zeros', async () => {
  const kernel = tf.getKernel('UnsortedSegmentSum', 'cpu');
  tf.unregisterKernel('UnsortedSegmentSum', 'cpu');
  tf.registerKernel({
    kernelName: 'UnsortedSegmentSum',
    backendName: 'cpu',
    kernelFunc: ({ attrs }) => tf.zeros([attrs?.numSegments as number, 4]),
  });
  try {
    await expect(selfTest('cpu')).rejects.toThrow(
      "The self-test of 'cpu' failed: table[4] should be 0.58282 and is 0.",
    );
  } finally {
    tf.unregisterKernel('UnsortedSegmentSum', 'cpu');
    tf.registerKernel(kernel);
  }
});

it('passes on cpu and leaves no tensor', async () => {
  const before = tf.memory().numTensors;
  await selfTest('cpu');
  expect(tf.memory().numTensors).toBe(before);
});
