/** Calls of the fused kernels with known results, made before any of them may compute for a model. */
import * as tf from '@tensorflow/tfjs-core';

/** One call. */
export interface KernelExample {
  readonly kernel: `Seqrec${string}`;
  readonly inputs: Readonly<Record<string, Values>>;
  readonly attributes: object;
  /** The {@link probe} of each output; of further ones nothing is expected. */
  readonly expected: readonly number[];
  /** The name under which the next example takes an output, by its index. */
  readonly passes?: Readonly<Record<string, number>>;
}

interface Values {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

/** How far a probe may be off, as a part of the sum of its terms' sizes. */
const TOLERANCE = 1e-4;

/**
 * Sizes that no vector divides, so that full tiles and edges both run. The results are those of the float64 references
 * (test/unit/backend/kernel-test); a kernel that is not registered is left out.
 */
export const EXAMPLES: readonly KernelExample[] = [
  {
    kernel: 'SeqrecMatMul',
    inputs: { a: wave([7, 5], 1), b: wave([11, 5], 2), bias: wave([11], 3) },
    attributes: { transposeA: false, transposeB: true },
    expected: [20.91406],
  },
  {
    kernel: 'SeqrecMatMul',
    inputs: { a: wave([7, 9], 1), b: wave([7, 5], 2) },
    attributes: { transposeA: true, transposeB: false },
    expected: [-6.125],
  },
  // On a GPU: a product by large tiles, and one whose sums are cut.
  {
    kernel: 'SeqrecMatMul',
    inputs: { a: wave([512, 3], 1), b: wave([3, 256], 2) },
    attributes: {},
    expected: [-58.94531],
  },
  {
    kernel: 'SeqrecMatMul',
    inputs: { a: wave([1030, 3], 1), b: wave([1030, 2], 2) },
    attributes: { transposeA: true },
    expected: [96.86719],
  },
  {
    kernel: 'SeqrecLinear',
    inputs: { x: wave([3, 5], 1), weight: wave([4, 5], 2), bias: wave([4], 3) },
    attributes: { activation: 'gelu', hasBias: true },
    passes: { kept: 1 },
    expected: [8.676752],
  },
  {
    kernel: 'SeqrecLinearGradients',
    inputs: { x: wave([3, 5], 1), weight: wave([4, 5], 2), dy: wave([3, 4], 4) },
    attributes: { activation: 'gelu', hasBias: true },
    expected: [3.014109, 4.37802, -0.7986545],
  },
  {
    kernel: 'SeqrecActivation',
    inputs: { x: wave([3, 7], 1) },
    attributes: { name: 'silu' },
    expected: [1.678828],
  },
  {
    kernel: 'SeqrecActivationGradient',
    inputs: { x: wave([3, 7], 1), dy: wave([3, 7], 2) },
    attributes: { name: 'silu' },
    expected: [11.9629],
  },
  {
    kernel: 'SeqrecDropout',
    inputs: {
      x: wave([4, 5], 1),
      plus: wave([4, 5], 2),
      sequences: { shape: [4], data: Int32Array.of(0, 0, 2, -1) },
      positions: { shape: [4], data: Int32Array.of(0, 1, 7, 0) },
    },
    attributes: { rows: 3, firstSequence: 4, key: [0x9123_4567, 0x89ab_cdef], threshold: 24_000, scale: 1.5 },
    expected: [24.8125],
  },
  {
    kernel: 'SeqrecTakeRows',
    inputs: { table: wave([5, 3], 1), rows: { shape: [3], data: Int32Array.of(4, 0, 4) }, plus: wave([3, 3], 2) },
    attributes: { scale: 0.5 },
    expected: [15.53125],
  },
  {
    kernel: 'SeqrecAdam',
    inputs: {
      value: wave([3, 5], 1),
      gradient: wave([3, 5], 2),
      m: wave([3, 5], 3),
      v: squares([3, 5], 4),
      max: squares([3, 5], 5),
    },
    attributes: { rate: 0.1, beta1: 0.9, beta2: 0.98, epsilon: 1e-3, l2: 0.1, shrink: 0.9 },
    expected: [6.345332, -3.42, -0.3397031, -4.347166],
  },
  {
    kernel: 'SeqrecSumOfSquares',
    inputs: { 0: wave([3, 5], 1), 1: wave([7], 2) },
    attributes: {},
    expected: [-36.71875],
  },
  {
    kernel: 'SeqrecLayerNorm',
    inputs: { x: wave([3, 7], 1), weight: wave([7], 2), bias: wave([7], 3) },
    attributes: { epsilon: 1e-5 },
    passes: { statistics: 1 },
    expected: [-23.36113],
  },
  {
    kernel: 'SeqrecLayerNormGradients',
    inputs: { x: wave([3, 7], 1), weight: wave([7], 2), dy: wave([3, 7], 3) },
    attributes: { epsilon: 1e-5 },
    expected: [-15.8445, -3.515215, -9.625],
  },
  {
    kernel: 'SeqrecRotatePairs',
    inputs: { x: wave([3, 12], 1), turns: wave([3, 6], 2) },
    attributes: { heads: 2, sign: -1 },
    expected: [-2.445313],
  },
  {
    kernel: 'SeqrecCrossEntropy',
    inputs: {
      states: wave([5, 6], 1),
      table: wave([11, 6], 2),
      bias: wave([11], 3),
      targets: { shape: [5], data: Int32Array.of(0, 10, 3, 3, 7) },
      weights: { shape: [5], data: Float32Array.of(1, 0.5, 0, 2, 1) },
    },
    attributes: { scale: 0.5, labelSmoothing: 0.1, wanted: true },
    expected: [-20.49358, 0.3902769, -3.603979, 6.784773],
  },
  {
    kernel: 'SeqrecSampledScores',
    inputs: { ...sampled(), bias: wave([6], 3) },
    attributes: { scale: 0.5 },
    expected: [5.335938, 7.765625],
  },
  {
    kernel: 'SeqrecSampledGradients',
    inputs: { ...sampled(), places: sampled().rows, positive: wave([3, 1], 4), negative: wave([3, 2], 5) },
    attributes: { scale: 0.5, placeCount: 6, hasBias: true },
    expected: [3.300781, 0.2734375, 0.21875],
  },
  {
    kernel: 'SeqrecLogistic',
    inputs: { positive: wave([3, 1], 4), negative: wave([3, 2], 5) },
    attributes: { beta: 0.5, share: 2 },
    expected: [4.267955, -1.239769, 5.752335],
  },
  {
    kernel: 'SeqrecSoftmaxOverNegatives',
    inputs: { positive: wave([3, 1], 4), negative: wave([3, 2], 5) },
    attributes: {},
    expected: [3.050932, -1.410461, 2.325343],
  },
  {
    kernel: 'SeqrecTopScores',
    inputs: catalogue(),
    attributes: { k: 3, scale: 0.5 },
    expected: [282, 6.210938],
  },
  {
    kernel: 'SeqrecTargetRanks',
    inputs: {
      ...catalogue(),
      targets: { shape: [3], data: Int32Array.of(3, 7, 250) },
      targetOffsets: { shape: [3], data: Int32Array.of(0, 2, 3) },
    },
    attributes: { scale: 0.5 },
    expected: [524],
  },
  {
    kernel: 'SeqrecAttention',
    inputs: { q: wave([6, 6], 1), k: wave([6, 6], 2), v: wave([6, 6], 3), ...layout() },
    attributes: attentionAttributes(),
    expected: [-7.094337],
  },
  {
    kernel: 'SeqrecAttentionGradients',
    inputs: { q: wave([6, 6], 1), k: wave([6, 6], 2), v: wave([6, 6], 3), dy: wave([6, 6], 4), ...layout() },
    attributes: attentionAttributes(),
    expected: [1.730383, -0.4640042, -11.22529],
  },
  {
    kernel: 'SeqrecPairProducts',
    inputs: { q: wave([6, 6], 1), k: wave([6, 6], 2), plus: wave([17, 1], 3), ...layout() },
    attributes: { heads: 2, causal: true, pairs: 17, longest: 4 },
    expected: [10.23438],
  },
  {
    kernel: 'SeqrecPairSums',
    inputs: { weights: wave([17, 2], 1), v: wave([6, 6], 2), ...layout() },
    attributes: { heads: 2, causal: true, longest: 4, ofKeys: true, rows: 5, capacity: 6 },
    expected: [-11.65625],
  },
  {
    kernel: 'SeqrecNormalizeRows',
    inputs: { x: wave([3, 7], 1) },
    attributes: { elu: true },
    passes: { y: 0, lengths: 1 },
    expected: [1.593552],
  },
  {
    kernel: 'SeqrecNormalizeRowsGradient',
    inputs: { dy: wave([3, 7], 2) },
    attributes: { elu: true },
    expected: [9.439534],
  },
  {
    kernel: 'SeqrecSoftmaxOverTime',
    inputs: { x: wave([6, 5], 1), offsets: { shape: [4], data: Int32Array.of(0, 1, 1, 5) } },
    attributes: { rows: 5 },
    expected: [3.983712],
  },
];

/** What is wrong with the registered kernels of the active backend; undefined if nothing is. */
export async function kernelProblem(): Promise<string | undefined> {
  const made: tf.Tensor[] = [];
  try {
    let passed: Record<string, tf.Tensor> = {};
    for (const example of EXAMPLES) {
      if (!tf.getKernel(example.kernel, tf.getBackend())) continue;
      const outputs = outputsOf(example, passed);
      made.push(...outputs);
      const problem = await difference(example, outputs);
      if (problem) return problem;
      const passes = Object.entries(example.passes ?? {});
      passed = Object.fromEntries(passes.map(([name, index]) => [name, outputs[index] as tf.Tensor]));
    }
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    tf.dispose(made);
  }
}

function outputsOf({ kernel, inputs, attributes }: KernelExample, passed: Record<string, tf.Tensor>): tf.Tensor[] {
  return tf.tidy(() => {
    const own = Object.entries(inputs).map(([name, { data, shape }]) => [name, tf.tensor(data, [...shape])]);
    const all = { ...Object.fromEntries(own), ...passed };
    const result: tf.Tensor | tf.Tensor[] = tf.engine().runKernel(kernel, all, { ...attributes });
    return Array.isArray(result) ? result : [result];
  });
}

async function difference({ kernel, expected }: KernelExample, outputs: tf.Tensor[]): Promise<string | undefined> {
  for (const [i, right] of expected.entries()) {
    const { sum, size } = probe(await (outputs[i] as tf.Tensor).data());
    if (!(Math.abs(sum - right) <= TOLERANCE * (1 + size))) return `${kernel}[${i}] should be ${right} and is ${sum}`;
  }
  return undefined;
}

/** All values in one number, each with a factor of its own. */
export function probe(values: ArrayLike<number>): { sum: number; size: number } {
  let [sum, size] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const term = (values[i] as number) * (((i * 5) % 7) - 2.5);
    sum += term;
    size += Math.abs(term);
  }
  return { sum, size };
}

