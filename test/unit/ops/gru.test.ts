import * as tf from '@tensorflow/tfjs-core';
import { gru, gruCell, Layout } from 'seqrec';
import { describe, expect, test } from 'vitest';
import * as reference from '../../reference/gru.ts';
import { checkOp, expectClose, expectNoLeak, normals, onEachBackend, tensor, type Values } from './check.ts';

interface Case {
  name: string;
  lengths: number[];
  width: number;
  capacity?: number;
}

const cases: Case[] = [
  { name: 'one unit, one row', lengths: [1], width: 1 },
  { name: 'odd width, empty sequences, spare rows', lengths: [0, 2, 4, 0, 1], width: 3, capacity: 9 },
  { name: 'whole vectors', lengths: [1, 3], width: 4 },
  { name: 'more than a panel', lengths: [2, 1], width: 9 },
  { name: 'more than a tile', lengths: [1, 2, 1, 2, 1, 1, 1, 1], width: 2 },
  { name: 'no rows', lengths: [0, 0], width: 2 },
  { name: 'no sequences', lengths: [], width: 2 },
  { name: 'only spare rows', lengths: [0], width: 2, capacity: 3 },
];
const resets = ['after', 'before'] as const;

onEachBackend((backend) => {
  describe.each(cases)('$name', ({ lengths, width, capacity: given }) => {
    test.each(resets)('reset %s', async (reset) => {
      const offsets = offsetsOf(lengths);
      const layout = new Layout(offsets, { capacity: given });
      const { capacity, count } = layout;
      const it = { offsets, capacity, width, reset };
      const [x, weight] = [normals([capacity, 3 * width], 1), normals([3 * width, width], 2)];
      const [bias, initial] = [normals([3 * width], 3), normals([count, width], 4)];
      // Made before tensors are counted, as for every layer after the first.
      tf.dispose(tf.tidy(() => gru(tensor(x), tensor(weight), { layout })));
      await checkOp(
        [x, weight, bias, initial],
        (x, w, bias, initial) => gru(x, w, { layout, bias, initial, reset }),
        (x, w, b, h) => reference.gru(x as Float64Array, w as Float64Array, b, h, it),
      );
      await checkOp(
        [x, weight],
        (x, w) => gru(x, w, { layout, reset }),
        (x, w) => reference.gru(x as Float64Array, w as Float64Array, undefined, undefined, it),
      );
      await checkOp(
        [x, weight, initial],
        (x, w, initial) => gru(x, w, { layout, initial, reset }),
        (x, w, h) => reference.gru(x as Float64Array, w as Float64Array, undefined, h, it),
      );
      layout.dispose();
    });
  });

  test.each(resets)('gruCell is one step, reset %s', async (reset) => {
    for (const [count, width] of [
      [1, 1],
      [7, 3],
      [3, 8],
      [0, 2],
    ] as const) {
      const inputs = [normals([count, 3 * width], 1), normals([count, width], 2), normals([3 * width, width], 3)];
      const it = { offsets: offsetsOf(Array(count).fill(1)), capacity: count, width, reset };
      const of =
        (bias?: Float64Array) =>
        (x?: Float64Array, h?: Float64Array, w?: Float64Array, b = bias) =>
          reference.gru(x as Float64Array, w as Float64Array, b, h, it);
      await checkOp(inputs, (x, h, w) => gruCell(x, h, w, { reset }), of());
      await checkOp([...inputs, normals([3 * width], 4)], (x, h, w, bias) => gruCell(x, h, w, { bias, reset }), of());
    }
  });

  test.each(resets)('a long sequence among short ones, reset %s', async (reset) => {
    const lengths = [3, 2000, 0, 1, 40];
    const layout = new Layout(offsetsOf(lengths));
    const width = 5;
    const it = { offsets: layout.offsets, capacity: layout.rows, width, reset };
    const inputs = [
      normals([layout.rows, 3 * width], 1),
      normals([3 * width, width], 2, 0.4),
      normals([3 * width], 3),
      normals([layout.count, width], 4),
    ];
    const upstream = normals([layout.rows, width], 5);
    const { value, grads } = differentiated(inputs, upstream, layout, reset);
    const doubles = inputs.map(({ data }) => Float64Array.from(data));
    const run = ([x, w, b, h]: Float64Array[]) => reference.gru(x as Float64Array, w as Float64Array, b, h, it);
    expectClose(await value.data(), run(doubles), 'value');
    // A gradient is checked along one direction for each input: the whole would take 60,000 runs of the reference.
    for (const [i, { shape }] of inputs.entries()) {
      const direction = normals(shape, 7).data;
      const at = (step: number) => {
        const moved = doubles.map((x, k) =>
          k === i ? x.map((value, j) => value + step * (direction[j] as number)) : x,
        );
        return dot(run(moved), upstream.data);
      };
      const slope = dot(await (grads[i] as tf.Tensor).data(), direction);
      expectClose([slope], [(at(1e-5) - at(-1e-5)) / 2e-5], `gradient ${i}`, { absolute: 2e-3, relative: 1e-4 });
    }
    tf.dispose([value, ...grads]);
    layout.dispose();
  });

  test.runIf(backend === 'wasm')('the kernel gives what the composed operations give', async () => {
    // More rows than the kernel collects for one product of the weight's gradient (512).
    const lengths = Array.from({ length: 160 }, (_, b) => (b * b) % 11);
    for (const [width, count] of [
      [1, 30],
      [8, 160],
      [33, 160],
      [100, 130],
    ] as const) {
      const layout = new Layout(offsetsOf(lengths.slice(0, count)), { capacity: 900 });
      const inputs = [
        normals([900, 3 * width], 1),
        normals([3 * width, width], 2, 0.3),
        normals([3 * width], 3),
        normals([count, width], 4),
      ];
      const upstream = normals([900, width], 5);
      for (const reset of resets) {
        const run = async () => {
          const { value, grads } = differentiated(inputs, upstream, layout, reset);
          const all = await Promise.all([value, ...grads].map((tensor) => tensor.data<'float32'>()));
          tf.dispose([value, ...grads]);
          return all;
        };
        const [fused, again, composed] = [await run(), await run(), await withoutKernels(run)];
        for (const [i, name] of ['value', 'dx', 'dWeight', 'dBias', 'dInitial'].entries()) {
          const largest = (composed[i] as Float32Array).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
          const tolerance = { absolute: 1e-5 * largest, relative: 0 };
          expectClose(fused[i] as Float32Array, composed[i] as Float32Array, `${reset} ${width} ${name}`, tolerance);
          expect(again[i]).toEqual(fused[i]);
        }
      }
      layout.dispose();
    }
  });

  test('a sequence gives the same bits alone, among others, and cut in two', async () => {
    const [width, lengths] = [12, [5, 9, 2]];
    const [x, weight] = [normals([16, 3 * width], 1), tensor(normals([3 * width, width], 2))];
    const run = (lengths: number[], begin: number, initial?: tf.Tensor2D) => {
      const layout = new Layout(offsetsOf(lengths));
      const rows = {
        shape: [layout.rows, 3 * width],
        data: x.data.slice(begin * 3 * width).slice(0, layout.rows * 36),
      };
      return gru(tensor(rows), weight, { layout, initial });
    };
    const all = await run(lengths, 0).array();
    expect(await run([9], 5).array()).toEqual(all.slice(5, 14));
    const first = run([4], 5);
    const last = tf.slice(first, [3, 0], [1, width]);
    expect([...(await first.array()), ...(await run([5], 9, last).array())]).toEqual(all.slice(5, 14));
  });

  test('large inputs saturate, and NaN stays', async () => {
    const layout = new Layout(Int32Array.of(0, 1, 2, 3));
    const data = Float32Array.of(1e30, -1e30, 1e30, -200, 200, -1e30, 0, NaN, 0);
    const states = gru(tensor({ shape: [3, 3], data }), tf.zeros([3, 1]), { layout });
    expect([...(await states.data())]).toEqual([1, 0, NaN]);
  });

  test('tensors of the layout live as long as it does', () => {
    expectNoLeak(() => {
      const layout = new Layout(Int32Array.of(0, 2, 5));
      const [x, weight] = [tensor(normals([5, 6])), tensor(normals([6, 2]))];
      const run = () => tf.dispose(gru(x, weight, { layout }));
      run();
      expectNoLeak(run);
      expectNoLeak(() => tf.dispose(tf.grad((x) => gru(x as tf.Tensor2D, weight, { layout }))(x)));
      tf.dispose([x, weight]);
      layout.dispose();
    });
  });

  test('says what does not fit', () => {
    const layout = new Layout(Int32Array.of(0, 2));
    const [x, weight, state] = [tensor(normals([2, 6])), tensor(normals([6, 2])), tensor(normals([2, 2]))];
    expect(() => gru(x, state, { layout })).toThrow('The weight of gru must have the shape [6, 2], got [2, 2].');
    expect(() => gru(state, weight, { layout })).toThrow('The input of gru must have the shape [2, 6], got [2, 2].');
    expect(() => gru(x, weight, { layout, initial: state })).toThrow(
      'The initial states of gru must have the shape [1, 2], got [2, 2].',
    );
    expect(() => gru(x, weight, { layout, bias: tf.zeros([2]) })).toThrow(
      'The bias of gru must have the shape [6], got [2].',
    );
    expect(() => gruCell(state, state, weight)).toThrow('The input of gruCell must have the shape [2, 6], got [2, 2].');
    expect(() => gruCell(x, state, state)).toThrow('The weight of gruCell must have the shape [6, 2], got [2, 2].');
  });
});

