/**
 * The fused kernels one by one: `npm run bench -- kernels [--case PATTERN] [--rounds N]`. Matrix products against the
 * peak of 128-bit multiply-adds, everything against tfjs' own kernels in the same process.
 */
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs';
import {
  attention,
  gru,
  gruCell,
  Layout,
  layerNorm,
  linear,
  neighborSums,
  Rng,
  ready,
  softmaxCrossEntropy,
} from 'seqrec';
import { accelerateTensorFlow } from 'seqrec/wasm';
import { abab, digits, report, type Times, timed } from './abab.ts';
import { measureLoad } from './load.ts';
import { makePeak, type Peak } from './peak.ts';

interface Case {
  readonly name: string;
  /** Multiplications and additions of one call, where the line says how near they come to the peak. */
  readonly flops?: number;
  /** What runs without our kernels. @defaultValue the op's composed form */
  readonly rival?: string;
  /** Makes what a call needs, and returns the call. */
  prepare(): () => unknown;
  /** As `prepare`, for what it is compared with. @defaultValue the same call without our kernels */
  prepareRival?(): () => unknown;
}

export async function run(options: string[]): Promise<void> {
  const { values } = parseArgs({
    args: options,
    options: { case: { type: 'string', default: '' }, rounds: { type: 'string', default: '5' } },
  });
  await ready();
  const peak = await makePeak();
  if ('peak'.includes(values.case)) {
    const [free, loading, single] = (await inTurn([peak.free, peak.loading, peak.single])) as [Times, Times, Times];
    print({
      case: 'peak',
      relaxed: peak.relaxed,
      ...rates(peak.flops, free),
      loading: rates(peak.flops, loading),
      multiply_add_ns: digits((single.min / peak.links) * 1e6),
    });
  }
  if ('plain tf ops'.includes(values.case)) await plainOps(Number(values.rounds));
  if ('load'.includes(values.case)) print({ ...(await measureLoad(Number(values.rounds))) });
  for (const each of cases) {
    if (!each.name.includes(values.case)) continue;
    const call = each.prepare();
    const once = () => tf.tidy(() => void call());
    const other = each.prepareRival?.();
    const composed = timed(once);
    const against = other ? timed(() => tf.tidy(() => void other())) : () => withoutKernels(composed);
    const [ours, rival] = (await abab([timed(once), against], Number(values.rounds))) as [Times, Times];
    const speed = each.flops ? await ofPeak(each.flops, once, ours, peak) : {};
    report({ bench: 'kernels', case: each.name, rival: each.rival ?? 'composed', ...speed }, ours, rival);
  }
}

/** A step of attention written in plain `tf` ops, forward and backward: accelerated, and as TensorFlow.js ships it. */
async function plainOps(rounds: number): Promise<void> {
  const [batch, length, heads] = [32, 50, 2];
  const inputs = [1, 2, 3].map((seed) => normals([batch * length, dim], 1, seed));
  const split = (x: tf.Tensor) => tf.transpose(tf.reshape(x, [batch, length, heads, dim / heads]), [0, 2, 1, 3]);
  const mix = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor) => {
    const weights = tf.softmax(tf.matMul(split(q), split(k), false, true));
    return tf.sum(tf.square(tf.matMul(weights, split(v))));
  };
  const step = timed(() => tf.tidy(() => void tf.valueAndGrads(mix)(inputs)));
  const accelerated = async () => {
    const restore = await accelerateTensorFlow();
    try {
      return await step();
    } finally {
      restore();
    }
  };
  const [ours, rival] = (await abab([accelerated, step], rounds)) as [Times, Times];
  report({ bench: 'kernels', case: 'plain tf ops', rival: 'tfjs-wasm' }, ours, rival);
}

const dim = 64;
const items = 3401;
const rows = 6400;

const cases: readonly Case[] = [
  product('NN', [rows, dim], [dim, dim]),
  product('NT', [rows, dim], [dim, dim]),
  product('NT', [rows, dim], [items, dim]),
  product('NN', [rows, items], [items, dim]),
  product('TN', [rows, dim], [rows, dim]),
  attentionCase(50, 'forward'),
  attentionCase(50, 'forward+backward'),
  attentionCase(200, 'forward'),
  attentionCase(200, 'forward+backward'),
  crossEntropyCase(rows, items),
  crossEntropyCase(1600, 12_000),
  gruCase('forward'),
  gruCase('forward+backward'),
  raggedGruCase('forward'),
  raggedGruCase('forward+backward'),
  graphCase(),
  {
    name: `layer norm ${rows}x${dim} forward`,
    prepare() {
      const [x, weight, bias] = [normals([rows, dim]), normals1d(dim), normals1d(dim)];
      return () => layerNorm(x, weight, bias);
    },
  },
  {
    name: `layer norm ${rows}x${dim} forward+backward`,
    prepare() {
      const [x, weight, bias, dy] = [normals([rows, dim]), normals1d(dim), normals1d(dim), normals([rows, dim])];
      const norm = (x: tf.Tensor, w: tf.Tensor, b: tf.Tensor) =>
        layerNorm(x as tf.Tensor2D, w as tf.Tensor1D, b as tf.Tensor1D);
      return () => tf.grads(norm)([x, weight, bias], dy);
    },
  },
];

