import * as tf from '@tensorflow/tfjs-core';
import { type AttentionOptions, attention, attentionDropoutBits, attentionWeights, Layout, Rng } from 'seqrec';
import { describe, expect, test } from 'vitest';
import * as reference from '../../reference/attention.ts';
import { dropoutBits } from '../../reference/dropout.ts';
import { checkOp, expectClose, expectNoLeak, layoutOf, normals, onEachBackend, type Rows, tensor } from './check.ts';

interface Case {
  name: string;
  queries: Rows;
  keys?: Rows;
  heads: number;
  width: number;
}

const cases: Case[] = [
  { name: 'one head of one row', queries: { lengths: [1] }, heads: 1, width: 1 },
  { name: 'odd width, empty sequences', queries: { lengths: [0, 3, 0, 1, 5, 0] }, heads: 1, width: 3 },
  { name: 'three heads', queries: { lengths: [2, 4, 3] }, heads: 3, width: 6 },
  { name: 'rows past the last sequence', queries: { lengths: [2, 3], capacity: 9 }, heads: 2, width: 4 },
  { name: 'no rows', queries: { lengths: [0, 0] }, heads: 1, width: 2 },
  { name: 'only spare rows', queries: { lengths: [0], capacity: 3 }, heads: 1, width: 2 },
  {
    name: 'other keys, some of them before and after all queries',
    queries: { lengths: [2, 1, 0, 3], starts: [3, 0, 0, 2] },
    keys: { lengths: [5, 0, 2, 4], starts: [0, 0, 0, 1], capacity: 12 },
    heads: 2,
    width: 4,
  },
  {
    name: 'the last row asks its history',
    queries: { lengths: [1, 1, 1], starts: [3, 0, 1] },
    keys: { lengths: [4, 1, 2] },
    heads: 2,
    width: 6,
  },
];

