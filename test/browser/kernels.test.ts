/** The fused kernels of WebGPU beside the composed forms of the same ops on the same device. */
import '@tensorflow/tfjs';
import * as tf from '@tensorflow/tfjs-core';
import {
  attention,
  backendInfo,
  dropout,
  dropoutAdd,
  dropoutMask,
  embedding,
  gelu,
  Interactions,
  Layout,
  type LayoutOptions,
  layerNorm,
  linear,
  Ragged,
  Rng,
  ranksOfScores,
  ready,
  relu,
  SASRec,
  sampledLoss,
  silu,
  softmaxCrossEntropy,
  topKOfScores,
} from 'seqrec';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { most } from '../../src/backend/webgpu/chunks.ts';
import { adamUpdate } from '../../src/ops/adam-update.ts';
import { bestItems, itemScores, targetRanks } from '../../src/ops/item-scores.ts';
import { logistic, softmaxOverNegatives } from '../../src/ops/sampled-formulas.ts';
import * as reference from '../reference/attention.ts';
import { expectClose, normals, type Tolerance, tensor, type Values } from '../unit/ops/check.ts';

beforeAll(async () => {
  for (const name of tf.engine().backendNames()) tf.removeBackend(name);
  Object.assign(globalThis, { SEQREC_BACKEND: 'webgpu' });
  await ready();
  expect(backendInfo()?.details.kernels).toBe('WGSL');
  // Small tensors would be computed by JavaScript.
  tf.env().set('WEBGPU_CPU_FORWARD', false);
});

/** Runs something with the composed forms only. */
async function composed<T>(run: () => Promise<T>): Promise<T> {
  const kernels = tf.getKernelsForBackend('webgpu').filter(({ kernelName }) => kernelName.startsWith('Seqrec'));
  expect(kernels.length).toBeGreaterThan(15);
  for (const { kernelName } of kernels) tf.unregisterKernel(kernelName, 'webgpu');
  try {
    return await run();
  } finally {
    for (const kernel of kernels) tf.registerKernel(kernel);
  }
}

/** Values and gradients, for the same upstream gradient, of both forms; the fused one twice, to the bit. */
async function compare(
  inputs: readonly Values[],
  // biome-ignore lint/suspicious/noExplicitAny: the caller knows the ranks
  op: (...tensors: any[]) => tf.Tensor,
  tolerance: Tolerance = { ofMax: 1e-5 },
): Promise<void> {
  const tensors = inputs.map((values) => tensor<tf.Tensor>(values));
  const run = async () => {
    const made = tf.tidy(() => {
      const y = op(...tensors);
      const dy = tensor<tf.Tensor>({ ...normals([y.size], 99), shape: y.shape });
      return [y, ...tf.grads((...xs: tf.Tensor[]) => op(...xs))(tensors, dy)];
    });
    const read = await Promise.all(made.map((x) => x.data()));
    tf.dispose(made);
    return read;
  };
  const fused = await run();
  const expected = await composed(run);
  const before = tf.memory(); // what layouts keep is made by now
  const again = await run();
  expect(tf.memory().numTensors).toBe(before.numTensors);
  expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers);
  for (const [i, values] of expected.entries()) {
    expectClose(fused[i] as Float32Array, values, i === 0 ? 'value' : `gradient ${i - 1}`, tolerance);
    const same = values.every((_, j) => Object.is(again[i]?.[j], fused[i]?.[j]));
    expect(same, `the bits of ${i === 0 ? 'the value' : `gradient ${i - 1}`}`).toBe(true);
  }
  tf.dispose(tensors);
}

const offsetsOf = (lengths: readonly number[]) =>
  Int32Array.from({ length: lengths.length + 1 }, (_, b) => lengths.slice(0, b).reduce((sum, n) => sum + n, 0));
const layoutOf = (lengths: readonly number[], options?: LayoutOptions) => new Layout(offsetsOf(lengths), options);

test.each([
  { lengths: [1, 0, 5, 33], heads: 1, width: 7, causal: true },
  { lengths: [3, 9, 1], heads: 2, width: 6, causal: false, dropped: true, capacity: 20 },
  { lengths: [3, 70, 1], heads: 2, width: 10, causal: true, dropped: true, biased: 2, capacity: 77 },
  { lengths: [4, 2], heads: 3, width: 9, causal: false, biased: 1 },
  { lengths: [600], heads: 1, width: 2, causal: true },
])('attention %j', async ({ lengths, heads, width, causal, dropped, biased, capacity }) => {
  const rows = capacity ?? lengths.reduce((sum, n) => sum + n, 0);
  using queries = layoutOf(lengths, { capacity: rows, firstSequence: 3 });
  const positions = Math.max(...lengths);
  const inputs = [1, 2, 3].map((seed) => normals([rows, width], seed));
  if (biased) inputs.push(normals([biased, positions, positions], 4));
  const dropout = dropped ? { rate: 0.3, rng: new Rng(7) } : undefined;
  await compare(inputs, (q, k, v, bias) => attention(q, k, v, { queries, heads, causal, bias, dropout }));
});

