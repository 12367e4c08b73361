import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import { expect, it } from 'vitest';

it('gives every test file the plain-JavaScript backend', () => {
  expect(tf.getBackend()).toBe('cpu');
});

it('registers the gradients in the one engine', async () => {
  expect(
    await tf
      .grad((x) => tf.sum(tf.square(x)))(tf.tensor1d([1, 2]))
      .data(),
  ).toEqual(Float32Array.of(2, 4));
});
