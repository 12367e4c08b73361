import * as tf from '@tensorflow/tfjs-core';
import {
  type BceOptions,
  bce,
  bpr,
  bprMax,
  crossEntropy,
  gbce,
  gradients,
  type Loss,
  l2,
  l2Rows,
  Parameter,
  Rng,
  sampledSoftmax,
  top1,
  top1Max,
  uniform,
} from 'seqrec';
import { describe, expect, test } from 'vitest';
import '../../../src/backend/gradients.ts';
import * as reference from '../../reference/losses.ts';
import { checkOp, expectClose, normals, onEachBackend, tensor } from '../ops/check.ts';
import { drawn, inBatch, kinds, referenceCase, shared, targets, weights } from './cases.ts';

const items = 11;
const states = normals([5, 3], 1);
const table = normals([items, 3], 2);
const bias = normals([items], 3);
const questions = { item: targets, weight: weights };

const losses: [name: string, loss: Loss, reference: reference.TargetLoss][] = [
  ['bce', bce(), reference.bce],
  ['bce, mean', bce({ negatives: 3, mean: true }), reference.meanBce],
  ['gbce, t 0', gbce({ t: 0 }), reference.gbce(0, items)],
  ['gbce, t 0.75', gbce(), reference.gbce(0.75, items)],
  ['gbce, t 1', gbce({ t: 1 }), reference.gbce(1, items)],
  ['sampledSoftmax', sampledSoftmax(), reference.sampledSoftmax],
  ['bpr', bpr(), reference.bpr],
  ['top1', top1(), reference.top1],
  ['top1Max', top1Max(), reference.top1Max],
  ['bprMax', bprMax(), reference.bprMax(0.5, 1)],
  ['bprMax, elu 1, regularization 0.2', bprMax({ elu: 1, regularization: 0.2 }), reference.bprMax(1, 0.2)],
  ['bprMax, no elu', bprMax({ elu: 0, regularization: 0.1 }), reference.bprMax(0, 0.1)],
];

