/** A catalogue of a million items, and a sequence of 2,000 rows. */
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import '../../../src/backend/gradients.ts';
import { registerKernels } from '../../../src/backend/kernels.ts';
import { Layout } from '../../../src/core/layout.ts';
import { bce } from '../../../src/losses/bce.ts';
import { attention } from '../../../src/ops/attention.ts';
import { softmaxCrossEntropy } from '../../../src/ops/cross-entropy.ts';
import { embedding } from '../../../src/ops/embedding.ts';
import { bestItems, hasFusedScores } from '../../../src/ops/item-scores.ts';
import * as reference from '../../reference/attention.ts';
import * as losses from '../../reference/losses.ts';
import { expectClose, normals, tensor } from './check.ts';

const items = 1_000_000;
const dim = 16;
const tolerance = { absolute: 1e-6, relative: 0, ofMax: 1e-5 };
const states = normals([3, dim], 5);
/** Numbers from -1 to 1, made faster than normal ones. */
const values = new Float32Array(items * dim).map((_, i) => (Math.imul(i, 0x9e3779b1) >> 8) / 2 ** 23);
let table: tf.Tensor2D;

beforeAll(async () => {
  await tf.setBackend('wasm');
  await registerKernels('wasm');
  table = tf.tensor2d(values, [items, dim]);
});
afterAll(() => table.dispose());

function rowOf(item: number): Float32Array {
  return values.subarray(item * dim, (item + 1) * dim);
}

/** The scores of one state with all items, in double precision. */
function scoresOf(state: number): Float64Array {
  return new Float64Array(items).map((_, item) => {
    let sum = 0;
    for (let j = 0; j < dim; j++) sum += (states.data[state * dim + j] as number) * (values[item * dim + j] as number);
    return sum;
  });
}

test('lookups among a million rows, and their gradient', async () => {
  const rows = Int32Array.of(items - 1, 0, 500_000, items - 1);
  const { value, grad } = tf.valueAndGrad((w: tf.Tensor) => tf.sum(tf.mul(embedding(w as tf.Tensor2D, rows), 2)))(
    table,
  );
  const looked = embedding(table, rows);
  expect([...(await looked.data())]).toEqual([...rows].flatMap((row) => [...rowOf(row)]));
  const gradient = (await grad.data()) as Float32Array;
  expect(gradient.reduce((sum, each) => sum + each, 0)).toBe(2 * rows.length * dim);
  expect(gradient[items * dim - 1]).toBe(4);
  tf.dispose([value, grad, looked]);
});

test('cross-entropy and the best items of a million', async () => {
  const targets = Int32Array.of(items - 1, 7, 500_000);
  const x = tensor(states);
  const { value, grads } = tf.valueAndGrads((x: tf.Tensor, w: tf.Tensor) =>
    softmaxCrossEntropy(x as tf.Tensor2D, w as tf.Tensor2D, targets),
  )([x, table]);
  let loss = 0;
  const dStates = new Float64Array(3 * dim);
  const ofLast = new Float64Array(dim); // the gradient by the row of the last item
  const best: number[] = [];
  targets.forEach((target, m) => {
    const scores = scoresOf(m);
    best.push(scores.reduce((a, b) => Math.max(a, b)));
    const total = scores.reduce((sum, score) => sum + Math.exp(score), 0);
    loss += Math.log(total) - (scores[target] as number);
    scores.forEach((score, item) => {
      const slope = Math.exp(score) / total - Number(item === target);
      for (let j = 0; j < dim; j++) {
        dStates[m * dim + j] = (dStates[m * dim + j] as number) + slope * (values[item * dim + j] as number);
        if (item === items - 1) ofLast[j] = (ofLast[j] as number) + slope * (states.data[m * dim + j] as number);
      }
    });
  });
  expectClose(await value.data(), [loss], 'loss', tolerance);
  expectClose(await (grads[0] as tf.Tensor).data(), dStates, 'gradient by states', tolerance);
  const dTable = (await (grads[1] as tf.Tensor).data()) as Float32Array;
  expectClose(dTable.subarray((items - 1) * dim), ofLast, 'gradient by the last row', tolerance);
  if (hasFusedScores()) {
    const [rows, scores] = bestItems(x, { weight: table }, 1);
    expectClose(await scores.data(), best, 'best scores', tolerance);
    const found = [...(await rows.data())].map((item, m) => scoresOf(m)[item] as number);
    expectClose(found, best, 'scores of the best items', tolerance);
    tf.dispose([rows, scores]);
  }
  tf.dispose([x, value, ...grads]);
});

