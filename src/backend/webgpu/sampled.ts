/** Losses over sampled scores: the scores, the formulas, the gradients. */
import type * as tf from '@tensorflow/tfjs-core';
import {
  logistic,
  sampledBiasGradient,
  sampledRowGradient,
  sampledScores,
  sampledStateGradient,
  softmaxOverNegatives,
} from '../../kernels/webgpu/sampled.ts';
import type { TypedArray } from '../memory.ts';
import type { Gpu } from './gpu.ts';
import { groupsFor, type WebgpuKernel } from './kernel.ts';
import { sorted } from './rows.ts';

type Inputs<Names extends string> = { readonly [name in Names]: tf.TensorInfo };

export const sampledKernels: readonly WebgpuKernel[] = [
  {
    /** `rows` are those of the targets and then, state after state, of the negatives: scores of both. */
    name: 'SeqrecSampledScores',
    run({ inputs, attrs }, gpu) {
      const { states, table, rows, bias } = inputs as Inputs<'states' | 'table' | 'rows'> & { bias?: tf.TensorInfo };
      const { scale } = attrs as { scale: number };
      const { count, dim, width } = sizes(states, rows);
      const [positive, negative] = [gpu.output([count, 1]), gpu.output([count, width])];
      gpu.run(sampledScores, {
        inputs: { states, table, rows, bias },
        outputs: { positive, negative },
        numbers: { count, width, dim, scale },
        constants: { hasBias: bias !== undefined },
        groups: groupsFor(rows.shape[0] as number),
      });
      return [positive, negative];
    },
  },
  {
    /** The gradients by the states, by the rows (summed at `places`), and by the bias, if there is one. */
    name: 'SeqrecSampledGradients',
    run({ inputs, attrs }, gpu) {
      const { states, table, rows, places, positive, negative } = inputs as Inputs<
        'states' | 'table' | 'rows' | 'places' | 'positive' | 'negative'
      >;
      const { scale, placeCount, hasBias } = attrs as { scale: number; placeCount: number; hasBias: boolean };
      const { count, dim, width } = sizes(states, rows);
      const dStates = gpu.output([count, dim]);
      gpu.run(sampledStateGradient, {
        inputs: { table, rows, positive, negative },
        outputs: { dStates },
        numbers: { count, width, dim, scale },
        groups: groupsFor(count * dim),
      });
      const dRows = gpu.output([placeCount, dim]);
      bySegments(gpu, places, placeCount, (order, starts) => {
        const size = placeCount * dim;
        gpu.run(sampledRowGradient, {
          inputs: { states, positive, negative, order, starts },
          outputs: { dRows },
          numbers: { size, count, width, dim, scale },
          groups: groupsFor(size),
        });
      });
      if (!hasBias) return [dStates, dRows];
      const size = table.shape[0] as number;
      const dBias = gpu.output([size]);
      bySegments(gpu, rows, size, (order, starts) => {
        gpu.run(sampledBiasGradient, {
          inputs: { positive, negative, order, starts },
          outputs: { dBias },
          numbers: { size, count, width, scale },
          groups: groupsFor(size),
        });
      });
      return [dStates, dRows, dBias];
    },
  },
  {
    name: 'SeqrecLogistic',
    run({ inputs, attrs }, gpu) {
      const { positive, negative, betas, shares } = inputs as Inputs<'positive' | 'negative'> & {
        betas?: tf.TensorInfo;
        shares?: tf.TensorInfo;
      };
      const { beta, share } = attrs as { beta: number; share: number };
      const [count, width] = negative.shape as [number, number];
      const [loss, ofPositive, ofNegative] = slopes(gpu, positive, negative);
      gpu.run(logistic, {
        inputs: { positive, negative, betas, shares },
        outputs: { loss, ofPositive, ofNegative },
        numbers: { count, width, beta, share },
        constants: { hasBetas: betas !== undefined, hasShares: shares !== undefined },
        groups: count,
      });
      return [loss, ofPositive, ofNegative];
    },
  },
  {
    name: 'SeqrecSoftmaxOverNegatives',
    run({ inputs }, gpu) {
      const { positive, negative } = inputs as Inputs<'positive' | 'negative'>;
      const [count, width] = negative.shape as [number, number];
      const [loss, ofPositive, ofNegative] = slopes(gpu, positive, negative);
      gpu.run(softmaxOverNegatives, {
        inputs: { positive, negative },
        outputs: { loss, ofPositive, ofNegative },
        numbers: { count, width },
        groups: count,
      });
      return [loss, ofPositive, ofNegative];
    },
  },
];

function sizes(states: tf.TensorInfo, rows: tf.TensorInfo): { count: number; dim: number; width: number } {
  const [count, dim] = states.shape as [number, number];
  return { count, dim, width: (rows.shape[0] as number) / count - 1 };
}

/** Calls `run` with the elements of `segments` sorted by segment; they come from the host. */
function bySegments(
  gpu: Gpu,
  segments: tf.TensorInfo,
  count: number,
  run: (order: tf.TensorInfo, starts: tf.TensorInfo) => void,
): void {
  const [order, starts] = sorted(gpu.integers(segments) as TypedArray, count).map((values) => gpu.upload(values)) as [
    tf.TensorInfo,
    tf.TensorInfo,
  ];
  run(order, starts);
  gpu.dispose(order, starts);
}

/** The losses of the targets, and the slopes by their scores and by those of the negatives. */
function slopes(gpu: Gpu, positive: tf.TensorInfo, negative: tf.TensorInfo) {
  return [gpu.output(positive.shape), gpu.output(positive.shape), gpu.output(negative.shape)] as const;
}