onEachBackend((backend) => {
  describe.each(losses)('%s', (_, loss, formula) => {
    test.each(kinds)('%s', async (_, negatives) => {
      const it = referenceCase(negatives);
      await checkOp(
        [states, table, bias],
        (x, weight, bias) => loss.forward(x, { weight, bias }, { ...questions, negatives }),
        (x, w, b) => Float64Array.of(reference.overTargets(formula, it, x as Float64Array, w as Float64Array, b)),
      );
    });

    test('without bias, with a scale', async () => {
      const it = referenceCase(drawn, { scale: 2.5 });
      await checkOp(
        [states, table],
        (x, weight) => loss.forward(x, { weight, scale: 2.5 }, { ...questions, negatives: drawn }),
        (x, w) => Float64Array.of(reference.overTargets(formula, it, x as Float64Array, w as Float64Array)),
      );
    });

    test('bias and scale: the scale multiplies both', async () => {
      const it = referenceCase(shared, { scale: 0.5 });
      await checkOp(
        [states, table, bias],
        (x, weight, bias) => loss.forward(x, { weight, bias, scale: 0.5 }, { ...questions, negatives: shared }),
        (x, w, b) => Float64Array.of(reference.overTargets(formula, it, x as Float64Array, w as Float64Array, b)),
      );
    });

    test('of a pool only the hardest negatives count', async () => {
      const it = referenceCase(drawn);
      const score = (m: number, item: number) =>
        [0, 1, 2].reduce(
          (sum, j) => sum + (states.data[m * 3 + j] as number) * (table.data[item * 3 + j] as number),
          0,
        );
      const negatives = it.negatives.map((list, m) => {
        const least = list.map((item) => score(m, item)).sort((a, b) => b - a)[1] as number;
        return list.filter((item) => score(m, item) >= least);
      });
      await checkOp(
        [states, table],
        (x, weight) => loss.forward(x, { weight }, { ...questions, negatives: { ...drawn, hardest: 2 } }),
        (x, w) =>
          Float64Array.of(reference.overTargets(formula, { ...it, negatives }, x as Float64Array, w as Float64Array)),
      );
    });

    test('large scores stay finite', async () => {
      const far = { shape: [5, 3], data: states.data.map((x) => x * 1e4) };
      const { value, grads } = tf.valueAndGrads((x: tf.Tensor, w: tf.Tensor) =>
        loss.forward(x as tf.Tensor2D, { weight: w as tf.Tensor2D }, { ...questions, negatives: drawn }),
      )([tensor(far), tensor(table)]);
      for (const result of [value, ...grads]) {
        expect([...(await result.data())].every(Number.isFinite)).toBe(true);
        result.dispose();
      }
    });

    test('says what it lacks', () => {
      expect(() => loss.forward(tensor(states), { weight: tensor(table) }, questions)).toThrow(
        `${loss.name} compares targets with negatives: pass targets.negatives, drawn by its sampler.`,
      );
    });
  });

  test('a parameter gets the gradient of the rows that were read, equal to the dense one', async () => {
    const [weight, biases] = [new Parameter([items, 3], () => {}), new Parameter([items], () => {})];
    weight.set(table.data);
    biases.set(bias.data);
    const x = tensor(states);
    for (const negatives of [drawn, shared, inBatch]) {
      const before = tf.memory().numTensors;
      const parameters = new Map([
        ['weight', weight],
        ['bias', biases],
      ]);
      const sparse = gradients(
        () => bce().forward(x, { weight, bias: biases }, { ...questions, negatives }),
        parameters,
      );
      const dense = tf.valueAndGrads((w: tf.Tensor, b: tf.Tensor) =>
        bce().forward(x, { weight: w as tf.Tensor2D, bias: b as tf.Tensor1D }, { ...questions, negatives }),
      )([tensor(table), tensor(bias)]);
      const byRow = sparse.gradients.get('weight');
      if (!byRow || byRow instanceof tf.Tensor) throw new Error('expected a row gradient');
      const read = new Set([...targets, ...negatives.items]);
      expect([...byRow.rows]).toEqual([...read].sort((a, b) => a - b));
      const expected = await (dense.grads[0] as tf.Tensor).data();
      const values = await byRow.values.data();
      expectClose(
        values,
        [...byRow.rows].flatMap((row) => [...expected.subarray(row * 3, row * 3 + 3)]),
        'rows',
      );
      const ofBias = sparse.gradients.get('bias') as tf.Tensor;
      expect(ofBias.shape).toEqual([items]);
      expectClose(await ofBias.data(), await (dense.grads[1] as tf.Tensor).data(), 'bias');
      tf.dispose([sparse.value, byRow.values, ofBias, dense.value, ...dense.grads]);
      // The tensors of table and bias made for the dense gradient.
      expect(tf.memory().numTensors).toBe(before + 2);
    }
    tf.dispose(x);
    weight.dispose();
    biases.dispose();
  });

  // On wasm, because values that fill several chunks take the cpu backend long.
  test.runIf(backend === 'wasm')('more values than fit at once give the sum of their parts', async () => {
    // 466 targets of this width fill a chunk.
    const [count, dim, all, few] = [500, 3000, 200, 2];
    const [x, w] = [normals([count, dim], 4, 0.05), normals([all, dim], 5, 0.05)];
    const rng = new Rng(6);
    const drawRows = (n: number, name: string) => new Int32Array(n).map((_, i) => rng.fork(name).int(i, all));
    const [item, drawnRows] = [drawRows(count, 'targets'), drawRows(count * few, 'negatives')];
    const weight = new Float32Array(count).map((_, m) => (m % 3) / 2);
    const run = (from: number, to: number) =>
      tf.tidy(() => {
        const part = tensor({ shape: [to - from, dim], data: x.data.slice(from * dim, to * dim) });
        const negatives = { items: drawnRows.subarray(from * few, to * few), shared: false, count: few };
        const asked = { item: item.subarray(from, to), weight: weight.subarray(from, to), negatives };
        const loss = (a: tf.Tensor, b: tf.Tensor) =>
          bce().forward(a as tf.Tensor2D, { weight: b as tf.Tensor2D }, asked);
        const { value, grads } = tf.valueAndGrads(loss)([part, tensor(w)]);
        return [value, ...grads] as [tf.Tensor, tf.Tensor, tf.Tensor];
      });
    const [whole, first, second] = [run(0, count), run(0, 250), run(250, count)];
    const sums = tf.tidy(() => [
      tf.add(first[0], second[0]),
      tf.concat([first[1], second[1]]),
      tf.add(first[2], second[2]),
    ]);
    for (const [i, name] of ['loss', 'states', 'weight'].entries()) {
      expectClose(await (whole[i] as tf.Tensor).data(), await (sums[i] as tf.Tensor).data(), name);
    }
    tf.dispose([whole, first, second, sums]);
  });

  test('no targets: 0 and no gradient', async () => {
    const none = {
      item: new Int32Array(0),
      weight: new Float32Array(0),
      negatives: { ...drawn, items: new Int32Array(0) },
    };
    const { value, grads } = tf.valueAndGrads((x: tf.Tensor, w: tf.Tensor) =>
      bpr().forward(x as tf.Tensor2D, { weight: w as tf.Tensor2D }, none),
    )([tf.zeros([0, 3]), tensor(table)]);
    expect([...(await value.data())]).toEqual([0]);
    expect((await (grads[1] as tf.Tensor).data()).every((slope) => slope === 0)).toBe(true);
    tf.dispose([value, ...grads]);
  });

  test.each([...losses.map(([, loss]) => loss), crossEntropy(), l2Rows({ loss: bpr(), lambda: 0.1 })])(
    '$name is the sum of the losses of its targets, each times its weight',
    async (loss) => {
      const [x, weight] = [tensor(states), tensor(table)];
      const of = async (weights: Float32Array) => {
        const value = loss.forward(x, { weight }, { item: targets, weight: weights, negatives: drawn });
        const [sum] = await value.data();
        value.dispose();
        return sum as number;
      };
      let expected = 0;
      for (const [m, w] of weights.entries()) {
        expected += w * (await of(weights.map((_, i) => (i === m ? 1 : 0))));
      }
      expect(await of(weights)).toBeCloseTo(expected, 4);
      tf.dispose([x, weight]);
    },
  );

  test('a target whose negatives all equal it is asked nothing by the losses of shares', async () => {
    const one = { item: targets.slice(0, 1), weight: Float32Array.of(1) };
    const negatives = { items: Int32Array.of(3, 3), shared: false, count: 2 };
    for (const loss of [bprMax({ maskHits: true }), bprMax({ elu: 0, maskHits: true }), top1Max({ maskHits: true })]) {
      const { value, grads } = tf.valueAndGrads((x: tf.Tensor, w: tf.Tensor) =>
        loss.forward(x as tf.Tensor2D, { weight: w as tf.Tensor2D }, { ...one, negatives }),
      )([tensor({ shape: [1, 3], data: states.data.slice(0, 3) }), tensor(table)]);
      expect([...(await value.data())]).toEqual([0]);
      for (const grad of grads) expect((await grad.data()).every((slope) => slope === 0)).toBe(true);
      tf.dispose([value, ...grads]);
    }
  });

  describe('sampledSoftmax', () => {
    const p = Float32Array.from({ length: items }, (_, i) => (i + 1) / 66);
    const withQ = (negatives: typeof drawn) => ({
      ...negatives,
      logQ: Float32Array.from(negatives.items, (item) => Math.log(p[item] as number)),
      targetLogQ: Float32Array.from(targets, (item) => Math.log(p[item] as number)),
    });

    test.each(kinds)('logQ corrects target and negatives, %s', async (_, negatives) => {
      const it = { ...referenceCase(negatives), correction: (item: number) => Math.log(p[item] as number) };
      await checkOp(
        [states, table],
        (x, weight) => sampledSoftmax().forward(x, { weight }, { ...questions, negatives: withQ(negatives) }),
        (x, w) =>
          Float64Array.of(reference.overTargets(reference.sampledSoftmax, it, x as Float64Array, w as Float64Array)),
      );
    });

    test('logQ: a number is a factor of the correction', async () => {
      const it = { ...referenceCase(drawn), correction: (item: number) => 0.5 * Math.log(p[item] as number) };
      await checkOp(
        [states, table],
        (x, weight) => sampledSoftmax({ logQ: 0.5 }).forward(x, { weight }, { ...questions, negatives: withQ(drawn) }),
        (x, w) =>
          Float64Array.of(reference.overTargets(reference.sampledSoftmax, it, x as Float64Array, w as Float64Array)),
      );
    });

    test('logQ: false leaves the scores alone', async () => {
      const loss = sampledSoftmax({ logQ: false });
      const [x, weight] = [tensor(states), tensor(table)];
      const [plain, told] = [drawn, withQ(drawn)].map((negatives) =>
        loss.forward(x, { weight }, { ...questions, negatives }),
      );
      expect(await told?.data()).toEqual(await plain?.data());
    });

    test.each(kinds)('maskHits leaves out negatives that equal the target, %s', async (_, negatives) => {
      const it = referenceCase(negatives, { hits: false });
      await checkOp(
        [states, table, bias],
        (x, weight, bias) =>
          sampledSoftmax({ maskHits: true }).forward(x, { weight, bias }, { ...questions, negatives }),
        (x, w, b) =>
          Float64Array.of(reference.overTargets(reference.sampledSoftmax, it, x as Float64Array, w as Float64Array, b)),
      );
    });

    test('with every other item as a negative it is the cross-entropy', async () => {
      const [x, weight] = [tensor(states), tensor(table)];
      const others = [...targets].flatMap((target) =>
        Array.from({ length: items }, (_, i) => i).filter((i) => i !== target),
      );
      const negatives = { items: Int32Array.from(others), shared: false, count: items - 1 };
      const sampled = sampledSoftmax().forward(x, { weight }, { ...questions, negatives });
      expectClose(await sampled.data(), await crossEntropy().forward(x, { weight }, questions).data(), 'loss');
    });
  });

  describe('l2', () => {
    test.each(kinds)('l2Rows adds the rows that were looked up, %s', async (_, negatives) => {
      const it = referenceCase(negatives);
      await checkOp(
        [states, table],
        (x, weight) => l2Rows({ loss: bpr(), lambda: 0.3 }).forward(x, { weight }, { ...questions, negatives }),
        (x, w) =>
          Float64Array.of(
            reference.overTargets(reference.bpr, it, x as Float64Array, w as Float64Array) +
              reference.l2Rows(0.3, it, w as Float64Array, 3),
          ),
      );
    });

    test('l2 over a table, and over some of its rows', async () => {
      const half = (values: ArrayLike<number>) => Array.from(values).reduce((sum, v) => sum + (0.1 / 2) * v * v, 0);
      await checkOp(
        [table],
        (w) => l2(w, 0.1),
        (w) => Float64Array.of(half(w as Float64Array)),
      );
      const row = (w: Float64Array, i: number) => w.subarray(i * 3, i * 3 + 3);
      await checkOp(
        [table],
        (w) => l2(w, 0.1, Int32Array.of(4, 4, 1)),
        (w) => Float64Array.of(2 * half(row(w as Float64Array, 4)) + half(row(w as Float64Array, 1))),
      );
    });
  });
});

