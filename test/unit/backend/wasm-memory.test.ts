/** The memory of tfjs-wasm: its upper half, its end, and what does not fit. */
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { registerKernels } from '../../../src/backend/kernels.ts';
import type { WasmMemory } from '../../../src/backend/memory.ts';
import { Layout } from '../../../src/core/layout.ts';
import { attention } from '../../../src/ops/attention.ts';
import { softmaxCrossEntropy } from '../../../src/ops/cross-entropy.ts';
import { layerNorm } from '../../../src/ops/layer-norm.ts';
import { linear } from '../../../src/ops/linear.ts';
import { multiply } from '../../../src/ops/product.ts';
import { normals, tensor } from '../ops/check.ts';

interface Backend extends WasmMemory {
  getMemoryOffset(dataId: object): number;
  disposeData(dataId: object): void;
}
let backend: Backend;

beforeAll(async () => {
  await tf.setBackend('wasm');
  await registerKernels('wasm');
  backend = tf.backend() as unknown as Backend;
});

/** Takes memory without touching it, so that it costs no real one. */
function claim(bytes: number): tf.TensorInfo {
  return backend.makeOutput([bytes / 4], 'float32');
}

/** The values and gradients of a few ops, on tensors made now; and the highest address among the results. */
async function compute(): Promise<{ values: Float32Array[]; highest: number }> {
  using layout = new Layout(Int32Array.of(0, 7, 7, 30));
  const xs = [normals([30, 10]), normals([10, 10], 1), normals([10], 2), normals([10], 3)].map((x) =>
    tensor<tf.Tensor>(x),
  );
  const f = (x: tf.Tensor, w: tf.Tensor, scale: tf.Tensor, bias: tf.Tensor) => {
    const normed = layerNorm(x as tf.Tensor2D, scale as tf.Tensor1D, bias as tf.Tensor1D);
    const y = linear(normed, w as tf.Tensor2D, bias as tf.Tensor1D);
    const mixed = attention(y, y, normed, { queries: layout, heads: 2, causal: true });
    return softmaxCrossEntropy(mixed, w as tf.Tensor2D, new Int32Array(30).fill(3));
  };
  const { value, grads } = tf.valueAndGrads(f)(xs);
  const results = [value, ...grads];
  const values = await Promise.all(results.map((result) => result.data() as Promise<Float32Array>));
  const highest = Math.max(...results.map(({ dataId }) => backend.getMemoryOffset(dataId)));
  tf.dispose([...xs, ...results]);
  return { values, highest };
}

test('beyond 2 GiB the results are the same to the bit, and no more is given than there is', async () => {
  const low = await compute();
  expect(low.highest).toBeLessThan(2 ** 31);
  const claimed = [0, 1, 2, 3].map(() => claim(750e6));
  // What earlier work has freed below is taken, too, by pieces of the size of the results.
  const address = ({ dataId }: tf.TensorInfo) => backend.getMemoryOffset(dataId);
  do claimed.push(claim(1200));
  while (address(claimed.at(-1) as tf.TensorInfo) < 2 ** 31);
  try {
    const high = await compute();
    expect(high.highest).toBeGreaterThan(2 ** 31);
    expect(high.values).toEqual(low.values);

    // 1.2 GB more fit, 2 GB do not.
    const [a, b] = [tf.ones<tf.Rank.R2>([50_000, 1]), tf.ones<tf.Rank.R2>([1, 10_000])];
    const before = tf.memory();
    expect(() => multiply(a, b)).toThrow(
      /^2000000000 bytes more do not fit into the WebAssembly memory, which has \d+ bytes and can have 4294901760: use a smaller batchSize, or dispose of tensors\.$/,
    );
    expect(tf.memory()).toEqual(before);
    expect((await compute()).values).toEqual(low.values);
    tf.dispose([a, b]);
  } finally {
    for (const { dataId } of claimed) backend.disposeData(dataId);
  }
});

test('a size above 4 GiB is refused, for ops of TensorFlow.js too', () => {
  const [a, b] = [tf.ones<tf.Rank.R2>([70_000, 1]), tf.ones<tf.Rank.R2>([1, 70_000])];
  const before = tf.memory();
  expect(() => multiply(a, b)).toThrow('19600000000 bytes more do not fit into the WebAssembly memory');
  expect(() => tf.matMul(a, b)).toThrow('19600000000 bytes more do not fit into the WebAssembly memory');
  expect(tf.memory()).toEqual(before);
  tf.dispose([a, b]);
});