onEachBackend((backend) => {
  describe.each(cases)('$name', (it) => {
    test.each([false, true])('causal %s', async (causal) => {
      await check(it, { causal });
    });

    test.each([1, it.heads])('with a bias of %i tables', async (tables) => {
      const positions = 7;
      const bias = normals([tables, positions, positions], 4);
      await check(it, { causal: true }, bias);
      if (tables === 1) await check(it, { causal: false }, bias);
    });

    test('with dropout', async () => {
      const dropout = { rate: 0.4, rng: new Rng(3) };
      await check(it, { causal: true, dropout }, normals([1, 7, 7], 4));
      await check(it, { causal: true, dropout });
      await check(it, { causal: false, dropout });
    });

    test('weights', async () => {
      const { layouts, rows } = layoutsOf(it);
      const [q, k] = [normals([layouts.queries.capacity, it.width], 1), normals([layouts.keys.capacity, it.width], 2)];
      const [qs, ks] = [q, k].map(({ data }) => Float64Array.from(data)) as [Float64Array, Float64Array];
      for (const causal of [false, true]) {
        const expected = reference.attentionWeights(qs, ks, { ...rows, heads: it.heads, width: it.width, causal });
        const weights = attentionWeights(tensor(q), tensor(k), { ...layouts, heads: it.heads, causal });
        expect(weights.length).toBe(expected.length);
        for (const [b, weight] of weights.entries()) {
          expect(weight.shape).toEqual([it.heads, layouts.queries.length(b), layouts.keys.length(b)]);
          expectClose(await weight.data(), expected[b] as Float64Array, `weights ${b}`);
        }
      }
    });
  });

  test('long sequences, several of them in a block and one above it', async () => {
    const offsets = Int32Array.of(0, 50, 60, 100, 128, 129, 300);
    const layout = new Layout(offsets);
    const [q, k, v, upstream] = [1, 2, 3, 4].map((seed) => normals([300, 4], seed)) as [Values, Values, Values, Values];
    const it = { queries: layout, keys: layout, heads: 2, width: 4, causal: true };
    const [qs, ks, vs] = [q, k, v].map(({ data }) => Float64Array.from(data)) as Float64Array[];
    const run = (a = qs, b = ks, c = vs) =>
      reference.attention(a as Float64Array, b as Float64Array, c as Float64Array, it);
    const op = (q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D) =>
      attention(q, k, v, { queries: layout, heads: 2, causal: true });
    expectClose(await op(tensor(q), tensor(k), tensor(v)).data(), run(), 'value');

    // A gradient is checked along one direction for each input: the whole would take 3600 runs of the reference.
    const gradients = tf.grads((...x: tf.Tensor[]) =>
      op(x[0] as tf.Tensor2D, x[1] as tf.Tensor2D, x[2] as tf.Tensor2D),
    )([tensor(q), tensor(k), tensor(v)], tensor(upstream));
    const direction = normals([300, 4], 7).data;
    for (const [i, x] of [qs, ks, vs].entries()) {
      const at = (step: number) => {
        const moved = (x as Float64Array).map((value, j) => value + step * (direction[j] as number));
        const inputs = [qs, ks, vs].map((other) => (other === x ? moved : other));
        return dot(run(...inputs), upstream.data);
      };
      const slope = dot(await (gradients[i] as tf.Tensor).data(), direction);
      expectClose([slope], [(at(1e-5) - at(-1e-5)) / 2e-5], `gradient ${i}`, { absolute: 1e-3, relative: 1e-3 });
    }
    layout.dispose();
  });

  test.runIf(backend === 'wasm')('the kernel gives what the composed operations give', async () => {
    const lengths = [0, 1, 2, 3, 4, 5, 7, 8, 9, 13, 33, 150];
    for (const [heads, width] of [
      [1, 1],
      [2, 10],
      [1, 24],
      [3, 39],
    ] as const) {
      const queries = layoutOf({ lengths, starts: lengths.map((_, b) => b % 4), capacity: 240 }, 5);
      const keys = layoutOf({ lengths: [...lengths].reverse(), starts: lengths.map((_, b) => b % 3), capacity: 237 });
      for (const [of, causal, rate, tables] of [
        [queries, true, 0, 0],
        [queries, true, 0.2, 1],
        [keys, false, 0, heads],
        [keys, true, 0.2, 0],
      ] as const) {
        const [q, k, v, dy] = [queries, of, of, queries].map(({ capacity }, i) =>
          tensor(normals([capacity, width], i + 1)),
        ) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
        const options = { queries, keys: of, heads, causal, dropout: { rate, rng: new Rng(9) } };
        const inputs: tf.Tensor[] = [q, k, v];
        if (tables > 0) inputs.push(tensor(normals([tables, 160, 160], 6)));
        const run = () => {
          const { value, grads } = tf.valueAndGrads((...x: tf.Tensor[]) => {
            const [q, k, v, bias] = x as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D, tf.Tensor3D?];
            return attention(q, k, v, { ...options, bias });
          })(inputs, dy);
          return Promise.all([value, ...grads].map((tensor) => tensor.data()));
        };
        const [fused, again, composed] = [await run(), await run(), await withoutKernel(run)];
        expect(fused.length).toBe(composed.length);
        for (const [i, values] of fused.entries()) {
          expectClose(values, composed[i] as Float32Array, `${['value', 'dq', 'dk', 'dv', 'dBias'][i]}`);
          expect(again[i]).toEqual(fused[i]);
        }
      }
      queries.dispose();
      keys.dispose();
    }
  });

  test.runIf(backend === 'wasm')('the kernel at 2,000 rows, with a bias', async () => {
    const layout = new Layout(Int32Array.of(0, 1, 2001));
    const inputs = [1, 2, 3].map((seed) => tensor<tf.Tensor>(normals([2001, 4], seed)));
    const bias = tensor<tf.Tensor>(normals([1, 2000, 2000], 4));
    const run = () => {
      const { value, grads } = tf.valueAndGrads((...x: tf.Tensor[]) => {
        const [q, k, v, bias] = x as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D, tf.Tensor3D];
        return attention(q, k, v, { queries: layout, heads: 1, causal: true, bias });
      })([...inputs, bias], tensor(normals([2001, 4], 5)));
      return Promise.all([value, ...grads].map((tensor) => tensor.data()));
    };
    const [fused, composed] = [await run(), await withoutKernel(run)];
    for (const [i, values] of fused.entries()) {
      expectClose(values, composed[i] as Float32Array, `output ${i}`, { absolute: 1e-4 });
    }
    layout.dispose();
  });

  test('one tensor as queries, keys and values gets the sum of the three gradients', async () => {
    const layout = new Layout(Int32Array.of(0, 2, 5));
    const options = { queries: layout, heads: 2, causal: true };
    const x = normals([5, 4], 1);
    const of = (rows: Float64Array) =>
      reference.attention(rows, rows, rows, { queries: layout, keys: layout, heads: 2, width: 4, causal: true });
    const first = tensor(x);
    tf.dispose([attention(first, first, first, options), first]);
    await checkOp(
      [x],
      (x) => attention(x, x, x, options),
      (x) => of(x as Float64Array),
    );
    layout.dispose();
  });

  test('large scores stay finite', async () => {
    const layout = new Layout(Int32Array.of(0, 2, 4));
    const it = { queries: layout, keys: layout, heads: 1, width: 2, causal: false };
    const q = { shape: [4, 2], data: Float32Array.of(1e3, 0, -1e3, 0, 1e18, 0, -1e18, 0) };
    const v = normals([4, 2]);
    const y = attention(tensor(q), tensor(q), tensor(v), { queries: layout, heads: 1 });
    const [qs, vs] = [q, v].map(({ data }) => Float64Array.from(data)) as [Float64Array, Float64Array];
    expectClose((await y.data()).slice(0, 4), reference.attention(qs, qs, vs, it).slice(0, 4), 'value');
    layout.dispose();
  });

  test('dropout is the same however the step is split', async () => {
    const x = normals([9, 4]);
    const dropout = { rate: 0.5, rng: new Rng(1) };
    const part = (offsets: number[], begin: number, end: number, firstSequence = 0) => {
      const queries = new Layout(Int32Array.from(offsets), { firstSequence });
      const rows = tensor({ shape: [end - begin, 4], data: x.data.slice(begin * 4, end * 4) });
      return attention(rows, rows, rows, { queries, heads: 2, causal: true, dropout }).data();
    };
    const all = await part([0, 2, 5, 9], 0, 9);
    const halves = [await part([0, 2, 5], 0, 5), await part([0, 4], 5, 9, 2)];
    expectClose(
      all,
      halves.flatMap((half) => [...half]),
      'value',
      { absolute: 1e-6 },
    );
  });

  test('masks live as long as the layout', () => {
    expectNoLeak(() => {
      const layout = new Layout(Int32Array.of(0, 2, 4));
      const other = new Layout(Int32Array.of(0, 1, 2));
      const [q, k] = [tensor(normals([4, 2])), tensor(normals([2, 2]))];
      const options: AttentionOptions[] = [
        { queries: layout, heads: 1 },
        { queries: layout, heads: 1, causal: true },
        { queries: layout, keys: other, heads: 1, causal: true },
      ];
      for (const option of options) {
        const keys = option.keys ? k : q;
        const run = () => tf.dispose(attention(q, keys, keys, option));
        run();
        expectNoLeak(run);
      }
      tf.dispose([q, k]);
      layout.dispose();
      other.dispose();
    });
  });

  test('says what does not fit', () => {
    const layout = new Layout(Int32Array.of(0, 2));
    const x = tensor(normals([2, 50]));
    const call = (options: Partial<AttentionOptions>) => () =>
      attention(x, x, x, { queries: layout, heads: 1, ...options });
    expect(call({ heads: 4 })).toThrow('dim (50) must be a multiple of heads (4).');
    expect(call({ heads: 0 })).toThrow('heads must be an integer at least 1, got 0.');
    expect(call({ keys: new Layout(Int32Array.of(0, 1, 2)) })).toThrow(
      'Queries and keys must have the same number of sequences, got 1 and 2.',
    );
    expect(call({ queries: new Layout(Int32Array.of(0, 3)) })).toThrow(
      'The queries of attention must have the shape [3, 50], got [2, 50].',
    );
    expect(call({ bias: tf.zeros([1, 1, 1]) })).toThrow(
      'An attention bias for 1 positions cannot serve position 1: shorten the sequences.',
    );
    expect(call({ heads: 2, bias: tf.zeros([3, 2, 2]) })).toThrow(
      'The bias of attention must have the shape [2, 2, 2], got [3, 2, 2].',
    );
  });
});