/** The composed form takes minutes on a software adapter: the oracle is float64. */
test('attention in a sequence of 2,000 rows', { timeout: 180_000 }, async () => {
  using queries = layoutOf([3, 2000, 1]);
  const it = { queries, keys: queries, heads: 2, width: 6, causal: true };
  const inputs = [1, 2, 3].map((seed) => normals([2004, 6], seed));
  const dy = normals([2004, 6], 9);
  const op = (...[q, k, v]: tf.Tensor[]) =>
    attention(q as tf.Tensor2D, k as tf.Tensor2D, v as tf.Tensor2D, { queries, heads: 2, causal: true });
  const tensors = inputs.map((values) => tensor<tf.Tensor>(values));
  const [y, ...gradients] = tf.tidy(() => [op(...tensors), ...tf.grads(op)(tensors, tensor<tf.Tensor>(dy))]);
  const exact = (step: number, moved?: number) => {
    const [q, k, v] = inputs.map(({ data }, i) =>
      Float64Array.from(data, (value, j) => value + (i === moved ? step * direction(j) : 0)),
    ) as [Float64Array, Float64Array, Float64Array];
    return reference.attention(q, k, v, it);
  };
  expectClose(await (y as tf.Tensor).data(), exact(0), 'value', { ofMax: 1e-5 });
  // The change along a direction.
  for (const [i, gradient] of gradients.entries()) {
    const [above, below] = [exact(1e-4, i), exact(-1e-4, i)];
    const slope = (await gradient.data<'float32'>()).reduce((sum, g, j) => sum + g * direction(j), 0);
    const expected = dy.data.reduce((sum, d, j) => sum + (d * ((above[j] as number) - (below[j] as number))) / 2e-4, 0);
    expectClose([slope], [expected], `gradient ${i}`, { relative: 1e-4, absolute: 0.01 });
  }
  tf.dispose([y as tf.Tensor, ...gradients, ...tensors]);
});

const direction = (index: number) => ((index * 7) % 5) - 1.5;

test('attention of last rows to all', async () => {
  using keys = layoutOf([1, 4, 20], { starts: Int32Array.of(0, 5, 2) });
  using queries = keys.last();
  const inputs = [normals([3, 4], 1), normals([25, 4], 2), normals([25, 4], 3)];
  await compare(inputs, (q, k, v) => attention(q, k, v, { queries, keys, heads: 2, causal: true }));
});

test.each([
  [0, 5],
  [1, 1],
  [9, 50],
  [700, 130],
])('layer norm of %i rows of %i', (rows, width) =>
  compare([normals([rows, width], 1, 2), normals([width], 2), normals([width], 3)], (x, w, b) => layerNorm(x, w, b)),
);

test.each([
  [0, 3, 4, undefined],
  [1, 1, 1, relu],
  [1, 64, 200, undefined],
  [17, 5, 70, gelu],
  [130, 33, 9, silu],
  [600, 7, 257, undefined], // by large tiles
  [1500, 20, 30, relu], // with the sums of the weight's gradient cut
])('linear map of %i rows of %i to %i columns', (rows, from, to, activation) =>
  compare([normals([rows, from], 1), normals([to, from], 2), normals([to], 3)], (x, w, b) =>
    linear(x, w, b, activation),
  ),
);

test('dropout has the masks of every backend', async () => {
  using layout = layoutOf([3, 0, 5], { capacity: 11, starts: Int32Array.of(4, 0, 9), firstSequence: 70_000 });
  const [rng, x] = [new Rng(5), tf.ones<tf.Rank.R2>([11, 13])];
  for (const of of [layout, undefined]) {
    const y = dropout(x, 0.37, rng, of);
    expect(await y.data()).toEqual(dropoutMask(rng, 0.37, [11, 13], of));
    y.dispose();
  }
  x.dispose();
  const inputs = [normals([11, 13], 1), normals([11, 13], 2)];
  await compare(inputs, (x, y) => dropoutAdd(x, y, 0.2, rng, layout));
  await compare(inputs.slice(1), (x) => dropout(x, 0.2, rng));
});

test('lookups', async () => {
  const rows = Int32Array.of(4, 0, 4, 2, 4);
  const inputs = [normals([5, 3], 1), normals([5, 3], 2)];
  await compare(inputs, (table, plus) => embedding(table, rows, { scale: 1.7, plus }));
  await compare(inputs.slice(0, 1), (table) => embedding(table, tf.tensor1d(rows, 'int32')));
});

const whole = { ...most };
afterEach(() => void Object.assign(most, whole));

test.each([
  [1, 7, 3, 0, whole.logits],
  [40, 300, 9, 0.1, whole.logits],
  [43, 300, 9, 0.1, 10 * 300], // the last of five chunks has 3 states
])('cross-entropy of %i states and %i items of width %i, label smoothing %d, %i at a time', async (...sizes) => {
  const [count, items, dim, smoothing, atOnce] = sizes;
  most.logits = atOnce;
  const rng = new Rng(3);
  const targets = new Int32Array(count).map((_, i) => rng.int(i, items));
  const weights = new Float32Array(count).map((_, i) => rng.fork('weights').uniform(i));
  const options = { weights, scale: 0.7, labelSmoothing: smoothing };
  await compare([normals([count, dim], 1), normals([items, dim], 2), normals([items], 3)], (x, table, bias) =>
    softmaxCrossEntropy(x, table, targets, { ...options, bias }),
  );
});