/** Numbers that are neither symmetric nor round. */
function wave(shape: readonly number[], seed: number): Values {
  const count = shape.reduce((product, length) => product * length, 1);
  return {
    shape,
    data: Float32Array.from({ length: count }, (_, i) => (((i * i * 7 + i * 3 + seed * 5) % 23) - 11) / 8),
  };
}

function squares(shape: readonly number[], seed: number): Values {
  const { data } = wave(shape, seed);
  return { shape, data: (data as Float32Array).map((x) => x * x) };
}

/** Three states, each with a target and two negatives of six items. */
function sampled(): Readonly<Record<'states' | 'table' | 'rows', Values>> {
  const rows = { shape: [9], data: Int32Array.of(1, 5, 0, 2, 2, 3, 4, 5, 0) };
  return { states: wave([3, 4], 1), table: wave([6, 4], 2), rows };
}

/** Two states and 300 items, of which some are no candidates. */
function catalogue(): Readonly<Record<'states' | 'table' | 'bias' | 'excluded' | 'excludedOffsets', Values>> {
  return {
    states: wave([2, 4], 1),
    table: wave([300, 4], 2),
    bias: wave([300], 3),
    excluded: { shape: [3], data: Int32Array.of(4, 299, 5) },
    excludedOffsets: { shape: [3], data: Int32Array.of(0, 2, 3) },
  };
}

/** Sequences of 1, 0 and 4 rows, and one row more that belongs to none. */
function layout(): Readonly<Record<'queryOffsets' | 'queryStarts' | 'keyOffsets' | 'keyStarts', Values>> {
  const offsets = { shape: [4], data: Int32Array.of(0, 1, 1, 5) };
  const starts = { shape: [3], data: new Int32Array(3) };
  return { queryOffsets: offsets, queryStarts: starts, keyOffsets: offsets, keyStarts: starts };
}

function attentionAttributes(): object {
  return { heads: 2, causal: true, longest: 4, rows: [5, 5], firstSequence: 0, threshold: 0, scale: 1 };
}