test('dropout bits follow the documented formula', () => {
  const rng = new Rng(8);
  for (const [head, sequence, query, key] of [
    [0, 0, 0, 0],
    [1, 5, 3, 2],
    [3, 100_000, 199, 198],
  ] as const) {
    expect(attentionDropoutBits(rng, head, sequence, query, key)).toBe(
      dropoutBits(rng.fork(head).key, sequence, query, key),
    );
  }
});

type Values = ReturnType<typeof normals>;

function layoutsOf({ queries, keys }: Case): {
  layouts: { queries: Layout; keys: Layout };
  rows: { queries: reference.Rows; keys: reference.Rows };
} {
  const ofQueries = layoutOf(queries, 11);
  const layouts = { queries: ofQueries, keys: keys ? layoutOf(keys) : ofQueries };
  return { layouts, rows: layouts };
}

async function check(it: Case, options: Partial<AttentionOptions>, bias?: Values): Promise<void> {
  const { layouts, rows } = layoutsOf(it);
  const { heads, width } = it;
  const { causal = false, dropout } = options;
  const inputs = [layouts.queries, layouts.keys, layouts.keys].map(({ capacity }, i) =>
    normals([capacity, width], i + 1),
  );
  if (bias) inputs.push(bias);
  // Made before tensors are counted, as for every layer after the first.
  tf.tidy(() => {
    const [q, k, v] = inputs.map((values) => tensor(values)) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
    attention(q, k, v, { ...layouts, heads, causal, bias: bias && tensor(bias) });
  });
  const factor =
    dropout?.rng &&
    ((head: number, b: number, query: number, key: number) => {
      const bits = dropoutBits((dropout.rng as Rng).fork(head).key, 11 + b, query, key);
      return bits >= Math.round(dropout.rate * 65536) ? 1 / (1 - dropout.rate) : 0;
    });
  await checkOp(
    inputs,
    (q, k, v, bias) => attention(q, k, v, { ...layouts, heads, ...options, bias }),
    (q, k, v, values) =>
      reference.attention(q as Float64Array, k as Float64Array, v as Float64Array, {
        ...rows,
        heads,
        width,
        causal,
        bias: values && bias && { values, positions: bias.shape[1] as number },
        factor,
      }),
  );
  layouts.queries.dispose();
  layouts.keys.dispose();
}

/** Runs an op as it is where the backend has no kernel of attention. */
function withoutKernel<T>(run: () => T): T {
  const kernel = tf.getKernel('SeqrecAttention', 'wasm');
  tf.unregisterKernel('SeqrecAttention', 'wasm');
  try {
    return run();
  } finally {
    tf.registerKernel(kernel);
  }
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
