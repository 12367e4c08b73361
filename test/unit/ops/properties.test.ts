/** Every fused op on random shapes: values and all gradients against the float64 references, tensor by tensor. */
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, test } from 'vitest';
import '../../../src/backend/gradients.ts';
import { Layout, type LayoutOptions } from '../../../src/core/layout.ts';
import { Parameter } from '../../../src/core/parameter.ts';
import { Rng } from '../../../src/core/rng.ts';
import { bce } from '../../../src/losses/bce.ts';
import { gbce } from '../../../src/losses/gbce.ts';
import { sampledSoftmax } from '../../../src/losses/sampled-softmax.ts';
import { gelu } from '../../../src/ops/activations.ts';
import { attention } from '../../../src/ops/attention.ts';
import { softmaxCrossEntropy } from '../../../src/ops/cross-entropy.ts';
import { dropout, dropoutMask } from '../../../src/ops/dropout.ts';
import { embedding } from '../../../src/ops/embedding.ts';
import { gradients } from '../../../src/ops/gradients.ts';
import { gru } from '../../../src/ops/gru.ts';
import { layerNorm } from '../../../src/ops/layer-norm.ts';
import { linear } from '../../../src/ops/linear.ts';
import { linearAttention } from '../../../src/ops/linear-attention.ts';
import { lowPass } from '../../../src/ops/low-pass.ts';
import { neighborSums } from '../../../src/ops/neighbor-sums.ts';
import { normalizeElus, normalizeRows } from '../../../src/ops/normalize-rows.ts';
import { pairProducts, pairSums } from '../../../src/ops/pairs.ts';
import { product } from '../../../src/ops/product.ts';
import { segmentSum } from '../../../src/ops/segment-sum.ts';
import { softmaxOverTime } from '../../../src/ops/softmax-over-time.ts';
import * as scalar from '../../reference/activations.ts';
import * as attentionReference from '../../reference/attention.ts';
import * as entropyReference from '../../reference/cross-entropy.ts';
import * as gruReference from '../../reference/gru.ts';
import * as normReference from '../../reference/layer-norm.ts';
import * as linearReference from '../../reference/linear.ts';
import * as linearAttentionReference from '../../reference/linear-attention.ts';
import * as losses from '../../reference/losses.ts';
import * as lowPassReference from '../../reference/low-pass.ts';
import * as neighborReference from '../../reference/neighbor-sums.ts';
import * as normalizeReference from '../../reference/normalize-rows.ts';
import * as pairsReference from '../../reference/pairs.ts';
import * as segmentReference from '../../reference/segment-sum.ts';
import * as softmaxReference from '../../reference/softmax-over-time.ts';
import { backends, use } from '../../support/backends.ts';
import { checkOp, expectClose, normals, tensor, type Values } from './check.ts';

const backend = backends.at(-1) as string;
beforeAll(() => use(backend));

/** The absolute part is for gradients that cancel out, such as those of the scores of a single key. */
const tolerance = { absolute: 2e-6, relative: 0, ofMax: 1e-5 };

// biome-ignore lint/suspicious/noExplicitAny: the caller knows the ranks
type Check = (op: (...xs: any[]) => tf.Tensor, reference: (...xs: never[]) => ArrayLike<number>) => Promise<void>;

/** Fewer on a GPU, where most shapes compile programs of their own. */
const RUNS = backend === 'webgpu' ? 5 : 15;

/** Runs `property` for the same random cases in every run; its `check` gets normal `inputs`. */
function property<T>(
  name: string,
  cases: fc.Arbitrary<T>,
  run: (it: T, check: (...inputs: Values[]) => Check) => Promise<void>,
): void {
  const check =
    (...inputs: Values[]): Check =>
    async (op, reference) => {
      // What an op remembers with its layout is made before tensors are counted.
      tf.dispose(tf.tidy(() => op(...(inputs.map((x) => tensor<tf.Tensor>(x)) as never[]))));
      await checkOp(inputs, op, (...xs) => Float64Array.from(reference(...(xs as never[]))), tolerance);
    };
  test(
    name,
    () =>
      fc.assert(
        fc.asyncProperty(cases, (it) => run(it, check)),
        { numRuns: RUNS, seed: 7, endOnFailure: true },
      ),
    60_000,
  );
}

const rows = fc.integer({ min: 0, max: 13 });
const width = fc.integer({ min: 1, max: 13 });
const seed = fc.integer({ min: 0, max: 1000 });

