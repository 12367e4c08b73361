/** Losses over sampled scores: the scores, the formulas, the gradients. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Wasm, WasmKernel } from '../wasm-kernels.ts';

interface Functions {
  sampledScores(
    states: number,
    table: number,
    bias: number,
    rows: number,
    count: number,
    width: number,
    dim: number,
    scale: number,
    positive: number,
    negative: number,
  ): void;
  sampledGradients(
    states: number,
    table: number,
    rows: number,
    places: number,
    positive: number,
    negative: number,
    count: number,
    width: number,
    dim: number,
    scale: number,
    dStates: number,
    dRows: number,
    placeCount: number,
    dBias: number,
    items: number,
  ): void;
  logistic(
    positive: number,
    negative: number,
    count: number,
    width: number,
    betas: number,
    beta: number,
    shares: number,
    share: number,
    ...to: Slopes
  ): void;
  softmaxOverNegatives(positive: number, negative: number, count: number, width: number, ...to: Slopes): void;
}

type Slopes = [loss: number, positive: number, negative: number];
type Inputs<Names extends string> = { readonly [name in Names]: tf.TensorInfo };

export const sampledKernels: readonly WasmKernel[] = [
  {
    /** `rows` are those of the targets and then, state after state, of the negatives: scores of both. */
    name: 'SeqrecSampledScores',
    run({ inputs, attrs }, wasm) {
      const { states, table, rows, bias } = inputs as Inputs<'states' | 'table' | 'rows'> & { bias?: tf.TensorInfo };
      const { scale } = attrs as { scale: number };
      const { count, dim, width } = sizes(states, rows);
      const out = [wasm.output([count, 1]), wasm.output([count, width])] as const;
      wasm
        .functions<Functions>()
        .sampledScores(
          wasm.address(states),
          wasm.address(table),
          bias ? wasm.address(bias) : 0,
          wasm.indices(rows),
          count,
          width,
          dim,
          scale,
          wasm.address(out[0]),
          wasm.address(out[1]),
        );
      return [...out];
    },
  },
  {
    /** The gradients by the states, by the rows (summed at `places`), and by the bias, if there is one. */
    name: 'SeqrecSampledGradients',
    run({ inputs, attrs }, wasm) {
      const { states, table, rows, places, positive, negative } = inputs as Inputs<
        'states' | 'table' | 'rows' | 'places' | 'positive' | 'negative'
      >;
      const { scale, placeCount, hasBias } = attrs as { scale: number; placeCount: number; hasBias: boolean };
      const { count, dim, width } = sizes(states, rows);
      const items = table.shape[0] as number;
      const dStates = wasm.output([count, dim]);
      const dRows = wasm.output([placeCount, dim]);
      const dBias = hasBias ? wasm.output([items]) : undefined;
      wasm
        .functions<Functions>()
        .sampledGradients(
          wasm.address(states),
          wasm.address(table),
          wasm.indices(rows),
          wasm.indices(places),
          wasm.address(positive),
          wasm.address(negative),
          count,
          width,
          dim,
          scale,
          wasm.address(dStates),
          wasm.address(dRows),
          placeCount,
          dBias ? wasm.address(dBias) : 0,
          items,
        );
      return [dStates, dRows, ...(dBias ? [dBias] : [])];
    },
  },
  {
    name: 'SeqrecLogistic',
    run({ inputs, attrs }, wasm) {
      const { positive, negative, betas, shares } = inputs as Inputs<'positive' | 'negative'> & {
        betas?: tf.TensorInfo;
        shares?: tf.TensorInfo;
      };
      const { beta, share } = attrs as { beta: number; share: number };
      const [count, width] = negative.shape as [number, number];
      const out = slopes(positive, negative, wasm);
      const [p, n] = [wasm.address(positive), wasm.address(negative)];
      const [b, s] = [betas ? wasm.address(betas) : 0, shares ? wasm.address(shares) : 0];
      const to = out.map(wasm.address) as Slopes;
      wasm.functions<Functions>().logistic(p, n, count, width, b, beta, s, share, ...to);
      return out;
    },
  },
  {
    name: 'SeqrecSoftmaxOverNegatives',
    run({ inputs }, wasm) {
      const { positive, negative } = inputs as Inputs<'positive' | 'negative'>;
      const [count, width] = negative.shape as [number, number];
      const out = slopes(positive, negative, wasm);
      const [p, n] = [wasm.address(positive), wasm.address(negative)];
      wasm.functions<Functions>().softmaxOverNegatives(p, n, count, width, ...(out.map(wasm.address) as Slopes));
      return out;
    },
  },
];

function sizes(states: tf.TensorInfo, rows: tf.TensorInfo): { count: number; dim: number; width: number } {
  const [count, dim] = states.shape as [number, number];
  return { count, dim, width: (rows.shape[0] as number) / count - 1 };
}

/** The losses of the targets, and the slopes by their scores and by those of the negatives. */
function slopes(positive: tf.TensorInfo, negative: tf.TensorInfo, { output }: Wasm): tf.TensorInfo[] {
  return [output(positive.shape), output(positive.shape), output(negative.shape)];
}
