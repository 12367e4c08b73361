/** Scaled dot-product attention of several heads over ragged rows (Vaswani et al., 2017). */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import { tensorOf, type Weight } from '../core/parameter.ts';
import type { Rng } from '../core/rng.ts';
import { checkNumber, expectShape } from '../core/shape.ts';
import { type Chunk, chunkMask, chunkMasks, chunkOf, chunksOf, forEachPair } from './attention-chunks.ts';
import { dropoutBits, dropoutLimits, dropoutRow } from './dropout.ts';
import { transposedProduct } from './product.ts';
import { sumRows } from './segment-sum.ts';
import { withGradient } from './with-gradient.ts';

export interface AttentionOptions {
  /** Where the rows of the queries belong. */
  queries: Layout;
  /** Where the rows of keys and values belong; its sequence b is what sequence b of the queries asks. @defaultValue queries */
  keys?: Layout | undefined;
  /** The number of heads; must divide the width. */
  heads: number;
  /** A query sees only the keys whose position is not above its own. @defaultValue false */
  causal?: boolean | undefined;
  /** `[1, P, P]` or `[heads, P, P]`: added to the score at [head, query position, key position]. */
  bias?: Weight | undefined;
  /** Dropout on the attention weights; its masks are those of {@link attentionDropoutBits}. */
  dropout?: { rate: number; rng: Rng | undefined } | undefined;
}

/**
 * For each query the mean of the values of its own sequence, weighted by the softmax over its keys of
 * query · key / √(D / heads) + bias. A query that sees no key gives 0, and so do rows past the layout's N.
 *
 * @param q `[queries.capacity, D]`
 * @param k `[keys.capacity, D]`
 * @param v `[keys.capacity, D]`
 * @returns `[queries.capacity, D]`
 */
export function attention(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, options: AttentionOptions): tf.Tensor2D {
  const plan = planOf(q, k, options);
  expectShape(v, k.shape, 'The values of attention');
  const { bias } = plan;
  return withGradient(
    bias ? [q, k, v, bias] : [q, k, v],
    (save) => {
      save(q, k, v, ...(bias ? [bias] : []));
      return forward(plan, q, k, v, bias);
    },
    (dy: tf.Tensor2D, q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, bias?: tf.Tensor3D) =>
      backward(plan, dy, q, k, v, bias),
  );
}

/**
 * The attention weights themselves, without dropout: for each sequence one tensor `[heads, Tq, Tk]`.
 *
 * @param q `[queries.capacity, D]`
 * @param k `[keys.capacity, D]`
 */
export function attentionWeights(
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  options: Omit<AttentionOptions, 'dropout'>,
): tf.Tensor3D[] {
  const plan = planOf(q, k, options);
  const { queries, keys, causal, heads } = plan;
  return tf.tidy(() => {
    const scores = scorer(plan, q, k, plan.bias);
    return Array.from({ length: queries.count }, (_, b) => {
      const chunk = chunkOf(queries, keys, b, b + 1);
      if (chunk.queries === 0 || chunk.keys === 0) return tf.zeros<tf.Rank.R3>([heads, chunk.queries, chunk.keys]);
      const mask = chunkMask(chunk, queries, keys, causal);
      const places = plan.bias && biasPlaces(plan, chunk);
      return tf.stack(range(heads).map((head) => maskedSoftmax(scores(chunk, head, places), mask))) as tf.Tensor3D;
    });
  });
}

/**
 * The 16 bits that decide on one attention weight: those of `dropout` for the rng forked by the head, in the row of the
 * query and the column of the key's position. The weight is kept if they are at least round(rate · 65536).
 *
 * @param sequence counts within the step: `queries.firstSequence` + the sequence in the layout
 */
export function attentionDropoutBits(
  rng: Rng,
  head: number,
  sequence: number,
  queryPosition: number,
  keyPosition: number,
): number {
  return dropoutBits(dropoutRow(rng.fork(head), sequence, queryPosition), keyPosition);
}

/** What forward and backward share; host values only. */
interface Plan {
  readonly queries: Layout;
  readonly keys: Layout;
  readonly heads: number;
  /** The width of one head. */
  readonly width: number;
  readonly causal: boolean;
  readonly bias: tf.Tensor3D | undefined;
  readonly dropout: { rate: number; heads: readonly Rng[] } | undefined;
  readonly chunks: readonly Chunk[];
}

/** Rows of one block: larger ones waste work on pairs of different sequences, smaller ones on calls. */
const CHUNK_ROWS = 128;