function offsetsOf(lengths: readonly number[]): Int32Array {
  const offsets = new Int32Array(lengths.length + 1);
  lengths.forEach((length, b) => {
    offsets[b + 1] = (offsets[b] as number) + length;
  });
  return offsets;
}

/** The value of `gru` and its gradients by x, weight, bias and initial. */
function differentiated(inputs: Values[], upstream: Values, layout: Layout, reset: 'after' | 'before') {
  return tf.tidy(() => {
    const op = (...tensors: tf.Tensor[]) => {
      const [x, weight, bias, initial] = tensors as [tf.Tensor2D, tf.Tensor2D, tf.Tensor1D, tf.Tensor2D];
      return gru(x, weight, { layout, bias, initial, reset });
    };
    return tf.valueAndGrads(op)(
      inputs.map((values) => tensor<tf.Tensor>(values)),
      tensor(upstream),
    );
  });
}

/** Runs `run` as on a backend that has no kernel for it. */
async function withoutKernels<T>(run: () => Promise<T>): Promise<T> {
  const ours = tf.getKernelsForBackend('wasm').filter(({ kernelName }) => kernelName.startsWith('SeqrecGru'));
  for (const { kernelName } of ours) tf.unregisterKernel(kernelName, 'wasm');
  try {
    return await run();
  } finally {
    for (const kernel of ours) tf.registerKernel(kernel);
  }
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
