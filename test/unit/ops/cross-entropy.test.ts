import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { softmaxCrossEntropy } from '../../../src/ops/cross-entropy.ts';
import { hasKernel } from '../../../src/ops/kernel.ts';
import { centralDifference } from '../../reference/central-difference.ts';
import * as reference from '../../reference/cross-entropy.ts';
import { checkOp, expectClose, expectNoLeak, normals, onEachBackend, tensor } from './check.ts';

onEachBackend((backend) => {
  const targets = Int32Array.of(3, 0, 3, 10, 7);
  const weights = Float32Array.of(1, 0.5, 2, 0, 1);
  const states = normals([5, 3], 1);
  const table = normals([11, 3], 2);
  const bias = normals([11], 3);

  test.each([
    { scale: 1, labelSmoothing: 0 },
    { scale: 5, labelSmoothing: 0 },
    { scale: 0.5, labelSmoothing: 0.1 },
    { scale: 1, labelSmoothing: 1 },
  ])('scale $scale, label smoothing $labelSmoothing', async (options) => {
    const it = { targets, weights, ...options };
    await checkOp(
      [states, table, bias],
      (x, w, bias) => softmaxCrossEntropy(x, w, targets, { bias, weights, ...options }),
      (x, w, b) => Float64Array.of(reference.crossEntropy(x as Float64Array, w as Float64Array, b, it)),
    );
  });

  test('without bias, weights and options', async () => {
    const it = { targets, weights: new Float32Array(5).fill(1), scale: 1, labelSmoothing: 0 };
    await checkOp(
      [states, table],
      (x, w) => softmaxCrossEntropy(x, w, targets),
      (x, w) => Float64Array.of(reference.crossEntropy(x as Float64Array, w as Float64Array, undefined, it)),
    );
  });

  test('wasm has the kernel', () => expect(hasKernel('SeqrecSoftmaxRows')).toBe(backend === 'wasm'));

  // Numbers of items with and without a part that fills no vector of four, or four of them.
  test.each([1, 2, 4, 7, 16, 67, 1100])('%i items', async (items) => {
    const [x, w, b] = [normals([4, 5], 1, 2), normals([items, 5], 2), normals([items], 3)];
    const last = items - 1;
    const targets = Int32Array.of(0, last, last >> 1, 0);
    const it = { targets, weights: Float32Array.of(1, 0.25, 0, 2), scale: 1.5, labelSmoothing: 0.2 };
    const { value, grads } = tf.valueAndGrads((x: tf.Tensor, w: tf.Tensor, bias: tf.Tensor) =>
      softmaxCrossEntropy(x as tf.Tensor2D, w as tf.Tensor2D, targets, { ...it, bias: bias as tf.Tensor1D }),
    )([tensor(x), tensor(w), tensor(b)]);
    const doubles = [x, w, b].map(({ data }) => Float64Array.from(data)) as [Float64Array, Float64Array, Float64Array];
    const loss = () => reference.crossEntropy(...doubles, it);
    expectClose(await value.data(), [loss()], 'loss');
    // The reference takes items² steps for the gradients of table and bias.
    const checked = items > 100 ? [0] : [0, 1, 2];
    for (const i of checked) {
      const expected = centralDifference(loss, doubles[i] as Float64Array);
      expectClose(await (grads[i] as tf.Tensor).data(), expected, `gradient ${i}`);
    }
    // Without gradients the same number.
    const alone = softmaxCrossEntropy(tensor(x), tensor(w), targets, { ...it, bias: tensor<tf.Tensor1D>(b) });
    expect(await alone.data()).toEqual(await value.data());
  });

  test('a logit that is not a number is seen in the loss', async () => {
    const x = tensor({ shape: [1, 1], data: Float32Array.of(1) });
    for (const at of [0, 1, 4]) {
      const data = Float32Array.from({ length: 5 }, (_, item) => (item === at ? NaN : item));
      const loss = softmaxCrossEntropy(x, tensor({ shape: [5, 1], data }), Int32Array.of(2));
      expect([...(await loss.data())]).toEqual([NaN]);
    }
  });

  // The plain backend takes seconds for it, and the loop does not depend on the backend.
  test.runIf(backend === 'wasm')('more rows than fit at once give the sum of their parts', async () => {
    const items = 2 ** 20; // 4 rows of logits in 16 MB
    const [many, wide] = [normals([5, 2], 1), normals([items, 2], 2)];
    const rows = new Int32Array(5).map((_, i) => (i * 654_321) % items);
    const run = async (begin: number, end: number) => {
      const states = tensor({ shape: [end - begin, 2], data: many.data.slice(begin * 2, end * 2) });
      const loss = (states: tf.Tensor, table: tf.Tensor) =>
        softmaxCrossEntropy(states as tf.Tensor2D, table as tf.Tensor2D, rows.slice(begin, end));
      const { value, grads } = tf.valueAndGrads(loss)([states, tensor(wide)]);
      return Promise.all([value, ...grads].map((result) => result.data())) as Promise<
        [Float32Array, Float32Array, Float32Array]
      >;
    };
    const [all, first, second] = [await run(0, 5), await run(0, 3), await run(3, 5)];
    expectClose(
      all[0],
      first[0].map((loss) => loss + (second[0][0] as number)),
      'loss',
    );
    expectClose(all[1], [...first[1], ...second[1]], 'states');
    expectClose(
      all[2],
      first[2].map((value, i) => value + (second[2][i] as number)),
      'table',
    );
  });

  test('large logits stay finite', async () => {
    const x = { shape: [2, 1], data: Float32Array.of(1e4, -1e4) };
    const w = { shape: [3, 1], data: Float32Array.of(1, -1, 0.5) };
    const { value, grads } = tf.valueAndGrads((x: tf.Tensor, w: tf.Tensor) =>
      softmaxCrossEntropy(x as tf.Tensor2D, w as tf.Tensor2D, Int32Array.of(0, 0)),
    )([tensor(x), tensor(w)]);
    expectClose(await value.data(), [20_000], 'loss');
    expectClose(await (grads[0] as tf.Tensor).data(), [0, -2], 'states');
    expectClose(await (grads[1] as tf.Tensor).data(), [1e4, -1e4, 0], 'table', { absolute: 1 });
  });

  test('no targets: 0, without a tensor left', async () => {
    const loss = (x: tf.Tensor) => softmaxCrossEntropy(x as tf.Tensor2D, tf.ones([4, 2]), new Int32Array(0));
    expectNoLeak(() => tf.tidy(() => void tf.valueAndGrad(loss)(tf.zeros([0, 2]))));
    expect([...(await loss(tf.zeros([0, 2])).data())]).toEqual([0]);
  });

  test('says what does not fit', () => {
    const [x, w] = [tensor(states), tensor(table)];
    expect(() => softmaxCrossEntropy(x, w, Int32Array.of(0, 1, 2, 3, 11))).toThrow(
      'softmaxCrossEntropy takes rows from 0 to 10, got 11 at index 4.',
    );
    expect(() => softmaxCrossEntropy(x, w, Int32Array.of(0))).toThrow('for each of the 5 states, got 1 and 5.');
    expect(() => softmaxCrossEntropy(x, w, targets, { scale: 0 })).toThrow(
      'scale must be a number greater than 0, got 0.',
    );
  });
});
