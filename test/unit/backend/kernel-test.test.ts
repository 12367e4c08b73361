/** The self-test of the fused kernels: its numbers are right, and a wrong kernel is found. */
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { EXAMPLES, type KernelExample, kernelProblem, probe } from '../../../src/backend/kernel-test.ts';
import { registerKernels } from '../../../src/backend/kernels.ts';
import { Layout } from '../../../src/core/layout.ts';
import * as reference from '../../reference/attention.ts';
import { centralDifference } from '../../reference/central-difference.ts';
import { crossEntropy } from '../../reference/cross-entropy.ts';
import { layerNorm } from '../../reference/layer-norm.ts';
import { linear, product } from '../../reference/linear.ts';
import { normalizeRows } from '../../reference/normalize-rows.ts';
import * as pairs from '../../reference/pairs.ts';
import { softmaxOverTime } from '../../reference/softmax-over-time.ts';

beforeAll(async () => {
  vi.stubEnv('SEQREC_KERNELS', '');
  await tf.setBackend('wasm');
  expect(await registerKernels('wasm')).toEqual({ kernels: 'relaxed SIMD' });
});
afterEach(() => vi.restoreAllMocks());

type Arrays = Readonly<Record<string, Float64Array>>;

/** The outputs of each example by the float64 references; gradients by central differences of `Σ dy · y`. */
const references: Readonly<Record<string, (arrays: Arrays, example: KernelExample) => Float64Array[]>> = {
  SeqrecMatMul({ a, b, bias }: Arrays, { inputs, attributes }) {
    if (bias) return [linear(a!, b!, bias, inputs.a!.shape[1]!)];
    expect(attributes).toMatchObject({ transposeA: true });
    const [k, m] = inputs.a!.shape as [number, number];
    const transposed = new Float64Array(a!.length).map((_, i) => a![(i % k) * m + Math.floor(i / k)]!);
    return [product(transposed, b!, [m, k, inputs.b!.shape[1]!])];
  },
  SeqrecLayerNorm: ({ x, weight, bias }: Arrays) => [layerNorm(x!, weight!, bias!, 1e-5)],
  SeqrecLayerNormGradients({ x, weight, dy }: Arrays) {
    const bias = new Float64Array(weight!.length);
    return differences([x!, weight!, bias], dy!, () => layerNorm(x!, weight!, bias, 1e-5));
  },
  SeqrecRotatePairs({ x, turns }: Arrays) {
    const turned = x!.map((value, i) => {
      const at = 6 * Math.floor(i / 12) + ((i % 6) & ~1);
      const [sin, cos] = [-turns![at]!, turns![at + 1]!];
      return value * cos + (i % 2 ? 1 : -1) * x![i ^ 1]! * sin;
    });
    return [turned];
  },
  SeqrecCrossEntropy({ states, table, bias, weights }: Arrays, { inputs }) {
    const it = {
      targets: inputs.targets!.data as Int32Array,
      weights: Float32Array.from(weights!),
      scale: 0.5,
      labelSmoothing: 0.1,
    };
    const loss = () => Float64Array.of(crossEntropy(states!, table!, bias!, it));
    return [loss(), ...differences([states!, table!, bias!], Float64Array.of(1), loss)];
  },
  SeqrecAttention: ({ q, k, v }: Arrays, example) => [attention(q!, k!, v!, example)],
  SeqrecPairProducts: ({ q, k, plus }: Arrays, example) => [pairs.pairProducts(q!, k!, pairsOf(example), plus)],
  SeqrecPairSums({ weights, v }: Arrays, example) {
    // The sums of the keys are the gradient by the values of the sums of the queries.
    const [values, dy] = [new Float64Array(v!.length), v!];
    return differences([values], dy, () => pairs.pairSums(weights!, values, pairsOf(example)));
  },
  SeqrecNormalizeRows: ({ x }: Arrays) => [normalizeElus(x!)],
  SeqrecNormalizeRowsGradient({ dy }: Arrays) {
    const x = Float64Array.from(EXAMPLES.find(({ kernel }) => kernel === 'SeqrecNormalizeRows')!.inputs.x!.data);
    return differences([x], dy!, () => normalizeElus(x));
  },
  SeqrecSoftmaxOverTime: ({ x }: Arrays, { inputs }) => [
    softmaxOverTime(x!, new Layout(inputs.offsets!.data as Int32Array, { capacity: 6 })),
  ],
  SeqrecAttentionGradients: ({ q, k, v, dy }: Arrays, example) =>
    differences([q!, k!, v!], dy!, () => attention(q!, k!, v!, example)),
};

function attention(q: Float64Array, k: Float64Array, v: Float64Array, { inputs }: KernelExample): Float64Array {
  const offsets = inputs.queryOffsets!.data as Int32Array;
  const rows = { offsets, starts: new Int32Array(3), capacity: 6 };
  return reference.attention(q, k, v, { queries: rows, keys: rows, heads: 2, width: 6, causal: true });
}

function pairsOf({ inputs }: KernelExample): pairs.Pairs {
  const rows = new Layout(inputs.queryOffsets!.data as Int32Array, { capacity: 6 });
  return { queries: rows, keys: rows, heads: 2, width: 6, causal: true };
}

function normalizeElus(x: Float64Array): Float64Array {
  return normalizeRows(
    x.map((value) => (value > 0 ? value : Math.expm1(value))),
    7,
  );
}

function differences(inputs: Float64Array[], dy: Float64Array, f: () => Float64Array): Float64Array[] {
  const dot = () => f().reduce((sum, y, i) => sum + y * dy[i]!, 0);
  return inputs.map((x) => centralDifference(dot, x));
}

test.each(EXAMPLES.map((example, i) => ({ name: `${example.kernel} (${i})`, example })))(
  '$name has the numbers of an independent calculation',
  ({ example }) => {
    const arrays = Object.fromEntries(
      Object.entries(example.inputs).map(([name, { data }]) => [name, Float64Array.from(data)]),
    );
    const found = references[example.kernel]!(arrays, example).map((values) => probe(values).sum);
    expect(found.map((value) => Number(value.toPrecision(7)))).toEqual(example.expected);
  },
);

test('finds nothing wrong, and leaves no tensor', async () => {
  const before = tf.memory().numTensors;
  expect(await kernelProblem()).toBeUndefined();
  expect(tf.memory().numTensors).toBe(before);
});

test('a kernel with wrong results is taken away with all others, once with a warning', async () => {
  const warn = vi.spyOn(console, 'warn').mockReturnValue();
  const kernel = tf.getKernel('SeqrecLayerNorm', 'wasm');
  tf.unregisterKernel('SeqrecLayerNorm', 'wasm');
  tf.registerKernel({ ...kernel, kernelFunc: () => [tf.zeros([3, 7]), tf.zeros([1, 12])] });
  vi.resetModules();
  const fresh = await import('../../../src/backend/kernels.ts');
  const { kernels } = await fresh.registerKernels('wasm');
  expect(kernels).toMatch(/^none: the self-test failed: SeqrecLayerNorm\[0\] should be -?[\d.]+ and is 0$/);
  await fresh.registerKernels('wasm');
  expect(warn).toHaveBeenCalledOnce();
  expect(tf.getKernelsForBackend('wasm').filter(({ kernelName }) => kernelName.startsWith('Seqrec'))).toEqual([]);
});
