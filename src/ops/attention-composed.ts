/** Attention composed of tfjs operations: block by block, with the scores recomputed in the backward pass. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import type { Rng } from '../core/rng.ts';
import { type Chunk, chunkMasks, forEachPair } from './attention-chunks.ts';
import { dropoutBits, dropoutLimits, dropoutRow } from './dropout.ts';
import { multiply } from './product.ts';
import { sumRows } from './segment-sum.ts';

/** One call of attention, checked. */
export interface AttentionPlan {
  readonly queries: Layout;
  readonly keys: Layout;
  readonly heads: number;
  /** The width of one head. */
  readonly width: number;
  readonly causal: boolean;
  /** P, if there is a bias. */
  readonly positions: number | undefined;
  /** With the rng of each head. */
  readonly dropout: { readonly rate: number; readonly heads: readonly Rng[] } | undefined;
  readonly chunks: readonly Chunk[];
}

/** `[queries.capacity, D]` */
export function composedAttention(
  plan: AttentionPlan,
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  bias: tf.Tensor3D | undefined,
): tf.Tensor2D {
  const { queries, keys, causal, chunks, width } = plan;
  const masks = chunkMasks(chunks, queries, keys, causal);
  const scores = scorer(plan, q, k, bias);
  const out = chunks.map((chunk, i) =>
    tf.tidy(() => {
      if (chunk.queries === 0 || chunk.keys === 0) return tf.zeros<tf.Rank.R2>([chunk.queries, q.shape[1]]);
      const places = bias && biasPlaces(plan, chunk);
      const heads = range(plan.heads).map((head) => {
        const weights = maskedSoftmax(scores(chunk, head, places), masks[i] as tf.Tensor2D);
        const dropped = plan.dropout ? tf.mul(weights, dropoutChunk(plan, chunk, head)) : weights;
        return tf.matMul(dropped, tf.slice(v, [chunk.key, head * width], [chunk.keys, width])) as tf.Tensor2D;
      });
      return joined(heads);
    }),
  );
  return stackRows(out, queries.capacity, q.shape[1]);
}

/** The gradients by q, k, v and, if there is one, the bias. */
export function composedAttentionGradients(
  plan: AttentionPlan,
  dy: tf.Tensor2D,
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  bias: tf.Tensor3D | undefined,
): tf.Tensor[] {
  const { queries, keys, causal, chunks, width } = plan;
  const dim = q.shape[1];
  const masks = chunkMasks(chunks, queries, keys, causal);
  const scores = scorer(plan, q, k, bias);
  const scale = 1 / Math.sqrt(width);
  const values = tf.transpose(v);
  const allPlaces: Int32Array[] = [];
  const blocks = chunks.map((chunk, i) =>
    tf.tidy(() => {
      if (chunk.queries === 0 || chunk.keys === 0) {
        const none: tf.Tensor2D = tf.zeros([chunk.keys, dim]);
        return { dq: tf.zeros<tf.Rank.R2>([chunk.queries, dim]), dk: none, dv: tf.clone(none), ds: [] };
      }
      const places = bias && biasPlaces(plan, chunk);
      if (places) allPlaces.push(places);
      const heads = range(plan.heads).map((head) => {
        const ofQuery = (x: tf.Tensor2D) => tf.slice(x, [chunk.query, head * width], [chunk.queries, width]);
        const weights = maskedSoftmax(scores(chunk, head, places), masks[i] as tf.Tensor2D);
        const dropped = plan.dropout && dropoutChunk(plan, chunk, head);
        const dOut = ofQuery(dy);
        const dDropped = tf.matMul(dOut, tf.slice(values, [head * width, chunk.key], [width, chunk.keys]));
        const dWeights = dropped ? tf.mul(dDropped, dropped) : dDropped;
        const along: tf.Tensor2D = tf.mul(weights, dWeights);
        const ds: tf.Tensor2D = tf.sub(along, tf.mul(weights, tf.sum(along, 1, true)));
        const scaled: tf.Tensor2D = tf.mul(ds, scale);
        return {
          dq: tf.matMul(scaled, tf.slice(k, [chunk.key, head * width], [chunk.keys, width])) as tf.Tensor2D,
          dk: multiply(scaled, ofQuery(q), { transposeA: true }),
          dv: multiply(dropped ? tf.mul(weights, dropped) : weights, dOut, { transposeA: true }),
          ds: tf.reshape(ds, [-1, 1]) as tf.Tensor2D,
        };
      });
      return {
        dq: joined(heads.map(({ dq }) => dq)),
        dk: joined(heads.map(({ dk }) => dk)),
        dv: joined(heads.map(({ dv }) => dv)),
        ds: bias ? heads.map(({ ds }) => ds) : [],
      };
    }),
  );
  const all = (gradient: 'dq' | 'dk' | 'dv') => blocks.map((block) => block[gradient]);
  const dScores = blocks.map(({ ds }) => ds).filter((ds) => ds.length > 0);
  return [
    stackRows(all('dq'), queries.capacity, dim),
    stackRows(all('dk'), keys.capacity, dim),
    stackRows(all('dv'), keys.capacity, dim),
    ...(bias ? [biasGradient(dScores, allPlaces, bias.shape)] : []),
  ];
}

