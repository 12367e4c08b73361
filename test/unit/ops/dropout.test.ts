import * as tf from '@tensorflow/tfjs-core';
import { dropout, dropoutAdd, dropoutMask, Layout, Rng } from 'seqrec';
import { expect, test } from 'vitest';
import { dropoutBits } from '../../reference/dropout.ts';
import { checkOp, expectClose, normals, onEachBackend, tensor } from './check.ts';

const rng = new Rng(5).fork('dropout');

onEachBackend(() => {
  test('multiplies value and gradient by the mask', async () => {
    const layout = new Layout(Int32Array.of(0, 3, 3, 7));
    const mask = dropoutMask(rng, 0.3, [7, 5], layout);
    // Tensors of a layout are made when first asked for, and freed with it.
    expect([layout.sequence.size, layout.position.size]).toEqual([7, 7]);
    await checkOp(
      [normals([7, 5])],
      (x) => dropout(x, 0.3, rng, layout),
      (x) => (x as Float64Array).map((value, i) => value * (mask[i] as number)),
    );
    layout.dispose();
  });

  test.each([1, 2, 4, 7, 8, 9, 33])('multiplies by the mask, bit for bit (width %i)', async (width) => {
    const starts = Int32Array.of(3, 0, 70_000);
    const layout = new Layout(Int32Array.of(0, 3, 3, 7), { starts, capacity: 9, firstSequence: 1_000_000 });
    const x = normals([9, width]);
    for (const of of [layout, undefined]) {
      const mask = dropoutMask(rng, 0.3, [9, width], of);
      const expected = Float32Array.from(x.data, (value, i) => value * (mask[i] as number));
      expect(Array.from(await dropout(tensor(x), 0.3, rng, of).data(), Math.abs)).toEqual(
        Array.from(expected, Math.abs),
      );
    }
    layout.dispose();
  });

  test.each([1, 7, 8, 19])('dropoutAdd adds what it leaves (width %i)', async (width) => {
    const layout = new Layout(Int32Array.of(0, 3, 3, 7), { capacity: 9, starts: Int32Array.of(3, 0, 5) });
    dropout(tf.zeros([9, 1]), 0.3, rng, layout); // The layout makes its tensors when they are first asked for.
    const inputs = [normals([9, width], 1), normals([9, width], 2)];
    for (const of of [layout, undefined]) {
      const mask = dropoutMask(rng, 0.3, [9, width], of);
      await checkOp(
        inputs,
        (x, y) => dropoutAdd(x, y, 0.3, rng, of),
        (x, y) =>
          (x as Float64Array).map((value, i) => value + (mask[i] as number) * ((y as Float64Array)[i] as number)),
      );
      await checkOp(
        inputs,
        (x, y) => dropoutAdd(x, y, 0.3, undefined, of),
        (x, y) => (x as Float64Array).map((value, i) => value + ((y as Float64Array)[i] as number)),
      );
    }
    expect(() => dropoutAdd(tf.zeros([2, 3]), tf.zeros([2, 2]), 0.3, rng)).toThrow(
      'What dropoutAdd adds must have the shape [2, 3], got [2, 2].',
    );
    layout.dispose();
  });

  test('is its input without an rng or at rate 0', () => {
    const x = tensor(normals([2, 3]));
    expect(dropout(x, 0.5, undefined)).toBe(x);
    expect(dropout(x, 0, rng)).toBe(x);
  });

  test('is the same however the step is split', async () => {
    const x = normals([9, 4]);
    const step = new Layout(Int32Array.of(0, 2, 5, 5, 9), { starts: Int32Array.of(0, 4, 0, 1) });
    const first = new Layout(Int32Array.of(0, 2, 5), { starts: Int32Array.of(0, 4) });
    const second = new Layout(Int32Array.of(0, 0, 4), { starts: Int32Array.of(0, 1), firstSequence: 2, capacity: 6 });
    const all = await dropout(tensor(x), 0.5, rng, step).data();
    const head = dropout(tensor({ shape: [5, 4], data: x.data.slice(0, 20) }), 0.5, rng, first);
    const tail = dropout(
      tensor({ shape: [6, 4], data: Float32Array.of(...x.data.slice(20), ...new Float32Array(8)) }),
      0.5,
      rng,
      second,
    );
    expect([...all]).toEqual([...(await head.data()), ...(await tail.data()).slice(0, 16)]);
    for (const layout of [step, first, second]) layout.dispose();
  });

  test('rows past the last sequence are 0', async () => {
    const layout = new Layout(Int32Array.of(0, 1), { capacity: 3 });
    const y = dropout(tf.ones([3, 4]), 0.1, rng, layout);
    expect([...(await y.data()).slice(4)]).toEqual(Array(8).fill(0));
    layout.dispose();
  });
});

test('masks follow the documented formula', () => {
  const layout = new Layout(Int32Array.of(0, 3, 5), { starts: Int32Array.of(0, 70_000), firstSequence: 1_000_000 });
  const places = [
    [0, 0],
    [0, 1],
    [0, 2],
    [1, 70_000],
    [1, 70_001],
  ] as const;
  for (const rate of [0.1, 0.5, 0.9]) {
    const mask = dropoutMask(rng, rate, [5, 7], layout);
    const expected = places.flatMap(([b, position]) =>
      Array.from({ length: 7 }, (_, column) =>
        dropoutBits(rng.key, 1_000_000 + b, position, column) >= Math.round(rate * 65536) ? 1 / (1 - rate) : 0,
      ),
    );
    expectClose(mask, expected, 'mask');
  }
  const rows = dropoutMask(rng, 0.5, [4, 3]);
  const expected = Array.from({ length: 12 }, (_, i) =>
    dropoutBits(rng.key, 0, Math.floor(i / 3), i % 3) >= 32768 ? 2 : 0,
  );
  expectClose(rows, expected, 'mask without a layout');
  layout.dispose();
});

test('masks keep 1 - rate of the elements, in every column, and differ between keys', () => {
  for (const rate of [0.05, 0.2, 0.5]) {
    const [rows, columns] = [4000, 9];
    const mask = dropoutMask(rng, rate, [rows, columns]);
    for (let column = 0; column < columns; column++) {
      let kept = 0;
      for (let row = 0; row < rows; row++) kept += mask[row * columns + column] === 0 ? 0 : 1;
      // Five standard deviations.
      expect(Math.abs(kept / rows - (1 - rate))).toBeLessThan(5 * Math.sqrt((rate * (1 - rate)) / rows));
    }
  }
  const [a, b] = ['a', 'b'].map((name) => dropoutMask(rng.fork(name), 0.5, [100, 100])) as [Float32Array, Float32Array];
  const equal = a.reduce((count, value, i) => count + (value === b[i] ? 1 : 0), 0);
  expect(Math.abs(equal / 10_000 - 0.5)).toBeLessThan(0.025);
});

test('refuses a rate that is none', () => {
  expect(() => dropout(tf.zeros([1, 1]), 1, rng)).toThrow(
    'The dropout rate must be a number at least 0 and less than 1, got 1.',
  );
});
