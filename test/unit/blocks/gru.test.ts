/** The GRU block, whole and in pieces. */
import * as tf from '@tensorflow/tfjs-core';
import { dropoutMask, GRU, type GRUOptions, gatherRows, Layout, Rng } from 'seqrec';
import { beforeAll, describe, expect, test } from 'vitest';
import { backends, use } from '../../support/backends.ts';

const WIDTH = 5;
/** Three sequences, of which each piece has some events: two of the first, one of the second, four of the third … */
const PIECES = [
  [2, 1, 4],
  [1, 3, 1],
  [4, 1, 2],
];

/** Rows for sequences of `lengths` events from the events `from` on; an event is the same wherever it is read. */
function rowsOf(from: readonly number[], lengths: readonly number[]): tf.Tensor2D {
  const rows = lengths.flatMap((length, b) =>
    Array.from({ length }, (_, t) => [...new Rng(b).fork((from[b] as number) + t).normals(new Float32Array(WIDTH))]),
  );
  return tf.tensor2d(rows, [rows.length, WIDTH]);
}

function layoutOf(lengths: readonly number[], capacity?: number): Layout {
  const offsets = [0];
  for (const length of lengths) offsets.push((offsets.at(-1) as number) + length);
  return new Layout(Int32Array.from(offsets), { capacity });
}

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => use(backend));

  test.each<Omit<GRUOptions, 'inputs'>>([
    { hidden: 3 },
    { hidden: [4, 7, 3], reset: 'before' },
    { hidden: [3, 9], bias: false },
    { hidden: [] },
  ])('goes on from what an earlier call left: %j', async (options) => {
    using block = new GRU({ inputs: WIDTH, ...options }).init(1);
    const before = tf.memory().numTensors;
    const lengths = [0, 1, 2].map((b) => PIECES.reduce((sum, piece) => sum + (piece[b] as number), 0));
    using layout = layoutOf(lengths);
    const whole = tf.tidy(() => gatherRows(block.forward(rowsOf([0, 0, 0], lengths), layout), layout.lastRows()));
    let after: tf.Tensor2D[] | undefined;
    let done = [0, 0, 0];
    for (const piece of PIECES) {
      using part = layoutOf(piece);
      const next = tf.tidy(() => block.forwardFrom(rowsOf(done, piece), part, after));
      tf.dispose([next.states, after ?? []]);
      after = next.after;
      done = done.map((n, b) => n + (piece[b] as number));
    }
    const found = await after?.at(-1)?.data();
    if (found) expect([...found]).toEqual([...(await whole.data())].map((value) => expect.closeTo(value, 5)));
    expect(after).toHaveLength(block.layers.length);
    tf.dispose([whole, after ?? []]);
    layout.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('rows past the last sequence stay 0', async () => {
    using block = new GRU({ inputs: WIDTH, hidden: 3 }).init(1);
    using layout = layoutOf([2, 1], 5);
    const states = tf.tidy(() => block.forward(rowsOf([0], [5]), layout));
    expect([...(await states.data())].slice(9)).toEqual([0, 0, 0, 0, 0, 0]);
    states.dispose();
  });

  test('what goes on is what dropout left of the last states', async () => {
    using block = new GRU({ inputs: WIDTH, hidden: 8, dropout: 0.5 }).init(1);
    using layout = layoutOf([1, 1]);
    const rng = new Rng(7);
    const [plain, dropped] = tf.tidy(() => [
      block.forward(rowsOf([0, 0], [1, 1]), layout),
      block.forwardFrom(rowsOf([0, 0], [1, 1]), layout, undefined, rng).after[0] as tf.Tensor2D,
    ]) as [tf.Tensor2D, tf.Tensor2D];
    const mask = dropoutMask(rng.fork(0), 0.5, [2, 8], layout);
    const values = await plain.data();
    expect([...(await dropped.data())]).toEqual([...values].map((v, i) => expect.closeTo(v * (mask[i] as number), 5)));
    tf.dispose([plain, dropped]);
  });

  test('says how many states it goes on from', () => {
    using block = new GRU({ inputs: WIDTH, hidden: [3, 4] }).init(1);
    using layout = layoutOf([1]);
    expect(() => tf.tidy(() => block.forwardFrom(rowsOf([0], [1]), layout, [tf.zeros([1, 3])]))).toThrow(
      'A GRU of 2 layers continues from as many states, got 1.',
    );
  });
});

test("its parameters are PyTorch's", () => {
  const { rows } = new GRU({ inputs: 6, hidden: [4, 3] }).summary();
  expect(rows.map(({ path, shape }) => [path, shape])).toEqual([
    ['layers.0.input.weight', [12, 6]],
    ['layers.0.input.bias', [12]],
    ['layers.0.state.weight', [12, 4]],
    ['layers.0.state.bias', [12]],
    ['layers.1.input.weight', [9, 4]],
    ['layers.1.input.bias', [9]],
    ['layers.1.state.weight', [9, 3]],
    ['layers.1.state.bias', [9]],
  ]);
});