/** Sequences of 0, 1 and more rows, and rows of no sequence after them. */
const layouts = fc
  .record({
    lengths: fc.array(fc.oneof(fc.constantFrom(0, 1), fc.integer({ min: 2, max: 11 })), { maxLength: 4 }),
    spare: fc.integer({ min: 0, max: 3 }),
    first: fc.integer({ min: 0, max: 50 }),
  })
  .map(({ lengths, spare, first }) => {
    const offsets = new Int32Array(lengths.length + 1);
    lengths.forEach((length, b) => {
      offsets[b + 1] = (offsets[b] as number) + length;
    });
    const starts = Int32Array.from(lengths, (_, b) => (b * first) % 7);
    return { offsets, starts, capacity: (offsets.at(-1) as number) + spare, firstSequence: first };
  });

function layoutOf({ offsets, ...options }: LayoutOptions & { offsets: Int32Array }): Layout {
  return new Layout(offsets, options);
}

type F = Float64Array;

property('product', fc.record({ n: rows, k: width, m: width, seed }), async ({ n, k, m, seed }, check) => {
  await check(normals([n, k], seed), normals([k, m], seed + 1))(product, (a: F, b: F) =>
    linearReference.product(a, b, [n, k, m]),
  );
});

property(
  'linear',
  fc.record({ n: rows, k: width, m: width, withBias: fc.boolean(), seed }),
  async ({ n, k, m, withBias, seed }, check) => {
    const inputs = [normals([n, k], seed), normals([m, k], seed + 1), normals([m], seed + 2)];
    await check(...inputs.slice(0, withBias ? 3 : 2))(linear, (x: F, w: F, b?: F) =>
      linearReference.linear(x, w, b, k),
    );
  },
);

property('linear with gelu', fc.record({ n: rows, k: width, m: width, seed }), async ({ n, k, m, seed }, check) => {
  const inputs = [normals([n, k], seed), normals([m, k], seed + 1), normals([m], seed + 2)];
  await check(...inputs)(
    (x: tf.Tensor2D, w: tf.Tensor2D, b: tf.Tensor1D) => linear(x, w, b, gelu),
    (x: F, w: F, b: F) => linearReference.linear(x, w, b, k).map(scalar.gelu),
  );
});

property(
  'layer norm',
  fc.record({ n: rows, d: fc.integer({ min: 2, max: 21 }), seed }),
  async ({ n, d, seed }, check) => {
    await check(
      normals([n, d], seed, 2),
      normals([d], seed + 1),
      normals([d], seed + 2),
    )(
      (x: tf.Tensor2D, w: tf.Tensor1D, b: tf.Tensor1D) => layerNorm(x, w, b),
      (x: F, w: F, b: F) => normReference.layerNorm(x, w, b, 1e-5),
    );
  },
);

property('gelu', fc.record({ n: rows, d: width, seed }), async ({ n, d, seed }, check) => {
  await check(normals([n, d], seed, 2))(gelu, (x: F) => x.map(scalar.gelu));
});

property(
  'attention',
  fc.record({
    layout: layouts,
    heads: fc.constantFrom(1, 2, 3),
    size: fc.integer({ min: 1, max: 9 }),
    causal: fc.boolean(),
    seed,
  }),
  async ({ layout: shape, heads, size, causal, seed }, check) => {
    using layout = layoutOf(shape);
    const width = heads * size;
    const inputs = [1, 2, 3].map((i) => normals([shape.capacity, width], seed + i));
    await check(...inputs)(
      (q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D) => attention(q, k, v, { queries: layout, heads, causal }),
      (q: F, k: F, v: F) =>
        attentionReference.attention(q, k, v, { queries: shape, keys: shape, heads, width, causal }),
    );
  },
);

property(
  'products and sums of pairs',
  fc.record({
    asking: layouts,
    asked: layouts,
    heads: fc.constantFrom(1, 2, 3),
    size: fc.integer({ min: 1, max: 9 }),
    causal: fc.boolean(),
    seed,
  }),
  async ({ asking, asked, heads, size, causal, seed }, check) => {
    using queries = layoutOf(asking);
    using keys = asked.offsets.length === asking.offsets.length ? layoutOf(asked) : queries;
    const width = heads * size;
    const call = { queries, keys, heads, causal };
    const it = { ...call, width };
    const count = pairsReference.countPairs(it);
    const [q, k] = [normals([queries.capacity, width], seed), normals([keys.capacity, width], seed + 1)];
    await check(
      q,
      k,
      normals([count, 1], seed + 2),
    )(
      (q: tf.Tensor2D, k: tf.Tensor2D, plus: tf.Tensor2D) => pairProducts(q, k, { ...call, plus }),
      (q: F, k: F, plus: F) => pairsReference.pairProducts(q, k, it, plus),
    );
    await check(normals([count, heads], seed + 3), k)(
      (weights: tf.Tensor2D, v: tf.Tensor2D) => pairSums(weights, v, call),
      (weights: F, v: F) => pairsReference.pairSums(weights, v, it),
    );
    await check(
      q,
      k,
      k,
    )(
      (q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D) => linearAttention(q, k, v, call),
      (q: F, k: F, v: F) => linearAttentionReference.linearAttention(q, k, v, it),
    );
  },
);

