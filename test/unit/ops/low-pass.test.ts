import * as tf from '@tensorflow/tfjs-core';
import { Layout, lowPass } from 'seqrec';
import { expect, test } from 'vitest';
import * as reference from '../../reference/low-pass.ts';
import { checkOp, expectClose, expectNoLeak, normals, onEachBackend, tensor } from './check.ts';

onEachBackend(() => {
  test.each([
    ['no rows', [0, 0], 0, 3],
    ['one row', [1], 1, 1],
    ['odd and even lengths, empty sequences', [0, 5, 1, 0, 6, 2, 3], 17, 3],
    ['rows past the last sequence', [4, 3], 9, 2],
  ] as const)('%s', async (_name, lengths, capacity, width) => {
    const offsets = Int32Array.from(
      [0, ...lengths].map((_, b) => lengths.slice(0, b).reduce((sum: number, n) => sum + n, 0)),
    );
    using layout = new Layout(offsets, { capacity });
    for (const bins of [1, 2, 3, 9]) {
      layout.dispose();
      const x = normals([capacity, width], bins);
      // What the layout remembers is made before tensors are counted.
      tf.dispose(tf.tidy(() => lowPass(tensor(x), layout, bins)));
      await checkOp(
        [x],
        (x) => lowPass(x, layout, bins),
        (x) => reference.lowPass(x as Float64Array, layout, bins),
      );
    }
  });

  test('a long sequence among short ones', async () => {
    using layout = new Layout(Int32Array.of(0, 20, 321, 330));
    const x = normals([330, 3], 1);
    const y = lowPass(tensor(x), layout, 4);
    expectClose(await y.data(), reference.lowPass(Float64Array.from(x.data), layout, 4), 'value');
    y.dispose();
  });

  test('one bin is the mean, all of them the sequence', async () => {
    using layout = new Layout(Int32Array.of(0, 4));
    const x = tf.tensor2d([1, 2, 3, 6], [4, 1]);
    const [mean, all] = [lowPass(x, layout, 1), lowPass(x, layout, 3)];
    expectClose(await mean.data(), [3, 3, 3, 3], 'mean');
    expectClose(await all.data(), [1, 2, 3, 6], 'all');
    tf.dispose([x, mean, all]);
  });

  test('leaves nothing behind but with the layout', () => {
    const x = tensor(normals([9, 2]));
    expectNoLeak(() => {
      using layout = new Layout(Int32Array.of(0, 4, 9));
      tf.tidy(() => void tf.grad((y) => lowPass(y as tf.Tensor2D, layout, 2))(x));
    });
    expect(() => lowPass(x, new Layout(Int32Array.of(0, 9)), 0)).toThrow('bins must be an integer at least 1, got 0.');
    x.dispose();
  });
});