/** The product behind `linear` and its gradients. N: as it is, T: transposed. */
function product(kind: 'NN' | 'NT' | 'TN', a: readonly [number, number], b: readonly [number, number]): Case {
  const [transposeA, transposeB] = [kind[0] === 'T', kind[1] === 'T'];
  return {
    name: `product ${kind} ${a.join('x')} ${b.join('x')}`,
    flops: 2 * a[0] * a[1] * (transposeB ? b[0] : b[1]),
    rival: 'tfjs matMul',
    prepare() {
      const [left, right] = [normals(a), normals(b)];
      // The op that calls the kernel is not public by itself.
      return () =>
        tf.getKernel('SeqrecMatMul', 'wasm')
          ? tf.engine().runKernel('SeqrecMatMul', { a: left, b: right }, { transposeA, transposeB })
          : tf.matMul(left, right, transposeA, transposeB);
    },
  };
}

function crossEntropyCase(rows: number, items: number): Case {
  return {
    name: `cross-entropy ${rows}x${dim} of ${items} forward+backward`,
    flops: 3 * 2 * rows * dim * items,
    prepare() {
      const [x, table] = [normals([rows, dim]), normals([items, dim], 0.1)];
      const targets = Int32Array.from({ length: rows }, (_, i) => (i * 7) % items);
      return () => tf.grads((x, w) => softmaxCrossEntropy(x as tf.Tensor2D, w as tf.Tensor2D, targets))([x, table]);
    },
  };
}

function attentionCase(length: number, passes: 'forward' | 'forward+backward'): Case {
  const count = rows / 50;
  return {
    name: `attention ${count} sequences of ${length}, 2 heads, causal, ${passes}`,
    prepare() {
      const layout = new Layout(Int32Array.from({ length: count + 1 }, (_, b) => b * length));
      const [q, k, v, dy] = Array.from({ length: 4 }, (_, i) => normals([count * length, dim], 1, i)) as [
        tf.Tensor2D,
        tf.Tensor2D,
        tf.Tensor2D,
        tf.Tensor2D,
      ];
      const op = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor) =>
        attention(q as tf.Tensor2D, k as tf.Tensor2D, v as tf.Tensor2D, { queries: layout, heads: 2, causal: true });
      return passes === 'forward' ? () => op(q, k, v) : () => tf.grads(op)([q, k, v], dy);
    },
  };
}

/** 128 sequences of 20, as `nn.GRU`: with the projection of the inputs, and every gradient. */
function gruCase(passes: 'forward' | 'forward+backward'): Case {
  const [count, length, width] = [128, 20, 104];
  const product = 2 * count * length * width * 3 * width;
  return {
    name: `gru ${count} sequences of ${length}, width ${width}, ${passes}`,
    flops: (passes === 'forward' ? 2 : 6) * product,
    prepare: () => gruCall(new Array<number>(count).fill(length), width, passes),
  };
}

/** Sessions of very different lengths, mostly short, against as many of equal length with the same events. */
function raggedGruCase(passes: 'forward' | 'forward+backward'): Case {
  const [count, length, width] = [128, 20, 104];
  // Quantiles of an exponential distribution; what rounding took away goes to the shortest.
  const quantiles = Array.from({ length: count }, (_, b) => -length * Math.log(1 - (b + 0.5) / count));
  const rest = count * length - quantiles.reduce((sum, n) => sum + Math.floor(n), 0);
  const lengths = quantiles.map((n, b) => Math.floor(n) + Number(b < rest));
  return {
    name: `gru ${count} sequences of 1 to ${Math.max(...lengths)}, width ${width}, ${passes}`,
    rival: `as many events in ${count} sequences of ${length}`,
    prepare: () => gruCall(lengths, width, passes),
    prepareRival: () => gruCall(new Array<number>(count).fill(length), width, passes),
  };
}

