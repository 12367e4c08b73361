import * as tf from '@tensorflow/tfjs-core';
import { embedding, gatherRows, Layout, segmentSum, selectRows } from 'seqrec';
import { expect, test } from 'vitest';
import * as reference from '../../reference/segment-sum.ts';
import { use } from '../../support/backends.ts';
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
    const scaled = (x: Float64Array, plus: Float64Array) =>
      lookup(x).map((value, i) => -2.5 * value + (plus[i] as number));
    for (const which of [rows, index]) {
      await checkOp(
        [table, normals([rows.length, width], 3)],
        (x, plus) => embedding(x, which, { scale: -2.5, plus }),
        (x, plus) => scaled(x as Float64Array, plus as Float64Array),
      );
    }
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
    expect(() => embedding(x, Int32Array.of(0), { plus: x })).toThrow(
      'What embedding adds must have the shape [1, 2], got [4, 2].',
    );
    expect(() => segmentSum(x, Int32Array.of(0), 3)).toThrow('one segment for each of the 4 rows, got 1.');
  });

  test('rows that a layout asks of another', async () => {
    using layout = new Layout(Int32Array.of(0, 3, 4, 4, 9));
    using queries = new Layout(Int32Array.of(0, 1, 2, 2, 4), { starts: Int32Array.of(1, 0, 0, 3) });
    const rows = Int32Array.of(1, 3, 7, 8);
    const x = tensor(normals([9, 3]));
    expect(selectRows(x, layout, queries).shape).toEqual([4, 3]); // the layout keeps what it needs from now on
    await checkOp(
      [normals([9, 3], 1)],
      (x) => selectRows(x, layout, queries),
      (x) => reference.lookup(x, rows, 3),
    );
    expect(selectRows(x, layout, layout)).toBe(x);
    const beyond = new Layout(Int32Array.of(0, 1, 2, 3, 4), { starts: Int32Array.of(0, 0, 0, 5) });
    expect(() => selectRows(x, layout, beyond)).toThrow(
      'Position 0 of sequence 2 is asked for, which this layout does not have.',
    );
    expect(() => selectRows(x, layout, new Layout(Int32Array.of(0, 1, 1, 1, 2, 3)))).toThrow(
      'Position 0 of sequence 4',
    );
  });

  test('segments that there are not are left out', async () => {
    const rows = tf.tensor1d([-1, 1, 2 ** 31 - 1, 1], 'int32');
    const sums = segmentSum(tensor({ shape: [4, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8) }), rows, 2);
    expect([...(await sums.data())]).toEqual([0, 0, 10, 12]);
  });
});

test('a lookup by tensor on WebAssembly refuses a row that is none, and frees what it made', async () => {
  await use('wasm');
  const table = tensor(normals([4, 2]));
  for (const bad of [-1, 4]) {
    const rows = tf.tensor1d([0, bad], 'int32');
    const buffers = tf.memory().numDataBuffers;
    expect(() => tf.tidy(() => embedding(table, rows))).toThrow(
      'A lookup in 4 rows takes rows from 0 to 3, got another at index 1.',
    );
    expect(tf.memory().numDataBuffers).toBe(buffers);
    rows.dispose();
  }
});
