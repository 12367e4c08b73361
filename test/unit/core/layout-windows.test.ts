import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { Layout } from 'seqrec';
import { expect, test } from 'vitest';

const offsets = Int32Array.of(0, 4, 5, 7);

test('windows end with each row and stay within its sequence', () => {
  const layout = new Layout(offsets, { starts: Int32Array.of(0, 3, 0), capacity: 8 });
  const windows = layout.windows(3);
  const rows = Array.from({ length: 8 }, (_, row) => [...windows.subarray(row * 3, row * 3 + 3)]);
  expect(rows).toEqual([
    [-1, -1, 0],
    [-1, 0, 1],
    [0, 1, 2],
    [1, 2, 3],
    [-1, -1, 4],
    [-1, -1, 5],
    [-1, 5, 6],
    [-1, -1, -1],
  ]);
});

test('windows of the last rows', () => {
  const layout = new Layout(offsets);
  expect([...layout.windows(2, layout.last())]).toEqual([2, 3, -1, 4, 5, 6]);
  expect([...layout.windows(1, layout.last())]).toEqual([3, 4, 6]);
});

test('the layout of the last rows is one object, freed with the whole', async () => {
  await tf.setBackend('cpu');
  const before = tf.memory().numTensors;
  const layout = new Layout(offsets);
  const last = layout.last();
  expect(layout.last()).toBe(last);
  expect([...(await last.position.data())]).toEqual([3, 0, 1]);
  last.dispose();
  expect([...(await layout.last().sequence.data())]).toEqual([0, 1, 2]);
  layout.dispose();
  expect(tf.memory().numTensors).toBe(before);
});
