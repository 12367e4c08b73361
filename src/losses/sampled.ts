/** What all losses over a target and sampled negatives share. */
import * as tf from '@tensorflow/tfjs-core';
import { checkNumber } from '../core/shape.ts';
import { checkSampler, type Negatives, type Sampler } from '../data/negatives/sampler.ts';
import { type SampledScores, type SampledSlopes, sampledLoss } from '../ops/sampled-loss.ts';
import type { LossTargets, Output } from './loss.ts';

/** Options of every loss over negatives. */
export interface NegativesOptions {
  /** Negatives of each target. */
  negatives?: number | undefined;
  /** What draws them. */
  sampler?: Sampler | undefined;
}

/** The checked `negatives` of a loss. */
export function drawing(name: string, count: number, sampler: Sampler): { count: number; sampler: Sampler } {
  checkNumber(`${name}: negatives`, count, { min: 1, integer: true });
  checkSampler(`${name}: sampler`, sampler);
  return { count, sampler };
}

/** Scores of some targets and their negatives, as a formula sees them. */
export interface Scores extends SampledScores {
  readonly negatives: Negatives;
  /** `[c, K]` 1 where a negative counts and 0 where it does not; absent where all count. */
  readonly counts: tf.Tensor2D | undefined;
  /** The number of negatives that count, at least 1: `[c, 1]`, or a number where all do. */
  readonly counted: tf.Tensor2D | number;
}

/** `[c, K]` the softmax over the negatives that count: the weights of bprMax and top1Max. */
export function shareOfNegatives(negative: tf.Tensor2D, counts: tf.Tensor2D | undefined): tf.Tensor2D {
  const raised = tf.exp(tf.sub(negative, tf.max(negative, 1, true)));
  if (!counts) return tf.div(raised, tf.sum(raised, 1, true));
  const those = tf.mul(raised, counts);
  return tf.div(those, tf.maximum(tf.sum(those, 1, true), 1e-30)); // none may count
}

/**
 * The weighted sum of `formula` over the targets. A negative that does not count has the score -1e9, with which it
 * drops out of every sum of softplus, sigmoid or exp.
 *
 * @param maskHits whether a negative with the item of its target does not count; the target itself never does
 */
export function overNegatives(
  name: string,
  states: tf.Tensor2D,
  { weight, bias, scale }: Output,
  targets: LossTargets,
  formula: (scores: Scores) => SampledSlopes,
  { maskHits = false }: { maskHits?: boolean } = {},
): tf.Scalar {
  const { negatives } = targets;
  if (!negatives)
    throw new Error(`${name} compares targets with negatives: pass targets.negatives, drawn by its sampler.`);
  const { items, shared } = negatives;
  return sampledLoss(
    states,
    weight,
    { targets: targets.item, weights: targets.weight, negatives: items, shared },
    (scores) => {
      const hits = dropouts(scores, targets.item, negatives, maskHits);
      const dropped = withEasy(scores.negative, hits, negatives.hardest);
      if (!dropped) return formula({ ...scores, negatives, counts: undefined, counted: scores.negative.shape[1] });
      const counts = tf.sub(1, dropped) as tf.Tensor2D;
      const counted = tf.maximum(tf.sum(counts, 1, true), 1) as tf.Tensor2D;
      const negative = tf.sub(scores.negative, tf.mul(dropped, 1e9)) as tf.Tensor2D;
      return formula({ ...scores, negative, negatives, counts, counted });
    },
    { bias, scale },
  );
}

/** `dropped` and all but the `hardest` highest scores of each row. */
function withEasy(
  negative: tf.Tensor2D,
  dropped: tf.Tensor2D | undefined,
  hardest = Number.POSITIVE_INFINITY,
): tf.Tensor2D | undefined {
  if (hardest >= negative.shape[1]) return dropped;
  const scores = dropped ? tf.sub(negative, tf.mul(dropped, 1e9)) : negative;
  const least = tf.slice(tf.topk(scores, hardest).values, [0, hardest - 1], [-1, 1]);
  const easy = tf.step(tf.sub(least, scores)) as tf.Tensor2D;
  return dropped ? tf.maximum(easy, dropped) : easy;
}

/**
 * `[c, K]` 1 where a negative does not count; nothing if all count. Made on the host: comparisons of tfjs-wasm that
 * broadcast take longer than all the rest of a loss.
 */
function dropouts(
  { negative, from, to }: SampledScores,
  target: Int32Array,
  { items, shared, own }: Negatives,
  maskHits: boolean,
): tf.Tensor2D | undefined {
  if (!maskHits && !own) return undefined;
  const [rows, width] = negative.shape;
  const dropped = new Float32Array(rows * width);
  for (let m = from; m < to; m++) {
    const at = (m - from) * width;
    const place = own?.[m] ?? -1;
    if (place >= 0) dropped[at + place] = 1;
    if (!maskHits) continue;
    const drawn = shared ? 0 : m * width;
    const hit = target[m];
    for (let k = 0; k < width; k++) if (items[drawn + k] === hit) dropped[at + k] = 1;
  }
  return tf.tensor2d(dropped, [rows, width]);
}