test('parts: names, options and what is to be drawn', () => {
  const sampler = uniform({ shared: true });
  expect(gbce({ negatives: 64, t: 0.5, sampler })).toMatchObject({
    name: 'gbce',
    options: { negatives: 64, t: 0.5, sampler },
    negatives: { count: 64, sampler },
  });
  expect(bce().options).toMatchObject({ negatives: 1, sampler: { name: 'uniform', options: { excludeSeen: true } } });
  const wrapped = l2Rows({ loss: bce(), lambda: 0.1 });
  expect(wrapped.negatives?.count).toBe(1);
  expect(crossEntropy().negatives).toBeUndefined();
});

test('options out of range are refused with a sentence', () => {
  expect(() => bce({ negatives: 0 })).toThrow('bce: negatives must be an integer at least 1, got 0.');
  expect(() => gbce({ t: 1.5 })).toThrow('gbce: t must be a number at least 0 and at most 1, got 1.5.');
  expect(() => crossEntropy({ labelSmoothing: -0.1 })).toThrow(
    'crossEntropy: labelSmoothing must be a number at least 0 and at most 1, got -0.1.',
  );
  expect(() => l2Rows({ loss: bce(), lambda: -1 })).toThrow('l2Rows: lambda must be a number at least 0, got -1.');
  expect(() => bprMax({ elu: -1 })).toThrow('bprMax: elu must be a number at least 0, got -1.');
  expect(() => sampledSoftmax({ logQ: -1 })).toThrow('sampledSoftmax: logQ must be a number at least 0, got -1.');
  expect(() => bpr({ sampler: 'uniform' } as unknown as BceOptions)).toThrow(
    "bpr: sampler must be a sampler such as uniform(), got 'uniform'.",
  );
});
