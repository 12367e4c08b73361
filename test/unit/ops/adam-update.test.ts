import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { adamUpdate } from '../../../src/ops/adam-update.ts';
import { hasKernel } from '../../../src/ops/kernel.ts';
import { sumOfSquares } from '../../../src/ops/sum-of-squares.ts';
import { expectClose, normals, onEachBackend, tensor } from './check.ts';

onEachBackend((backend) => {
  test('wasm and webgpu have the kernels', () => {
    expect(hasKernel('SeqrecSumOfSquares')).toBe(['wasm', 'webgpu'].includes(backend));
    expect(hasKernel('SeqrecAdam')).toBe(['wasm', 'webgpu'].includes(backend));
  });

  // Lengths with and without a part that fills no vector of four.
  test.each([
    [[0, 3], 0, 1, false],
    [[], 0, 1, true],
    [[3], 0.1, 1, false],
    [[4], 0, 0.9, true],
    [[5, 7], 0.1, 0.9, false],
    [[5, 7], 0.1, 0.9, true],
    [[2, 64], 0, 1, false],
  ])('Adam on a tensor of the shape %j, L2 %d, shrunk by %d, AMSGrad %s', async (shape, l2, shrink, amsgrad) => {
    const before = tf.memory().numTensors;
    const given = [1, 2, 3, 4, 5].map((seed) => normals(shape, seed));
    const positive = given.map(({ data }, i) => (i >= 3 ? data.map(Math.abs) : data)) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const tensors = positive.map((data) => tensor<tf.Tensor>({ shape, data }));
    const [value, gradient, m, v, max] = tensors as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
    const step = { rate: 0.1, beta1: 0.9, beta2: 0.98, epsilon: 1e-3, l2, shrink };

    const moved = tf.tidy(() => ({ ...adamUpdate(gradient, { value, m, v, max: amsgrad ? max : undefined }, step) }));

    const [w, g, mean, square, largest] = positive.map((data) => [...data]) as [
      number[],
      number[],
      number[],
      number[],
      number[],
    ];
    const pull = g.map((x, i) => x + l2 * (w[i] as number));
    const newM = mean.map((x, i) => 0.9 * x + 0.1 * (pull[i] as number));
    const newV = square.map((x, i) => 0.98 * x + 0.02 * (pull[i] as number) ** 2);
    const newMax = newV.map((x, i) => Math.max(x, largest[i] as number));
    const root = (amsgrad ? newMax : newV).map((x) => Math.sqrt(x) + 1e-3);
    const newValue = w.map((x, i) => shrink * x - (0.1 * (newM[i] as number)) / (root[i] as number));
    const tolerance = { absolute: 1e-6, relative: 1e-6 };
    expectClose(await moved.m.data(), newM, 'm', tolerance);
    expectClose(await moved.v.data(), newV, 'v', tolerance);
    expectClose(await moved.value.data(), newValue, 'value', tolerance);
    if (amsgrad) expectClose((await moved.max?.data()) ?? [], newMax, 'max', tolerance);
    else expect(moved.max).toBeUndefined();
    for (const [i, x] of tensors.entries()) expect(await x.data(), 'inputs stay as they are').toEqual(positive[i]);
    expect(moved.value.shape).toEqual(shape);
    tf.dispose([moved.value, moved.m, moved.v, moved.max ?? [], ...tensors]);
    expect(tf.memory().numTensors).toBe(before);
  });

  test.each([[[]], [[[0]]], [[[]]], [[[4]]], [[[3], [9, 7], [0], [], [2], [300], [1, 5], [6]]]])(
    'the sum of squares of tensors of the shapes %j',
    async (shapes) => {
      const before = tf.memory().numTensors;
      const values = shapes.map((shape, i) => normals(shape, i));
      const tensors = values.map((x) => tensor<tf.Tensor>(x));
      const sum = tf.tidy(() => sumOfSquares(tensors));
      const expected = values.flatMap(({ data }) => [...data]).reduce((total, value) => total + value * value, 0);
      expectClose(await sum.data(), [expected], 'sum', { relative: 1e-6 });
      tf.dispose([...tensors, sum]);
      expect(tf.memory().numTensors).toBe(before);
    },
  );
});
