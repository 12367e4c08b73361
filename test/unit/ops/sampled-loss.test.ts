import * as tf from '@tensorflow/tfjs-core';
import { bce, bpr, gbce, gradients, type Negatives, Parameter, Rng, sampledSoftmax, segmentSum } from 'seqrec';
import { describe, expect, test } from 'vitest';
import '../../../src/backend/gradients.ts';
import { distinctRows } from '../../../src/ops/distinct-rows.ts';
import { hasKernel } from '../../../src/ops/kernel.ts';
import { composedSampledLoss } from '../../../src/ops/sampled-composed.ts';
import { logistic, softmaxOverNegatives } from '../../../src/ops/sampled-formulas.ts';
import { fusedSampledLoss } from '../../../src/ops/sampled-fused.ts';
import * as reference from '../../reference/losses.ts';
import { checkOp, expectClose, normals, onEachBackend, tensor } from './check.ts';

/** Questions of a size, with weights of which some are 0. */
function questions(rows: number, items: number, count: number, shared: boolean) {
  const rng = new Rng(7);
  const draw = (name: string, n: number) => new Int32Array(n).map((_, i) => rng.fork(name).int(i, items));
  return {
    item: draw('targets', rows),
    weight: new Float32Array(rows).map((_, m) => (m % 3) / 2),
    negatives: { items: draw('negatives', shared ? count : rows * count), shared, count } satisfies Negatives,
  };
}

function asReference({ item, weight, negatives }: ReturnType<typeof questions>, scale: number) {
  const { items, shared, count } = negatives;
  const lists = Array.from(item, (_, m) => [...(shared ? items : items.subarray(m * count, (m + 1) * count))]);
  return { targets: item, weights: weight, negatives: lists, scale };
}