function planOf(q: tf.Tensor2D, k: tf.Tensor2D, options: AttentionOptions): Plan {
  const { queries, keys = queries, heads, causal = false, dropout } = options;
  const dim = q.shape[1];
  checkNumber('heads', heads, { min: 1, integer: true });
  if (dim % heads !== 0) throw new RangeError(`dim (${dim}) must be a multiple of heads (${heads}).`);
  if (keys.count !== queries.count) {
    throw new RangeError(
      `Queries and keys must have the same number of sequences, got ${queries.count} and ${keys.count}.`,
    );
  }
  expectShape(q, [queries.capacity, dim], 'The queries of attention');
  expectShape(k, [keys.capacity, dim], 'The keys of attention');
  const rate = checkNumber('The dropout rate', dropout?.rate ?? 0, { min: 0, below: 1 });
  const rng = rate > 0 ? dropout?.rng : undefined;
  return {
    queries,
    keys,
    heads,
    width: dim / heads,
    causal,
    bias: options.bias && checkBias(tensorOf<tf.Tensor>(options.bias), heads, queries, keys),
    dropout: rng && { rate, heads: range(heads).map((head) => rng.fork(head)) },
    chunks: chunksOf(queries, keys, CHUNK_ROWS),
  };
}

function checkBias(bias: tf.Tensor, heads: number, queries: Layout, keys: Layout): tf.Tensor3D {
  const positions = bias.shape[1] ?? 0;
  expectShape(bias, [bias.shape[0] === 1 ? 1 : heads, positions, positions], 'The bias of attention');
  for (const layout of [queries, keys]) {
    for (let row = 0; row < layout.rows; row++) {
      const position = layout.positions[row] as number;
      if (position >= positions) {
        throw new RangeError(
          `An attention bias for ${positions} positions cannot serve position ${position}: shorten the sequences.`,
        );
      }
    }
  }
  return bias as tf.Tensor3D;
}

function forward(
  plan: Plan,
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
      return tf.concat(heads, 1);
    }),
  );
  return stackRows(out, queries.capacity, q.shape[1]);
}

function backward(
  plan: Plan,
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
          dk: transposedProduct(scaled, ofQuery(q)),
          dv: transposedProduct(dropped ? tf.mul(weights, dropped) : weights, dOut),
          ds: tf.reshape(ds, [-1, 1]) as tf.Tensor2D,
        };
      });
      return {
        dq: tf.concat(
          heads.map(({ dq }) => dq),
          1,
        ),
        dk: tf.concat(
          heads.map(({ dk }) => dk),
          1,
        ),
        dv: tf.concat(
          heads.map(({ dv }) => dv),
          1,
        ),
        ds: bias ? heads.map(({ ds }) => ds) : [],
      };
    }),
  );
  return [
    stackRows(
      blocks.map(({ dq }) => dq),
      queries.capacity,
      dim,
    ),
    stackRows(
      blocks.map(({ dk }) => dk),
      keys.capacity,
      dim,
    ),
    stackRows(
      blocks.map(({ dv }) => dv),
      keys.capacity,
      dim,
    ),
    ...(bias
      ? [
          biasGradient(
            blocks.map(({ ds }) => ds).filter((ds) => ds.length > 0),
            allPlaces,
            bias.shape,
          ),
        ]
      : []),
  ];
}

/** Makes the scores `[queries, keys]` of one chunk and head: scaled products plus bias, not masked. */
function scorer(
  { width }: Plan,
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
function maskedSoftmax(scores: tf.Tensor2D, mask: tf.Tensor2D): tf.Tensor2D {
  const shifted = tf.add(scores, tf.mul(tf.sub(mask, 1), HIDDEN));
  const exponentials = tf.mul(tf.exp(tf.sub(shifted, tf.max(shifted, 1, true))), mask);
  // The largest visible score adds 1 to the sum, so only a row without a key is below 1.
  return tf.div(exponentials, tf.maximum(tf.sum(exponentials, 1, true), 1));
}

/** Beyond any score, and still finite when scores are added to it. */
const HIDDEN = 1e30;

/** What the weights of one chunk and head are multiplied by: 0 or 1 / (1 - rate). */
function dropoutChunk({ queries, keys, causal, dropout }: Plan, chunk: Chunk, head: number): tf.Tensor2D {
  const { rate, heads } = dropout as NonNullable<Plan['dropout']>;
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
function biasPlaces({ queries, keys, causal, bias }: Plan, chunk: Chunk): Int32Array {
  const positions = (bias as tf.Tensor3D).shape[1];
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

/** Blocks of rows one below the other, with rows of zeros up to `capacity`. */
function stackRows(blocks: readonly tf.Tensor2D[], capacity: number, dim: number): tf.Tensor2D {
  const rows = blocks.reduce((sum, block) => sum + block.shape[0], 0);
  const filled = blocks.filter((block) => block.shape[0] > 0);
  if (rows < capacity) filled.push(tf.zeros([capacity - rows, dim]));
  return filled.length > 0 ? tf.concat(filled) : tf.zeros([capacity, dim]);
}

function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