function gruCall(lengths: readonly number[], width: number, passes: 'forward' | 'forward+backward'): () => unknown {
  const offsets = new Int32Array(lengths.length + 1);
  lengths.forEach((length, b) => {
    offsets[b + 1] = (offsets[b] as number) + length;
  });
  const layout = new Layout(offsets);
  const [x, dy] = [normals([layout.rows, width]), normals([layout.rows, width], 1, 1)];
  const [wIh, wHh] = [normals([3 * width, width], 0.1, 2), normals([3 * width, width], 0.1, 3)];
  const [bIh, bHh] = [normals1d(3 * width), normals1d(3 * width)];
  const op = (x: tf.Tensor, wIh: tf.Tensor, bIh: tf.Tensor, wHh: tf.Tensor, bHh: tf.Tensor) =>
    gru(linear(x as tf.Tensor2D, wIh, bIh), wHh, { layout, bias: bHh });
  return passes === 'forward' ? () => op(x, wIh, bIh, wHh, bHh) : () => tf.grads(op)([x, wIh, bIh, wHh, bHh], dy);
}

/** One layer of SR-GNN on paths of 8 nodes. */
function graphCase(): Case {
  const [nodes, width] = [1024, 100];
  return {
    name: `gated graph ${nodes} nodes, width ${width}, forward+backward`,
    flops: 3 * 2 * nodes * width * (2 + 6 + 3) * width,
    prepare() {
      const tails = Int32Array.from({ length: nodes }, (_, i) => i).filter((i) => i % 8 < 7);
      const heads = tails.map((i) => i + 1);
      const weights = new Float32Array(tails.length).fill(1);
      const edges = [
        { from: tails, to: heads, weights },
        { from: heads, to: tails, weights },
      ];
      const [x, dy] = [normals([nodes, width]), normals([nodes, width], 1, 1)];
      const all = [
        normals([2 * width, width], 0.1, 2),
        normals([3 * width, 2 * width], 0.1),
        normals([3 * width, width], 0.1),
      ];
      const op = (x: tf.Tensor, wEdges: tf.Tensor, wIh: tf.Tensor, wHh: tf.Tensor) =>
        gruCell(linear(neighborSums(linear(x as tf.Tensor2D, wEdges), edges), wIh), x as tf.Tensor2D, wHh);
      return () => tf.grads(op)([x, ...all], dy);
    },
  };
}

/** Kept: a case owns its inputs until the process ends. */
function normals(shape: readonly [number, number], std = 1, seed = 0): tf.Tensor2D {
  const values = new Rng(seed).normals(new Float32Array(shape[0] * shape[1]), 0, std);
  return tf.keep(tf.tensor2d(values, [...shape]));
}

function normals1d(length: number): tf.Tensor1D {
  return tf.keep(tf.tensor1d(new Rng(1).normals(new Float32Array(length))));
}

/** Runs `measure` as on a backend that has none of our fused kernels. */
async function withoutKernels<T>(measure: () => T | Promise<T>): Promise<T> {
  const ours = tf.getKernelsForBackend('wasm').filter(({ kernelName }) => kernelName.startsWith('Seqrec'));
  for (const { kernelName } of ours) tf.unregisterKernel(kernelName, 'wasm');
  try {
    return await measure();
  } finally {
    for (const kernel of ours) tf.registerKernel(kernel);
  }
}

/** What part of the peak a call reaches, of the chains on registers and of those that load, all in turns. */
async function ofPeak(flops: number, call: () => void, { median }: Times, peak: Peak): Promise<object> {
  const [ours, free, loading] = (await inTurn([call, peak.free, peak.loading], median)) as [Times, Times, Times];
  const part = (ms: number, of: number) => digits(flops / ms / (peak.flops / of));
  return {
    ...rates(flops, ours),
    of_peak: part(ours.median, free.median),
    max_of_peak: part(ours.min, free.min),
    of_loading: part(ours.median, loading.median),
  };
}

/** Many short rounds, of at least `ms` a candidate: another user of the core takes part of them, and as much of each. */
function inTurn(runs: readonly (() => void)[], ms = 0): Promise<Times[]> {
  const candidates = runs.map((run) => timed(run, ms));
  return abab(candidates, Math.max(5, Math.min(300, Math.floor(2000 / ms))));
}

/** 10^9 operations a second. */
function rates(flops: number, { median, min }: Times): { gflops: number; max_gflops: number } {
  return { gflops: digits(flops / (median * 1e6)), max_gflops: digits(flops / (min * 1e6)) };
}

function print(line: { readonly [key: string]: unknown }): void {
  const rounded = Object.entries(line).map(([key, value]) => [key, typeof value === 'number' ? digits(value) : value]);
  console.log(JSON.stringify({ bench: 'kernels', ...Object.fromEntries(rounded) }));
}