property(
  'rows of length 1',
  fc.record({ n: rows, d: fc.integer({ min: 1, max: 21 }), seed }),
  async ({ n, d, seed }, check) => {
    await check(normals([n, d], seed))(normalizeRows, (x: F) => normalizeReference.normalizeRows(x, d));
    await check(normals([n, d], seed))(normalizeElus, (x: F) =>
      normalizeReference.normalizeRows(
        x.map((value) => (value > 0 ? value : Math.expm1(value))),
        d,
      ),
    );
  },
);

property(
  'shares and low frequencies over time',
  fc.record({ layout: layouts, d: width, bins: fc.integer({ min: 1, max: 7 }), seed }),
  async ({ layout: shape, d, bins, seed }, check) => {
    using layout = layoutOf(shape);
    await check(normals([shape.capacity, d], seed, 3))(
      (x: tf.Tensor2D) => softmaxOverTime(x, layout),
      (x: F) => softmaxReference.softmaxOverTime(x, layout),
    );
    await check(normals([shape.capacity, d], seed))(
      (x: tf.Tensor2D) => lowPass(x, layout, bins),
      (x: F) => lowPassReference.lowPass(x, layout, bins),
    );
  },
);

property(
  'dropout',
  fc.record({ layout: layouts, d: width, rate: fc.double({ min: 0.05, max: 0.9, noNaN: true }), seed }),
  async ({ layout: shape, d, rate, seed }, check) => {
    using layout = layoutOf(shape);
    const rng = new Rng(seed);
    const mask = dropoutMask(rng, rate, [shape.capacity, d], layout);
    await check(normals([shape.capacity, d], seed))(
      (x: tf.Tensor2D) => dropout(x, rate, rng, layout),
      (x: F) => x.map((value, i) => value * (mask[i] as number)),
    );
  },
);

property(
  'gru',
  fc.record({
    layout: layouts,
    d: fc.integer({ min: 1, max: 6 }),
    reset: fc.constantFrom('after' as const, 'before' as const),
    seed,
  }),
  async ({ layout: shape, d, reset, seed }, check) => {
    using layout = layoutOf(shape);
    const it = { ...shape, width: d, reset };
    const inputs = [normals([shape.capacity, 3 * d], seed), normals([3 * d, d], seed + 1), normals([3 * d], seed + 2)];
    await check(...inputs)(
      (x: tf.Tensor2D, w: tf.Tensor2D, bias: tf.Tensor1D) => gru(x, w, { layout, bias, reset }),
      (x: F, w: F, b: F) => gruReference.gru(x, w, b, undefined, it),
    );
  },
);

property(
  'gru from given states',
  fc.record({ layout: layouts, d: fc.integer({ min: 1, max: 9 }), withBias: fc.boolean(), seed }),
  async ({ layout: shape, d, withBias, seed }, check) => {
    using layout = layoutOf(shape);
    const it = { ...shape, width: d, reset: 'after' as const };
    const [x, w] = [normals([shape.capacity, 3 * d], seed), normals([3 * d, d], seed + 1)];
    const [initial, bias] = [normals([layout.count, d], seed + 2), normals([3 * d], seed + 3)];
    await check(
      x,
      w,
      initial,
      ...(withBias ? [bias] : []),
    )(
      (x: tf.Tensor2D, w: tf.Tensor2D, initial: tf.Tensor2D, bias?: tf.Tensor1D) =>
        gru(x, w, { layout, bias, initial }),
      (x: F, w: F, initial: F, b?: F) => gruReference.gru(x, w, b, initial, it),
    );
  },
);

property(
  'sums over neighbours',
  fc.record({
    nodes: fc.integer({ min: 1, max: 9 }),
    size: fc.integer({ min: 1, max: 13 }),
    edges: fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 3 }),
    seed,
  }),
  async ({ nodes, size, edges, seed }, check) => {
    const rng = new Rng(seed);
    const relations = edges.map((count, r) => {
      const draw = (name: string) => Int32Array.from({ length: count }, (_, e) => rng.fork(r).fork(name).int(e, nodes));
      const weights = rng.fork(r).normals(new Float32Array(count));
      return { from: draw('from'), to: draw('to'), weights };
    });
    await check(normals([nodes, size * edges.length], seed))(
      (x: tf.Tensor2D) => neighborSums(x, relations),
      (x: F) => neighborReference.neighborSums(x, nodes, relations),
    );
  },
);

