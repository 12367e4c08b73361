import * as tf from '@tensorflow/tfjs-core';
import { Layout, pairIndices, pairProducts, pairSums } from 'seqrec';
import { describe, expect, test } from 'vitest';
import * as reference from '../../reference/pairs.ts';
import { checkOp, expectClose, expectNoLeak, layoutOf, normals, onEachBackend, type Rows, tensor } from './check.ts';

const cases: { name: string; queries: Rows; keys?: Rows; heads: number; width: number }[] = [
  { name: 'one row', queries: { lengths: [1] }, heads: 1, width: 1 },
  { name: 'odd width, empty sequences', queries: { lengths: [0, 3, 0, 1, 5, 0] }, heads: 1, width: 3 },
  { name: 'rows past the last sequence', queries: { lengths: [2, 3], capacity: 8 }, heads: 3, width: 6 },
  { name: 'no rows', queries: { lengths: [0, 0] }, heads: 2, width: 2 },
  { name: 'only spare rows', queries: { lengths: [0], capacity: 3 }, heads: 1, width: 2 },
  {
    name: 'other keys, some of them before and after all queries',
    queries: { lengths: [2, 1, 0, 3], starts: [3, 0, 0, 2] },
    keys: { lengths: [5, 0, 2, 4], starts: [0, 0, 0, 1], capacity: 12 },
    heads: 2,
    width: 10,
  },
  { name: 'as many keys for each', queries: { lengths: [4, 1, 6] }, keys: { lengths: [3, 3, 3] }, heads: 2, width: 8 },
];

onEachBackend(() => {
  describe.each([false, true])('causal %s', (causal) => {
    test.each(cases)('$name', async ({ queries: asking, keys: asked, heads, width }) => {
      const queries = layoutOf(asking);
      const keys = asked ? layoutOf(asked) : queries;
      const it = { queries, keys, heads, width, causal };
      const [q, k] = [queries, keys].map(({ capacity }, i) => normals([capacity, width], i + 1)) as [never, never];
      const pairs = reference.countPairs(it);
      const [weights, plus] = [normals([pairs, heads], 3), normals([pairs, 1], 4)];
      const call = { queries, keys, heads, causal };
      // What a layout remembers is made before tensors are counted.
      tf.tidy(() => void pairProducts(tensor(q), tensor(k), call));
      await checkOp(
        [q, k],
        (q, k) => pairProducts(q, k, call),
        (q, k) => reference.pairProducts(q as Float64Array, k as Float64Array, it),
      );
      await checkOp(
        [q, k, plus],
        (q, k, plus) => pairProducts(q, k, { ...call, plus }),
        (q, k, plus) => reference.pairProducts(q as Float64Array, k as Float64Array, it, plus),
      );
      await checkOp(
        [weights, k],
        (weights, v) => pairSums(weights, v, call),
        (weights, v) => reference.pairSums(weights as Float64Array, v as Float64Array, it),
      );
      for (const layout of [queries, keys]) layout.dispose();
    });

    test('a long sequence among short ones', async () => {
      using layout = layoutOf({ lengths: [20, 1, 200, 3] });
      const it = { queries: layout, keys: layout, heads: 2, width: 6, causal };
      const [q, k] = [normals([224, 6], 1), normals([224, 6], 2)];
      const doubles = [q, k].map(({ data }) => Float64Array.from(data)) as [Float64Array, Float64Array];
      const products = reference.pairProducts(...doubles, it);
      const tensors = [q, k].map((x) => tensor(x)) as [tf.Tensor2D, tf.Tensor2D];
      const found = pairProducts(...tensors, { queries: layout, heads: 2, causal });
      const sums = pairSums(found, tensors[1], { queries: layout, heads: 2, causal });
      expectClose(await found.data(), products, 'products', { ofMax: 1e-5 });
      expectClose(await sums.data(), reference.pairSums(products, doubles[1], it), 'sums', { ofMax: 1e-5 });
      tf.dispose([found, sums, ...tensors]);
    });
  });

  test('numbers of pairs stand in their order, and nothing is left behind but with the layouts', async () => {
    using layout = layoutOf({ lengths: [2, 0, 1] });
    using last = layoutOf({ lengths: [1, 0, 1], starts: [1, 0, 0] });
    const of = (queries: Layout) => pairIndices(queries, layout, [layout, 'test'], (query, key) => 10 * query + key);
    expect([...(await of(layout).data())]).toEqual([0, 1, 10, 11, 22]);
    expect([...(await of(last).data())]).toEqual([0, 1, 12]);
    expect(of(last)).toBe(of(last));
    const x = tensor(normals([9, 2]));
    expectNoLeak(() => {
      using layout = new Layout(Int32Array.of(0, 4, 9));
      const call = { queries: layout, heads: 2, causal: true };
      tf.tidy(() => void tf.grad((y) => pairSums(pairProducts(y as tf.Tensor2D, x, call), x, call))(x));
    });
    x.dispose();
  });

  test('names what does not fit', () => {
    const x = tensor(normals([2, 3]));
    using layout = new Layout(Int32Array.of(0, 2));
    expect(() => pairProducts(x, x, { queries: layout, heads: 2 })).toThrow('dim (3) must be a multiple of heads (2).');
    expect(() => pairSums(x, x, { queries: layout, heads: 3 })).toThrow('The weights of pairSums');
    expect(() => pairProducts(x, x, { queries: layout, heads: 1, plus: x })).toThrow('What pairProducts adds');
    x.dispose();
  });
});
