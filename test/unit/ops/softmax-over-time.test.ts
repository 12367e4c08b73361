import * as tf from '@tensorflow/tfjs-core';
import { Layout, softmaxOverTime } from 'seqrec';
import { expect, test } from 'vitest';
import * as reference from '../../reference/softmax-over-time.ts';
import { checkOp, expectClose, normals, onEachBackend, tensor } from './check.ts';

const offsetsOf = (lengths: readonly number[]) =>
  Int32Array.from([0, ...lengths].map((_, b) => lengths.slice(0, b).reduce((sum, n) => sum + n, 0)));

onEachBackend(() => {
  test.each([
    ['no rows', [0, 0], 0, 3],
    ['one row', [1], 1, 1],
    ['empty sequences, odd width', [0, 5, 1, 0, 6, 2, 3], 17, 3],
    ['rows past the last sequence', [4, 3], 9, 5],
  ] as const)('%s', async (_name, lengths, capacity, columns) => {
    using layout = new Layout(offsetsOf(lengths), { capacity });
    const x = normals([capacity, columns], 1);
    // What the layout remembers is made before tensors are counted.
    tf.tidy(() => void softmaxOverTime(tensor(x), layout));
    await checkOp(
      [x],
      (x) => softmaxOverTime(x, layout),
      (x) => reference.softmaxOverTime(x as Float64Array, layout),
    );
  });

  test('large numbers, a long sequence, and what another sequence has', async () => {
    using layout = new Layout(offsetsOf([70, 2, 1]));
    const { data, shape } = normals([73, 2], 2);
    const values = data.map((value, i) => (i < 140 ? 1e4 * value : -1e4 * value));
    const x = tf.tensor2d(values, shape as [number, number]);
    const y = softmaxOverTime(x, layout);
    expectClose(await y.data(), reference.softmaxOverTime(Float64Array.from(values), layout), 'value');
    tf.dispose([x, y]);
    expect(() => softmaxOverTime(tf.zeros([2, 2]), layout)).toThrow('The input of softmaxOverTime');
  });
});