/** Makes the scores `[queries, keys]` of one chunk and head: scaled products plus bias, not masked. */
export function scorer(
  { width }: AttentionPlan,
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  bias: tf.Tensor3D | undefined,
): (chunk: Chunk, head: number, places?: Int32Array) => tf.Tensor2D {
  const scaled = tf.mul(q, 1 / Math.sqrt(width));
  const transposed = tf.transpose(k);
  return (chunk, head, places) => {
    const scores = tf.matMul(
      tf.slice(scaled, [chunk.query, head * width], [chunk.queries, width]),
      tf.slice(transposed, [head * width, chunk.key], [width, chunk.keys]),
    ) as tf.Tensor2D;
    if (!bias || !places) return scores;
    const table = tf.reshape(tf.slice(bias, [bias.shape[0] === 1 ? 0 : head, 0, 0], [1, -1, -1]), [-1]);
    return tf.add(scores, tf.reshape(tf.gather(table, tf.tensor1d(places, 'int32')), scores.shape));
  };
}

/** The softmax over the keys that the mask leaves; a row without any is 0. */
export function maskedSoftmax(scores: tf.Tensor2D, mask: tf.Tensor2D): tf.Tensor2D {
  const shifted = tf.add(scores, tf.mul(tf.sub(mask, 1), HIDDEN));
  const exponentials = tf.mul(tf.exp(tf.sub(shifted, tf.max(shifted, 1, true))), mask);
  // The largest visible score adds 1 to the sum, so only a row without a key is below 1.
  return tf.div(exponentials, tf.maximum(tf.sum(exponentials, 1, true), 1));
}

/** Beyond any score, and still finite when scores are added to it. */
const HIDDEN = 1e30;

/** What the weights of one chunk and head are multiplied by: 0 or 1 / (1 - rate). */
function dropoutChunk({ queries, keys, causal, dropout }: AttentionPlan, chunk: Chunk, head: number): tf.Tensor2D {
  const { rate, heads } = dropout as NonNullable<AttentionPlan['dropout']>;
  const { threshold, scale } = dropoutLimits(rate);
  const mask = new Float32Array(chunk.queries * chunk.keys);
  let [row, hash] = [-1, 0];
  forEachPair(chunk, queries, keys, causal, (query, key) => {
    if (query !== row) {
      row = query;
      const sequence = queries.firstSequence + (queries.sequences[query] as number);
      hash = dropoutRow(heads[head] as Rng, sequence, queries.positions[query] as number);
    }
    if (dropoutBits(hash, keys.positions[key] as number) < threshold) return;
    mask[(query - chunk.query) * chunk.keys + key - chunk.key] = scale;
  });
  return tf.tensor2d(mask, [chunk.queries, chunk.keys]);
}

/** Where in one head's `[P, P]` table the bias of each pair stands; 0 for pairs that do not see each other. */
export function biasPlaces({ queries, keys, causal, positions = 0 }: AttentionPlan, chunk: Chunk): Int32Array {
  const places = new Int32Array(chunk.queries * chunk.keys);
  forEachPair(chunk, queries, keys, causal, (query, key) => {
    places[(query - chunk.query) * chunk.keys + key - chunk.key] =
      (queries.positions[query] as number) * positions + (keys.positions[key] as number);
  });
  return places;
}

/**
 * The gradient of the bias: the gradients of all scores, summed at their places. Scores of pairs that do not see each
 * other have a gradient of 0, so their place does not matter.
 *
 * @param ds for each chunk and head the gradients of the scores, `[pairs, 1]`
 */
function biasGradient(
  ds: readonly (readonly tf.Tensor2D[])[],
  places: readonly Int32Array[],
  [tables, positions]: readonly [number, number, number],
): tf.Tensor3D {
  if (ds.length === 0) return tf.zeros([tables, positions, positions]);
  const count = places.reduce((sum, part) => sum + part.length, 0);
  const all = new Int32Array(count);
  places.reduce((at, part) => {
    all.set(part, at);
    return at + part.length;
  }, 0);
  const heads = range((ds[0] as readonly tf.Tensor2D[]).length).map((head) =>
    tf.concat(ds.map((chunk) => chunk[head] as tf.Tensor2D)),
  );
  const summed = tables === 1 ? [heads.reduce((sum, head) => tf.add(sum, head))] : heads;
  const out = summed.map((head) => tf.reshape(sumRows(head, all, positions * positions), [1, positions, positions]));
  return tf.concat(out as tf.Tensor3D[]);
}

/** The heads' columns side by side. */
function joined(heads: readonly tf.Tensor2D[]): tf.Tensor2D {
  return tf.concat([...heads], 1);
}

/** Blocks of rows one below the other, with rows of zeros up to `capacity`. */
function stackRows(blocks: readonly tf.Tensor2D[], capacity: number, dim: number): tf.Tensor2D {
  const rows = blocks.reduce((sum, block) => sum + block.shape[0], 0);
  const filled = blocks.filter((block) => block.shape[0] > 0);
  if (rows < capacity) filled.push(tf.zeros([capacity - rows, dim]));
  return filled.length > 0 ? tf.concat(filled) : tf.zeros([capacity, dim]);
}

export function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
