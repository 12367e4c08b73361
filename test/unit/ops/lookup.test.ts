import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { embedding } from '../../../src/ops/embedding.ts';
import { gatherRows } from '../../../src/ops/gather-rows.ts';
import { segmentSum } from '../../../src/ops/segment-sum.ts';
import * as reference from '../../reference/segment-sum.ts';
import { checkOp, normals, onEachBackend, tensor } from './check.ts';

onEachBackend(() => {
  test.each([
    [4, 3, [0, 3, 3, 1, 3]],
    [1, 1, [0, 0]],
    [300, 5, [299, 0, 17, 17]],
    [3, 2, []],
  ])('lookups in %i rows of %i and their sums', async (count, width, list) => {
    const rows = Int32Array.from(list);
    const index = tf.tensor1d(rows, 'int32');
    const table = normals([count, width], 1);
    const lookup = (x: Float64Array) => reference.lookup(x, rows, width);
    await checkOp([table], (x) => embedding(x, rows), lookup);
    await checkOp([table], (x) => embedding(x, index), lookup);
    await checkOp([table], (x) => gatherRows(x, rows), lookup);
    const values = normals([rows.length, width], 2);
    const sum = (x: Float64Array) =>
      rows.length === 0 ? new Float64Array(count * width) : reference.segmentSum(x, rows, count);
    await checkOp([values], (x) => segmentSum(x, rows, count), sum);
    await checkOp([values], (x) => segmentSum(x, index, count), sum);
    index.dispose();
  });

  test('names the row that is out of range', () => {
    const x = tensor(normals([4, 2]));
    expect(() => embedding(x, Int32Array.of(0, 4))).toThrow(
      'An embedding table of 4 rows takes rows from 0 to 3, got 4 at index 1.',
    );
    expect(() => gatherRows(x, Int32Array.of(-1))).toThrow('gatherRows takes rows from 0 to 3, got -1 at index 0.');
    expect(() => segmentSum(x, Int32Array.of(0, 1, 2, 3), 3)).toThrow('got 3 at index 3.');
    expect(() => segmentSum(x, Int32Array.of(0), 3)).toThrow('one segment for each of the 4 rows, got 1.');
  });
});
