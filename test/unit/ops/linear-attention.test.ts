import * as tf from '@tensorflow/tfjs-core';
import { Layout, linearAttention } from 'seqrec';
import { describe, expect, test } from 'vitest';
import * as reference from '../../reference/linear-attention.ts';
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
    width: 4,
  },
];

onEachBackend(() => {
  describe.each([false, true])('causal %s', (causal) => {
    test.each(cases)('$name', async ({ queries: asking, keys: asked, heads, width }) => {
      const queries = layoutOf(asking);
      const keys = asked ? layoutOf(asked) : queries;
      const inputs = [queries, keys, keys].map(({ capacity }, i) => normals([capacity, width], i + 1));
      const op = (q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D) =>
        linearAttention(q, k, v, { queries, keys, heads, causal });
      const it = { queries, keys, heads, width, causal };
      // What a layout remembers is made before tensors are counted.
      tf.tidy(() =>
        tf.grads((...x) => op(...(x as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D])))(inputs.map((x) => tensor(x))),
      );
      await checkOp(inputs, op, (...x) =>
        reference.linearAttention(...(x as [Float64Array, Float64Array, Float64Array]), it),
      );
      for (const layout of [queries, keys]) layout.dispose();
    });

    test.each([
      ['among others', { lengths: [50, 1, 300, 20] }, undefined],
      ['its last rows ask', { lengths: [1, 140], starts: [299, 150] }, { lengths: [300, 290] }],
      ['asked from before its first key', { lengths: [280] }, { lengths: [140], starts: [70] }],
    ] as const)('a long sequence, %s', async (_name, asking, asked) => {
      const queries = layoutOf(asking as unknown as Rows);
      const keys = asked ? layoutOf(asked as unknown as Rows) : queries;
      const [heads, width] = [2, 4];
      const it = { queries, keys, heads, width, causal };
      const inputs = [queries, keys, keys].map(({ capacity }, i) => normals([capacity, width], i + 1));
      const doubles = inputs.map(({ data }) => Float64Array.from(data)) as [Float64Array, Float64Array, Float64Array];
      const op = (...x: tf.Tensor[]) =>
        linearAttention(...(x as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D]), { queries, keys, heads, causal });
      const upstream = normals([queries.capacity, width], 9);
      const tensors = inputs.map((x) => tensor<tf.Tensor>(x));
      expectClose(await op(...tensors).data(), reference.linearAttention(...doubles, it), 'value', { ofMax: 1e-5 });
      // The sum is linear in each input: its change along a direction is the sum with that direction in place of it.
      const gradients = tf.grads(op)(tensors, tensor<tf.Tensor>(upstream));
      for (const [i, gradient] of gradients.entries()) {
        const direction = Float64Array.from(normals(inputs[i]?.shape as number[], 7).data);
        const moved = doubles.map((x, j) => (j === i ? direction : x)) as typeof doubles;
        const slope = dot(await gradient.data(), direction);
        expectClose([slope], [dot(reference.linearAttention(...moved, it), upstream.data)], `gradient ${i}`, {
          relative: 1e-4,
          absolute: 0.05,
        });
      }
      for (const layout of [queries, keys]) layout.dispose();
    });
  });

  test('its gradients leave nothing behind but with the layouts', () => {
    const x = tensor(normals([200, 4]));
    expectNoLeak(() => {
      using layout = new Layout(Int32Array.of(0, 20, 200));
      const run = (y: tf.Tensor) =>
        linearAttention(y as tf.Tensor2D, x, x, { queries: layout, heads: 2, causal: true });
      tf.tidy(() => void tf.grad(run)(x));
    });
    x.dispose();
  });

  test('names what does not fit', () => {
    const x = tensor(normals([2, 3]));
    const [queries, keys] = [new Layout(Int32Array.of(0, 2)), new Layout(Int32Array.of(0, 1, 2))];
    expect(() => linearAttention(x, x, x, { queries, heads: 2 })).toThrow('dim (3) must be a multiple of heads (2).');
    expect(() => linearAttention(x, x, x, { queries, keys, heads: 1 })).toThrow(
      'the same number of sequences, got 1 and 2',
    );
  });
});

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((sum, value, i) => sum + value * (b[i] as number), 0);
}
