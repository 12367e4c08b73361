/** The self-test of the fused kernels: its numbers are right, and a wrong kernel is found. */
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { EXAMPLES, type KernelExample, kernelProblem, probe } from '../../../src/backend/kernel-test.ts';
import { registerKernels } from '../../../src/backend/kernels.ts';

import { Layout } from '../../../src/core/layout.ts';

import { gelu, silu, softplus } from '../../reference/activations.ts';

import * as reference from '../../reference/attention.ts';
import { centralDifference } from '../../reference/central-difference.ts';
import { crossEntropy } from '../../reference/cross-entropy.ts';
import { dropoutBits } from '../../reference/dropout.ts';
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
    const [rows, columns] = inputs.a!.shape as [number, number];
    const m = inputs.b!.shape[1]!;
    if (!('transposeA' in attributes) || !attributes.transposeA) return [product(a!, b!, [rows, columns, m])];
    const transposed = new Float64Array(a!.length).map((_, i) => a![(i % rows) * columns + Math.floor(i / rows)]!);
    return [product(transposed, b!, [columns, rows, m])];
  },
  SeqrecLinear: ({ x, weight, bias }: Arrays) => [linear(x!, weight!, bias, 5).map(gelu)],
  SeqrecLinearGradients({ x, weight, dy }: Arrays) {
    // The bias that the example before it had: the kernel gets what the activation was applied to.
    const bias = Float64Array.from(EXAMPLES.find(({ kernel }) => kernel === 'SeqrecLinear')!.inputs.bias!.data);
    return differences([x!, weight!, bias], dy!, () => linear(x!, weight!, bias, 5).map(gelu));
  },
  SeqrecActivation: ({ x }: Arrays) => [x!.map(silu)],
  SeqrecActivationGradient: ({ x, dy }: Arrays) => differences([x!], dy!, () => x!.map(silu)),
  SeqrecDropout({ x, plus, sequences, positions }: Arrays, { attributes }) {
    const { key, threshold, scale } = attributes as { key: [number, number]; threshold: number; scale: number };
    const kept = (i: number) => {
      const row = Math.floor(i / 5);
      return row < 3 && dropoutBits(key, 4 + sequences![row]!, positions![row]!, i % 5) >= threshold;
    };
    return [x!.map((value, i) => (kept(i) ? value * scale : 0) + plus![i]!)];
  },
  SeqrecTakeRows: ({ table, rows, plus }: Arrays) => [
    plus!.map((value, i) => value + 0.5 * table![3 * rows![Math.floor(i / 3)]! + (i % 3)]!),
  ],
  SeqrecAdam({ value, gradient, m, v, max }: Arrays) {
    const g = gradient!.map((x, i) => x + 0.1 * value![i]!);
    const newM = m!.map((x, i) => 0.9 * x + 0.1 * g[i]!);
    const newV = v!.map((x, i) => 0.98 * x + 0.02 * g[i]! ** 2);
    const newMax = max!.map((x, i) => Math.max(x, newV[i]!));
    const moved = value!.map((x, i) => 0.9 * x - (0.1 * newM[i]!) / (Math.sqrt(newMax[i]!) + 1e-3));
    return [moved, newM, newV, newMax];
  },
  SeqrecSumOfSquares: (arrays: Arrays) => [
    Float64Array.of(
      Object.values(arrays)
        .flatMap((x) => [...x])
        .reduce((sum, x) => sum + x * x, 0),
    ),
  ],
  SeqrecSampledScores: ({ states, table, rows, bias }: Arrays) => sampledScores(states!, table!, rows!, bias!),
  SeqrecSampledGradients({ states, table, rows, positive, negative }: Arrays) {
    const bias = new Float64Array(6);
    const scores = () => Float64Array.from(sampledScores(states!, table!, rows!, bias).flatMap((x) => [...x]));
    return differences([states!, table!, bias], Float64Array.of(...positive!, ...negative!), scores);
  },
  SeqrecLogistic: ({ positive, negative }: Arrays) =>
    slopes(positive!, negative!, (p, n) => 2 * (0.5 * softplus(-p) + n.reduce((sum, x) => sum + softplus(x), 0))),
  SeqrecSoftmaxOverNegatives: ({ positive, negative }: Arrays) =>
    slopes(positive!, negative!, (p, n) => Math.log([p, ...n].reduce((sum, x) => sum + Math.exp(x), 0)) - p),
  SeqrecTopScores(arrays: Arrays) {
    const best = [0, 1].map((b) =>
      candidates(arrays, b)
        .sort((x, y) => y.score - x.score || x.item - y.item)
        .slice(0, 3),
    );
    return [best.flat().map(({ item }) => item), best.flat().map(({ score }) => score)].map((x) =>
      Float64Array.from(x),
    );
  },
  SeqrecTargetRanks(arrays: Arrays) {
    const ranks = [3, 7, 250].map((target, i) => {
      const all = candidates(arrays, Number(i === 2));
      const own = all.find(({ item }) => item === target)!.score;
      return all.filter(({ score }) => score >= own).length;
    });
    return [Float64Array.from(ranks)];
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

/** Of three states, each with a target and two negatives. */
function sampledScores(states: Float64Array, table: Float64Array, rows: Float64Array, bias: Float64Array) {
  const score = (state: number, row: number) =>
    0.5 * ([0, 1, 2, 3].reduce((sum, d) => sum + states[4 * state + d]! * table[4 * row + d]!, 0) + bias[row]!);
  const all = Float64Array.from(rows, (row, i) => score(i < 3 ? i : Math.floor((i - 3) / 2), row));
  return [all.subarray(0, 3), all.subarray(3)];
}

/** A loss of three targets with two negatives each, and its derivatives. */
function slopes(positive: Float64Array, negative: Float64Array, loss: (p: number, n: Float64Array) => number) {
  const losses = () => positive.map((p, i) => loss(p, negative.subarray(2 * i, 2 * i + 2)));
  return [losses(), ...differences([positive, negative], new Float64Array(3).fill(1), losses)];
}

/** The scores of the items that state b may be given. */
function candidates({ states, table, bias, excluded, excludedOffsets }: Arrays, b: number) {
  const without = excluded!.subarray(excludedOffsets![b], excludedOffsets![b + 1]);
  return Array.from(bias!, (own, item) => ({
    item,
    score: 0.5 * ([0, 1, 2, 3].reduce((sum, d) => sum + states![4 * b + d]! * table![4 * item + d]!, 0) + own),
  })).filter(({ item }) => !without.includes(item));
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
