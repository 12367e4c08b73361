import * as tf from '@tensorflow/tfjs-core';
import { Rng, softmaxCrossEntropy } from 'seqrec';
import { expect, test } from 'vitest';
import { composedCrossEntropy } from '../../../src/ops/cross-entropy-composed.ts';
import { hasKernel } from '../../../src/ops/kernel.ts';
import { addTo } from '../../reference/array.ts';
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

  test('wasm and webgpu have the kernel', () =>
    expect(hasKernel('SeqrecCrossEntropy')).toBe(['wasm', 'webgpu'].includes(backend)));

  // Numbers of items with and without a part that fills no vector of four, or four of them.
  test.each([1, 2, 4, 7, 16, 67, 1100])('%i items', async (items) => {
    const [x, w, b] = [normals([4, 5], 1, 2), normals([items, 5], 2), normals([items], 3)];
    const last = items - 1;
    const targets = Int32Array.of(0, last, last >> 1, 0);
    const options = { weights: Float32Array.of(1, 0.25, 0, 2), scale: 1.5, labelSmoothing: 0.2 };
    const it = { targets, ...options };
    const { value, grads } = tf.valueAndGrads((x: tf.Tensor, w: tf.Tensor, bias: tf.Tensor) =>
      softmaxCrossEntropy(x as tf.Tensor2D, w as tf.Tensor2D, targets, { ...options, bias: bias as tf.Tensor1D }),
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
    const alone = softmaxCrossEntropy(tensor(x), tensor(w), targets, { ...options, bias: tensor<tf.Tensor1D>(b) });
    expect(await alone.data()).toEqual(await value.data());
  });

  // Around the edges of the blocks and tiles of the kernel: 96 rows, 192 items, 6 and 8 columns.
  test.runIf(backend === 'wasm').each([
    { rows: 1, items: 193, dim: 1 },
    { rows: 7, items: 191, dim: 6 },
    { rows: 95, items: 384, dim: 7 },
    { rows: 97, items: 385, dim: 8 },
    { rows: 200, items: 577, dim: 13 },
    { rows: 193, items: 200, dim: 70 },
  ])('$rows rows, $items items, $dim columns', async ({ rows, items, dim }) => {
    const inputs = [normals([rows, dim], 1), normals([items, dim], 2, dim ** -0.5), normals([items], 3)] as const;
    const rng = new Rng(4);
    const targets = new Int32Array(rows).map((_, m) => rng.int(m, items));
    const weights = new Float32Array(rows).map((_, m) => (m % 3) / 2);
    const options = { weights, scale: 1.5, labelSmoothing: 0.1 };
    const it = { targets, ...options };
    const doubles = inputs.map(({ data }) => Float64Array.from(data)) as [Float64Array, Float64Array, Float64Array];
    const expected = reference.crossEntropyGradients(...doubles, it);
    const before = tf.memory().numTensors;
    const tensors = inputs.map((values) => tensor<tf.Tensor>(values));
    const { value, grads } = tf.valueAndGrads((x: tf.Tensor, w: tf.Tensor, b: tf.Tensor) =>
      softmaxCrossEntropy(x as tf.Tensor2D, w as tf.Tensor2D, targets, { ...options, bias: b as tf.Tensor1D }),
    )(tensors);
    expectNear(await value.data(), [reference.crossEntropy(...doubles, it)], 'loss');
    for (const [i, name] of (['states', 'table', 'bias'] as const).entries()) {
      expectNear(await (grads[i] as tf.Tensor).data(), expected[name], name);
    }
    tf.dispose([value, ...grads, ...tensors]);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('a logit that is not a number is seen in the loss', async () => {
    const x = tensor({ shape: [1, 1], data: Float32Array.of(1) });
    for (const at of [0, 1, 4]) {
      const data = Float32Array.from({ length: 5 }, (_, item) => (item === at ? NaN : item));
      const loss = softmaxCrossEntropy(x, tensor({ shape: [5, 1], data }), Int32Array.of(2));
      expect([...(await loss.data())]).toEqual([NaN]);
    }
  });

  // More than is kept between the passes: copies of a table, as what the reference says of one is easily said of all.
  test.runIf(backend === 'wasm').each([
    { rows: 3, few: 10_000, copies: 100, dim: 16 },
    { rows: 97, few: 1_000, copies: 200, dim: 13 },
  ])('$rows rows, $few items $copies times, $dim columns', async ({ rows, few, copies, dim }) => {
    const inputs = [normals([rows, dim], 1), normals([few, dim], 2, 0.3), normals([few], 3)] as const;
    const targets = new Int32Array(rows).map((_, m) => few - 1 - m * 7);
    const weights = new Float32Array(rows).map((_, m) => (m % 3) / 2 + 0.5);
    const options = { weights, scale: 1.5, labelSmoothing: 0.1 };
    const it = { targets, ...options };
    const doubles = inputs.map(({ data }) => Float64Array.from(data)) as [Float64Array, Float64Array, Float64Array];
    const ofOne = reference.crossEntropyGradients(...doubles, it);
    const [x, w, b] = inputs.map((values) => tensor<tf.Tensor>(values)) as [tf.Tensor, tf.Tensor, tf.Tensor];
    const tensors = [x, tf.tile(w, [copies, 1]), tf.tile(b, [copies])];
    const last = targets.map((target) => target + few * (copies - 1));
    const { value, grads } = tf.valueAndGrads((x: tf.Tensor, w: tf.Tensor, b: tf.Tensor) =>
      softmaxCrossEntropy(x as tf.Tensor2D, w as tf.Tensor2D, last, { ...options, bias: b as tf.Tensor1D }),
    )(tensors);
    const more = weights.reduce((sum, weight) => sum + weight, 0) * Math.log(copies);
    expectNear(await value.data(), [reference.crossEntropy(...doubles, it) + more], 'loss');
    expectNear(await (grads[0] as tf.Tensor).data(), ofOne.states, 'states');
    // The softmax and the smoothing are shared among the copies, the targets are in the last one.
    const slopes = Array.from(weights, (weight) => 0.9 * weight);
    const ofTargets = { table: new Float64Array(few * dim), bias: new Float64Array(few) };
    targets.forEach((target, m) => {
      addTo(ofTargets.bias, target, slopes[m] as number);
      for (let j = 0; j < dim; j++) {
        addTo(ofTargets.table, target * dim + j, 1.5 * (slopes[m] as number) * (inputs[0].data[m * dim + j] as number));
      }
    });
    for (const [i, name] of (['table', 'bias'] as const).entries()) {
      const shared = ofOne[name].map((value, at) => (value + (ofTargets[name][at] as number)) / copies);
      const found = await (grads[i + 1] as tf.Tensor).data();
      const part = (copy: number) => found.subarray(copy * shared.length, (copy + 1) * shared.length);
      for (const copy of [0, 1, 50, copies - 2]) expectNear(part(copy), shared, `${name}, copy ${copy}`);
      const ofLast = shared.map((value, at) => value - (ofTargets[name][at] as number));
      expectNear(part(copies - 1), ofLast, `${name}, last copy`);
    }
    tf.dispose([value, ...grads, ...tensors, w, b]);
  });

  // The plain backend takes seconds for it, and the loop does not depend on the backend.
  test.runIf(backend === 'wasm')('composed of several chunks it is the same', async () => {
    const [count, items] = [130, 2 ** 15]; // 128 rows of logits in 16 MB
    const [states, table] = [tensor(normals([count, 2], 1)), tensor(normals([items, 2], 2))];
    const targets = new Int32Array(count).map((_, i) => (i * 4321) % items);
    const problem = { targets, weights: new Float32Array(count).fill(1), scale: 1, labelSmoothing: 0 };
    const composed = composedCrossEntropy(problem, states, table, undefined, true);
    const { value, grads } = tf.valueAndGrads((x: tf.Tensor, w: tf.Tensor) =>
      softmaxCrossEntropy(x as tf.Tensor2D, w as tf.Tensor2D, targets),
    )([states, table]);
    expectClose(await value.data(), await composed.loss.data(), 'loss');
    for (const [i, name] of ['states', 'table'].entries()) {
      const [actual, expected] = [grads[i], composed.gradients[i]] as [tf.Tensor, tf.Tensor];
      // tfjs-wasm adds up a row in single precision, one value after the other.
      expectClose(await actual.data(), await expected.data(), name, { absolute: 1e-3 });
    }
    tf.dispose([states, table, composed.loss, ...composed.gradients, value, ...grads]);
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

/** Expects a difference of at most 1e-5 of the largest value. */
function expectNear(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  let [largest, difference] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i] as number));
    difference = Math.max(difference, Math.abs((actual[i] as number) - (expected[i] as number)));
  }
  expect(difference, what).toBeLessThanOrEqual(1e-5 * largest);
}