property(
  'cross-entropy',
  fc.record({
    m: rows,
    d: width,
    items: fc.integer({ min: 1, max: 20 }),
    withBias: fc.boolean(),
    labelSmoothing: fc.constantFrom(0, 0.1),
    scale: fc.constantFrom(1, 0.3),
    seed,
  }),
  async ({ m, d, items, withBias, labelSmoothing, scale, seed }, check) => {
    if (m === 0) return; // The reference has no width then; cross-entropy.test.ts has the case.
    const rng = new Rng(seed);
    const targets = Int32Array.from({ length: m }, (_, i) => rng.int(i, items));
    const weights = Float32Array.from({ length: m }, (_, i) => (i % 4) / 2);
    const inputs = [normals([m, d], seed), normals([items, d], seed + 1), normals([items], seed + 2)];
    await check(...inputs.slice(0, withBias ? 3 : 2))(
      (x: tf.Tensor2D, table: tf.Tensor2D, bias?: tf.Tensor1D) =>
        softmaxCrossEntropy(x, table, targets, { bias, scale, weights, labelSmoothing }),
      (x: F, table: F, bias?: F) => [
        entropyReference.crossEntropy(x, table, bias, { targets, weights, scale, labelSmoothing }),
      ],
    );
  },
);

property(
  'sampled losses',
  fc.record({
    m: fc.integer({ min: 1, max: 9 }),
    d: width,
    k: fc.integer({ min: 1, max: 9 }),
    items: fc.integer({ min: 2, max: 30 }),
    which: fc.constantFrom(0, 1, 2),
    seed,
  }),
  async ({ m, d, k, items, which, seed }, check) => {
    const rng = new Rng(seed);
    const targets = Int32Array.from({ length: m }, (_, i) => rng.int(i, items));
    const rows = Int32Array.from({ length: m * k }, (_, i) => rng.int(100 + i, items));
    const weights = Float32Array.from({ length: m }, (_, i) => 0.5 + (i % 3));
    const loss = [bce(), gbce(), sampledSoftmax()][which] as ReturnType<typeof bce>;
    const formula = [losses.bce, losses.gbce(0.75, items), losses.sampledSoftmax][which] as losses.TargetLoss;
    const negatives = Array.from({ length: m }, (_, i) => [...rows.subarray(i * k, (i + 1) * k)]);
    const drawn = { items: rows, shared: false, count: k };
    const it = { targets, weights, negatives, scale: 1 };
    await check(
      normals([m, d], seed),
      normals([items, d], seed + 1),
      normals([items], seed + 2),
    )(
      (x: tf.Tensor2D, weight: tf.Tensor2D, bias: tf.Tensor1D) =>
        loss.forward(x, { weight, bias }, { item: targets, weight: weights, negatives: drawn }),
      (x: F, table: F, bias: F) => [losses.overTargets(formula, it, x, table, bias)],
    );
  },
);

property(
  'lookups and sums by segment',
  fc.record({ n: rows, items: fc.integer({ min: 1, max: 9 }), d: width, seed }),
  async ({ n, items, d, seed }, check) => {
    const rng = new Rng(seed);
    const list = Int32Array.from({ length: n }, (_, i) => rng.int(i, items));
    await check(normals([items, d], seed))(
      (table: tf.Tensor2D) => embedding(table, list),
      (table: F) => segmentReference.lookup(table, list, d),
    );
    await check(normals([n, d], seed))(
      (x: tf.Tensor2D) => segmentSum(x, list, items),
      (x: F) => (n === 0 ? new Float64Array(items * d) : segmentReference.segmentSum(x, list, items)),
    );
  },
);

test('a parameter that fused ops and plain tf ops read gets the sum of both gradients', async () => {
  const [items, d] = [7, 5];
  const rows = Int32Array.of(3, 0, 3, 6);
  const table = new Parameter([items, d], () => {});
  table.set(normals([items, d], 1).data);
  const { value, gradients: found } = gradients(
    () => {
      const looked = embedding(table, rows);
      const fused = softmaxCrossEntropy(linear(looked, table), tf.eye(items, items) as tf.Tensor2D, rows);
      return tf.add(fused, tf.sum(tf.mul(table.value, tf.sin(table.value)))) as tf.Scalar;
    },
    new Map([['table', table]]),
  );
  const gradient = found.get('table') as tf.Tensor;

  const plain = (w: tf.Tensor) => {
    const logits = tf.matMul(tf.gather(w, tf.tensor1d(rows, 'int32')), tf.transpose(w));
    const fused = tf.neg(tf.sum(tf.mul(tf.oneHot(tf.tensor1d(rows, 'int32'), items), tf.logSoftmax(logits))));
    return tf.add(fused, tf.sum(tf.mul(w, tf.sin(w))));
  };
  const expected = tf.valueAndGrad(plain)(table.value);
  expectClose(await value.data(), await expected.value.data(), 'loss');
  expectClose(await gradient.data(), await expected.grad.data(), 'gradient');
  table.dispose();
});