test('a sampled loss among a million rows', async () => {
  const targets = Int32Array.of(items - 1, 7, 500_000);
  const negatives = { items: Int32Array.of(0, items - 2, 3, 4, 999_000, 6), shared: false, count: 2 };
  const weights = Float32Array.of(1, 2, 0.5);
  const x = tensor(states);
  const loss = bce().forward(x, { weight: table }, { item: targets, weight: weights, negatives });
  const [a, b, c] = [0, 2, 4].map((i) => [...negatives.items.subarray(i, i + 2)]) as [number[], number[], number[]];
  const it = { targets, weights, negatives: [a, b, c], scale: 1 };
  expectClose(await loss.data(), [losses.overTargets(losses.bce, it, states.data, values)], 'loss', tolerance);
  tf.dispose([x, loss]);
});

test('attention in a sequence of 2,000 rows', async () => {
  const [length, last, width] = [2000, 20, 6];
  const keys = new Layout(Int32Array.of(0, length));
  const queries = new Layout(Int32Array.of(0, last), { starts: Int32Array.of(length - last) });
  const inputs = [normals([last, width], 1), normals([length, width], 2), normals([length, width], 3)];
  const xs = inputs.map((x) => tensor<tf.Tensor>(x));
  const op = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor) =>
    attention(q as tf.Tensor2D, k as tf.Tensor2D, v as tf.Tensor2D, { queries, keys, heads: 2, causal: true });
  const exact = (step: number) => {
    const [q, k, v] = inputs.map((x, i) => Float64Array.from(x.data, (value, j) => value + step * direction(i, j)));
    const it = { queries, keys, heads: 2, width, causal: true };
    return reference.attention(q as Float64Array, k as Float64Array, v as Float64Array, it);
  };
  const [q, k, v] = xs as [tf.Tensor, tf.Tensor, tf.Tensor];
  const y = op(q, k, v);
  expectClose(await y.data(), exact(0), 'value', tolerance);

  // The whole sequence asks: its last rows see the same.
  const all = tf.concat([tf.zeros([length - last, width]), q]) as tf.Tensor2D;
  const whole = attention(all, k as tf.Tensor2D, v as tf.Tensor2D, { queries: keys, heads: 2, causal: true });
  expectClose((await whole.data()).subarray((length - last) * width), exact(0), 'last rows', tolerance);

  // The gradients, along one direction of all inputs.
  const dy = normals([last, width], 9);
  const grads = tf.grads(op)(xs, tensor<tf.Tensor>(dy));
  const data = (await Promise.all(grads.map((grad) => grad.data()))) as Float32Array[];
  const slope = data.reduce((sum, grad, i) => grad.reduce((s, g, j) => s + g * direction(i, j), sum), 0);
  const [above, below] = [exact(1e-4), exact(-1e-4)];
  const expected = dy.data.reduce((sum, d, j) => sum + (d * ((above[j] as number) - (below[j] as number))) / 2e-4, 0);
  expect(Math.abs(slope - expected)).toBeLessThan(1e-4 * Math.max(1, Math.abs(expected)));
  tf.dispose([...xs, y, all, whole, ...grads]);
  for (const layout of [keys, queries]) layout.dispose();
});

function direction(input: number, index: number): number {
  return ((index * 7 + input * 3) % 5) - 1.5;
}