onEachBackend((backend) => {
  test('wasm and webgpu have the kernels', () => {
    for (const name of ['Scores', 'Gradients'] as const) {
      expect(hasKernel(`SeqrecSampled${name}`)).toBe(['wasm', 'webgpu'].includes(backend));
    }
  });

  // Widths and numbers of negatives with and without a part that fills no vector, or four of them.
  describe.each([
    { rows: 1, items: 2, dim: 1, count: 1, shared: false },
    { rows: 6, items: 23, dim: 4, count: 5, shared: false },
    { rows: 7, items: 9, dim: 19, count: 18, shared: false },
    { rows: 5, items: 40, dim: 7, count: 4, shared: true },
  ])('$rows rows, $items items, $dim columns, $count negatives, shared: $shared', (size) => {
    test.each([
      ['bce', bce(), reference.bce],
      ['gbce', gbce(), reference.gbce(0.75, size.items)],
      ['sampledSoftmax', sampledSoftmax(), reference.sampledSoftmax],
      ['bpr', bpr(), reference.bpr],
    ] as const)('%s', async (_, loss, formula) => {
      const { rows, items, dim, count, shared } = size;
      const asked = questions(rows, items, count, shared);
      await checkOp(
        [normals([rows, dim], 1), normals([items, dim], 2), normals([items], 3)],
        (x, weight, bias) => loss.forward(x, { weight, bias, scale: 0.7 }, asked),
        (x, w, b) =>
          Float64Array.of(
            reference.overTargets(formula, asReference(asked, 0.7), x as Float64Array, w as Float64Array, b),
          ),
      );
    });
  });

  test('no targets: 0', async () => {
    const before = tf.memory().numTensors;
    const inputs = [tf.zeros([0, 3]), tf.ones([4, 3])];
    const { value, grads } = tf.valueAndGrads((x: tf.Tensor, weight: tf.Tensor) =>
      bce().forward(x as tf.Tensor2D, { weight: weight as tf.Tensor2D }, questions(0, 4, 1, false)),
    )(inputs);
    expect(await value.data()).toEqual(Float32Array.of(0));
    expect([...(await (grads[1] as tf.Tensor).data())]).toEqual(Array(12).fill(0));
    tf.dispose([...inputs, value, ...grads]);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('a score that is not a number is seen in the loss', async () => {
    const table = tensor({ shape: [7, 1], data: Float32Array.of(1, 1, 1, 1, 1, 1, NaN) });
    const items = Int32Array.of(0, 1, 2, 3, 4);
    for (const loss of [bce(), gbce(), sampledSoftmax(), bpr()]) {
      for (const [item, negatives] of [
        [Int32Array.of(6), items],
        [Int32Array.of(0), Int32Array.of(0, 6, 1, 2, 3)],
        [Int32Array.of(0), Int32Array.of(0, 1, 2, 3, 6)],
      ] as const) {
        const asked = { item, weight: Float32Array.of(1), negatives: { items: negatives, shared: false, count: 5 } };
        const value = loss.forward(tf.ones([1, 1]), { weight: table }, asked);
        expect([...(await value.data())], loss.name).toEqual([NaN]);
      }
    }
  });

  test('formulas of extreme scores', async () => {
    const scores = [-1e9, -90, -20, -1e-3, 0, 0.5, 30, 1e4];
    const positive = tf.tensor2d(scores, [8, 1]);
    const negative = tf.tensor2d([...scores, ...[...scores].reverse()].concat(Array(48).fill(-1)), [8, 8]);
    const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
    const rows = await negative.array();
    const bce = logistic({ positive, negative }, { beta: 0.5, share: 2 });
    expectClose(
      await bce.loss.data(),
      rows.map((row, i) => 2 * (row.reduce((sum, n) => sum + softplus(n), 0) + 0.5 * softplus(-(scores[i] as number)))),
      'logistic',
    );
    expectClose(
      await bce.negative.data(),
      rows.flat().map((n) => 2 / (1 + Math.exp(-n))),
      'slopes of logistic',
    );
    const softmax = softmaxOverNegatives({ positive, negative });
    const losses = rows.map((row, i) => reference.sampledSoftmax(scores[i] as number, row));
    expectClose(await softmax.loss.data(), losses, 'softmax', { relative: 1e-6 });
    expectClose(
      await softmax.positive.data(),
      losses.map((loss) => Math.exp(-loss) - 1),
      'slopes of softmax',
    );
  });

  test.runIf(backend === 'wasm')('composed it is the same', async () => {
    for (const [rows, dim, count, shared] of [
      [130, 36, 33, false],
      [130, 36, 33, true],
      // More scores than exist at one time.
      [70, 2, 60_000, false],
      [70, 2, 60_000, true],
    ] as const) {
      const { item, weight, negatives } = questions(rows, 300, count, shared);
      const problem = {
        states: tensor(normals([rows, dim], 1)),
        table: tensor(normals([300, dim], 2)),
        bias: tensor<tf.Tensor1D>(normals([300], 3)),
        scale: 0.3,
        questions: { targets: item, weights: weight, negatives: negatives.items, shared },
        formula: softmaxOverNegatives,
      };
      const [fused, composed] = [fusedSampledLoss(problem, true, false), composedSampledLoss(problem, true, false)];
      expectClose(await fused.loss.data(), await composed.loss.data(), 'loss');
      const [a, b] = [fused.gradients, composed.gradients];
      for (const [x, y, name] of [
        [a?.dStates, b?.dStates, 'states'],
        [a?.parts[0]?.values, b?.parts[0]?.values, 'table'],
        [a?.dBias, b?.dBias, 'bias'],
      ] as const) {
        expectClose(await (x as tf.Tensor).data(), await (y as tf.Tensor).data(), name, { absolute: 1e-4 });
      }
      const byRow = fusedSampledLoss(problem, true, true).gradients?.parts ?? [];
      const sums = byRow.map(({ rows, values }) => segmentSum(values, rows, 300));
      const table = a?.parts[0]?.values as tf.Tensor;
      expectClose(await tf.addN(sums).data(), await table.data(), 'rows', { absolute: 1e-4 });
    }
  });

  test('a parameter gets few rows each once, and many as all', async () => {
    const weight = new Parameter([50, 3], () => {});
    weight.set(normals([50, 3], 2).data);
    const x = tensor(normals([6, 3], 1));
    for (const [count, sparse] of [
      [2, true],
      [20, false],
    ] as const) {
      const asked = questions(6, 50, count, false);
      const before = tf.memory().numTensors;
      const dense = tf.valueAndGrads((w: tf.Tensor) => bce().forward(x, { weight: w as tf.Tensor2D }, asked))([
        weight.value,
      ]);
      const found = gradients(() => bce().forward(x, { weight }, asked), new Map([['weight', weight]]));
      const byRow = found.gradients.get('weight');
      if (!byRow || byRow instanceof tf.Tensor) throw new Error('expected a row gradient');
      expect(byRow.rows.length).toBe(sparse ? new Set([...asked.item, ...asked.negatives.items]).size : 50);
      const expected = await (dense.grads[0] as tf.Tensor).data();
      expectClose(
        await byRow.values.data(),
        [...byRow.rows].flatMap((row) => [...expected.subarray(row * 3, row * 3 + 3)]),
        'rows',
      );
      tf.dispose([found.value, byRow.values, dense.value, ...dense.grads]);
      expect(tf.memory().numTensors).toBe(before);
    }
    tf.dispose(x);
    weight.dispose();
  });
});

test('distinct rows in the order of their first appearance', () => {
  expect(distinctRows(new Int32Array(0))).toEqual({ rows: new Int32Array(0), places: new Int32Array(0) });
  const rng = new Rng(8);
  for (const [length, most] of [
    [1, 1],
    [100, 7],
    [1000, 2 ** 31 - 1],
    [1000, 500],
  ] as const) {
    // Multiples of a power of two as well, which a poor hash would put into one place.
    const rows = new Int32Array(length).map((_, i) => (i % 2 ? rng.int(i, most) : (rng.int(i, 100) * 2 ** 16) % most));
    const { rows: distinct, places } = distinctRows(rows);
    expect([...distinct]).toEqual([...new Set(rows)]);
    expect(Int32Array.from(places, (place) => distinct[place] as number)).toEqual(rows);
  }
});