test.each([
  [5, 3, false],
  [70, 100, false],
  [6, 4, true],
])('sampled losses of %i states and %i negatives, shared: %s', async (count, width, shared) => {
  const rng = new Rng(3);
  const draw = (length: number, name: string) => new Int32Array(length).map((_, i) => rng.fork(name).int(i, 30));
  const questions = {
    targets: draw(count, 'targets'),
    weights: new Float32Array(count).map((_, i) => rng.uniform(i)),
    negatives: draw(shared ? width : count * width, 'negatives'),
    shared,
  };
  const inputs = [normals([count, 5], 1), normals([30, 5], 2), normals([30], 3)];
  for (const formula of [(x: Parameters<typeof logistic>[0]) => logistic(x, { beta: 0.4 }), softmaxOverNegatives]) {
    await compare(inputs, (x, table, bias) => sampledLoss(x, table, questions, formula, { bias, scale: 1.3 }));
  }
});

test('Adam, also with the largest squares', async () => {
  const [value, gradient, m, v, max] = [1, 2, 3, 4, 5].map((seed) => {
    const values = normals([300], seed);
    return tensor<tf.Tensor>(seed < 4 ? values : { ...values, data: values.data.map(Math.abs) });
  }) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
  const step = { rate: 0.1, beta1: 0.9, beta2: 0.98, epsilon: 1e-8, l2: 0.1, shrink: 0.9 };
  for (const largest of [undefined, max]) {
    const run = async () => {
      const made = tf.tidy(() => {
        const next = adamUpdate(gradient, { value, m, v, max: largest }, step);
        return [next.value, next.m, next.v, ...(next.max ? [next.max] : [])];
      });
      const read = await Promise.all(made.map((x) => x.data()));
      tf.dispose(made);
      return read;
    };
    const expected = await composed(run);
    for (const [i, values] of (await run()).entries()) {
      expectClose(values, expected[i] as Float32Array, `output ${i}`, { absolute: 1e-6, relative: 1e-6 });
    }
  }
  tf.dispose([value, gradient, m, v, max]);
});

test.each([
  [1, 1, 1, whole.scores],
  [2, 900, 10, whole.scores],
  [3, 700, 600, whole.scores], // in two passes
  [43, 900, 10, 10 * 900], // the last of five chunks has 3 states
])('the best of %i states among %i items, %i of them, and ranks, %i at a time', async (count, size, k, atOnce) => {
  most.scores = atOnce;
  const states = tensor(normals([count, 6], 1));
  const values = normals([size, 6], 2);
  if (size > 6) for (const row of [2, 3, 6]) values.data.copyWithin(row * 6, 0, 6); // equal scores
  const [weight, bias] = [tensor(values), tf.zeros<tf.Rank.R1>([size])];
  const items = { weight, bias, scale: 0.3 };
  const exclude = Ragged.from(
    Array.from({ length: count }, (_, b) => [b, (5 * b + 1) % size].filter((row) => row > 0)),
  );
  const targets = Ragged.from(Array.from({ length: count }, (_, b) => (b === 1 ? [] : [0, size - 1])));
  const others = Ragged.from(Array.from({ length: count }, (_, b) => (size > 6 ? [2, 5 + b] : [])));
  const found = tf.tidy(() => [
    itemScores(states, items),
    ...bestItems(states, items, k, exclude),
    targetRanks(states, items, targets, others),
  ]);
  const [scores, best, bestScores, ranks] = (await Promise.all(found.map((x) => x.data()))) as [
    Float32Array,
    Int32Array,
    Float32Array,
    Int32Array,
  ];
  expect({ items: best, scores: bestScores }).toEqual(topKOfScores(scores, size, k, exclude));
  expect(ranks).toEqual(ranksOfScores(scores, size, targets, others));
  tf.dispose([states, weight, bias, ...found]);
});

test('without the kernels, a model is trained to the same losses', async () => {
  const log = Interactions.from(
    Array.from({ length: 40 }, (_, i) => ({ user: i % 8, item: `i${((i % 8) + Math.floor(i / 8)) % 9}`, time: i })),
  );
  const losses = async () => {
    const model = new SASRec({ items: log.items, maxLength: 8, dim: 8, layers: 1, dropout: 0.2 });
    const { epochs } = await model.fit(log, { epochs: 2, batchSize: 8, seed: 1 });
    model.dispose();
    return epochs.map(({ loss }) => loss);
  };
  const fused = await losses();
  tf.removeBackend('webgpu');
  Object.assign(globalThis, { SEQREC_KERNELS: 'off' });
  try {
    expect((await ready()).details.kernels).toBe('none: switched off by SEQREC_KERNELS');
    expectClose(fused, await losses(), 'losses', { relative: 1e-4 });
  } finally {
    Object.assign(globalThis, { SEQREC_KERNELS: undefined });
  }
});
