/** One table for every block: shape, size, gradients, what a row reads, memory. A new block is a new row. */
import * as tf from '@tensorflow/tfjs-core';
import {
  AttentionPooling,
  added,
  allPositions,
  BSARecBlock,
  type Continued,
  constrainedEmbedding,
  continuousTime,
  denseOutput,
  Embedding,
  eachPosition,
  equalWeights,
  FeatureEmbedding,
  FeedForward,
  FrequencyFilter,
  feedForward,
  GatedGraph,
  GRU,
  gatherRows,
  HorizontalConvolution,
  HSTUBlock,
  initializeMatrices,
  LayerNorm,
  Layout,
  LightSANsAttention,
  LightSANsBlock,
  LigrBlock,
  Linear,
  LinearAttention,
  LinRecBlock,
  learnedFromEnd,
  learnedFromStart,
  ligrBlock,
  linear,
  linrecBlock,
  MaskableEmbedding,
  MLP,
  type Module,
  MultiHeadAttention,
  noPositions,
  normal,
  type OutputHead,
  oneHotEmbedding,
  type PositionBlock,
  Ragged,
  Rng,
  recency,
  relativeBias,
  relativePositions,
  relativeTimes,
  rotary,
  SASRecBlock,
  type ScoreHead,
  type SequenceBlock,
  SwiGLU,
  sasrecBlock,
  separateEmbedding,
  sessionGraph,
  sinusoidal,
  summed,
  TransformerBlock,
  timeBuckets,
  transformerBlock,
  transformerWeights,
  VerticalConvolution,
} from 'seqrec';
import { beforeAll, describe, expect, test } from 'vitest';
import { backends, use } from '../support/backends.ts';

interface Row<M extends Module> {
  block: () => M;
  forward(block: M, x: tf.Tensor2D, layout: Layout, rng?: Rng): tf.Tensor;
  /** Output width for an input of width 4. */
  width: number;
  /** Trainable values. */
  parameters: number;
  /** What a row's output depends on, besides its position. */
  reads: 'nothing' | 'self' | 'past' | 'all';
  /** Whether it has dropout when given an rng. */
  drops?: boolean;
  /** Parameters besides key biases whose gradient is zero by mathematics. */
  idle?: RegExp;
}

const row = <M extends Module>(row: Row<M>) => row as unknown as Row<Module>;
const width = { dim: 4, heads: 2 };
const size = { ...width, dropout: 0.5, causal: true };

/** A softmax over the rows that receive does not see what all queries have in common. */
const RECEIVED = /(query|positionQuery)\.bias$/;

const table: Record<string, Row<Module>> = {
  Linear: row({
    block: () => new Linear(4, 6),
    forward: (b, x) => b.forward(x),
    width: 6,
    parameters: 30,
    reads: 'self',
  }),
  'Linear without bias': row({
    block: () => new Linear(4, 6, { bias: false }),
    forward: (b, x) => b.forward(x),
    width: 6,
    parameters: 24,
    reads: 'self',
  }),
  LayerNorm: row({
    block: () => new LayerNorm(4),
    forward: (b, x) => b.forward(x),
    width: 4,
    parameters: 8,
    reads: 'self',
  }),
  Embedding: row({
    block: () => new Embedding(7, 4),
    forward: (b, _x, layout) => b.forward(layout.pad(Int32Array.from(layout.positions.subarray(0, layout.rows)))),
    width: 4,
    parameters: 28,
    reads: 'nothing',
  }),
  MaskableEmbedding: row({
    block: () => new MaskableEmbedding(6, 4),
    forward: (b, _x, layout) =>
      b.forward(layout.pad(Int32Array.from(layout.positions.subarray(0, layout.rows), (p) => (p === 1 ? 6 : p))), {
        scale: 2,
      }),
    width: 4,
    parameters: 28,
    reads: 'nothing',
  }),
  denseOutput: row({
    block: () =>
      denseOutput().create({ items: new Embedding(3, 4), count: 3, dim: 4 }) as OutputHead & Required<OutputHead>,
    forward: (b, x) => linear((b as Required<OutputHead>).transform(x), b.output().weight, b.output().bias),
    width: 3,
    parameters: 43,
    reads: 'self',
  }),
  MultiHeadAttention: row({
    block: () => new MultiHeadAttention({ dim: 4, heads: 2, dropout: 0.5 }),
    forward: (b, x, queries, rng) => b.forward(x, x, x, { queries, causal: true, rng }),
    width: 4,
    parameters: 80,
    reads: 'past',
    drops: true,
  }),
  'MultiHeadAttention, all, without bias and output': row({
    block: () => new MultiHeadAttention({ dim: 4, heads: 1, bias: false, outputProjection: false }),
    forward: (b, x, queries) => b.forward(x, x, x, { queries }),
    width: 4,
    parameters: 48,
    reads: 'all',
  }),
  'MultiHeadAttention with a relative bias': row({
    block: () => new MultiHeadAttention({ dim: 4, heads: 2, positions: relativeBias({ maxDistance: 2 }) }),
    forward: (b, x, queries) => b.forward(x, x, x, { queries }),
    width: 4,
    parameters: 90,
    reads: 'all',
  }),
  'MultiHeadAttention with rotary positions': row({
    block: () => new MultiHeadAttention({ dim: 4, heads: 1, positions: rotary() }),
    forward: (b, x, queries) => b.forward(x, x, x, { queries, causal: true }),
    width: 4,
    parameters: 80,
    reads: 'past',
  }),
  FeedForward: row({
    block: () => new FeedForward({ dim: 4, dropout: 0.5 }),
    forward: (b, x, layout, rng) => b.forward(x, layout, rng),
    width: 4,
    parameters: 148,
    reads: 'self',
    drops: true,
  }),
  'FeedForward without biases': row({
    block: () => new FeedForward({ dim: 4, hidden: 5, bias: false, dropout: 0.5 }),
    forward: (b, x, layout, rng) => b.forward(x, layout, rng),
    width: 4,
    parameters: 40,
    reads: 'self',
    drops: true,
  }),
  SwiGLU: row({
    block: () => new SwiGLU({ dim: 4, dropout: 0.5 }),
    forward: (b, x, layout, rng) => b.forward(x, layout, rng),
    width: 4,
    parameters: 192,
    reads: 'self',
    drops: true,
  }),
  LigrBlock: row({
    block: () => new LigrBlock({ ...size }),
    forward: (b, x, layout, rng) => b.forward(x, layout, rng),
    width: 4,
    parameters: 328,
    reads: 'past',
    drops: true,
  }),
  'ligrBlock, normalized gates, plain feed-forward, bidirectional': row({
    block: () =>
      ligrBlock({ gate: 'normalized', feedForward: feedForward({ hidden: 3 }) }).create({ ...size, causal: false }),
    forward: (b, x, layout, rng) => b.forward(x, layout, rng),
    width: 4,
    parameters: 167,
    reads: 'all',
    drops: true,
  }),
  FrequencyFilter: row({
    block: () => new FrequencyFilter({ dim: 4, c: 1 }),
    forward: (b, x, layout) => b.forward(x, layout),
    width: 4,
    parameters: 4,
    reads: 'all',
  }),
  BSARecBlock: row({
    block: () => new BSARecBlock({ ...size, c: 1 }),
    forward: (b, x, layout, rng) => b.forward(x, layout, rng),
    width: 4,
    parameters: 256,
    reads: 'all',
    drops: true,
  }),
  LinearAttention: row({
    block: () => new LinearAttention({ dim: 4, heads: 2 }),
    forward: (b, x, queries) => b.forward(x, x, { queries, causal: true }),
    width: 4,
    parameters: 80,
    reads: 'past',
  }),
  LinRecBlock: row({
    block: () => new LinRecBlock({ ...size }),
    forward: (b, x, layout, rng) => b.forward(x, layout, rng),
    width: 4,
    parameters: 244,
    reads: 'past',
    drops: true,
  }),
  'linrecBlock of the authors': row({
    block: () => linrecBlock({ causal: false, hidden: 3 }).create(size),
    forward: (b, x, layout, rng) => b.forward(x, layout, rng),
    width: 4,
    parameters: 127,
    reads: 'all',
    drops: true,
  }),
  LightSANsAttention: row({
    block: () => new LightSANsAttention({ dim: 4, heads: 2, interests: 2, dropout: 0.5 }),
    forward: (b, x, layout, rng) => b.forward(x, { positions: places(), layout, rng }),
    width: 4,
    parameters: 144,
    reads: 'all',
    drops: true,
    idle: RECEIVED,
  }),
  LightSANsBlock: row({
    block: () => new LightSANsBlock({ ...width, dropout: 0.5, interests: 2 }),
    forward: (b, x, layout, rng) => b.forward(x, { positions: places(), layout, rng }),
    width: 4,
    parameters: 308,
    reads: 'all',
    drops: true,
    idle: RECEIVED,
  }),
  HSTUBlock: row({
    block: () => new HSTUBlock({ dim: 4, heads: 2, maxLength: 6 }),
    forward: (b, x, layout) => b.forward(x, { events: EVENTS, layout }),
    width: 4,
    parameters: 100,
    reads: 'past',
  }),
  'HSTUBlock with positions and times': row({
    block: () =>
      new HSTUBlock({
        ...width,
        dropout: 0.5,
        maxLength: 6,
        biases: [relativePositions(), relativeTimes({ unit: 2, base: 2, buckets: 3 })],
      }),
    forward: (b, x, layout, rng) => b.forward(x, { events: EVENTS, layout, rng }),
    width: 4,
    parameters: 115,
    reads: 'past',
    drops: true,
  }),
  equalWeights: row({
    block: () => equalWeights().create({ dim: 4, maxLength: 6 }),
    forward: (b, x, layout, rng) => b.forward(x, { events: EVENTS, layout, queries: layout, rng }),
    width: 4,
    parameters: 0,
    reads: 'past',
  }),
  transformerWeights: row({
    block: () => {
      const weights = transformerWeights({ layers: 1, block: transformerBlock() }).create({ dim: 4, maxLength: 6 });
      // Those of 0.02, with which it begins, leave gradients too small to be told from none.
      initializeMatrices(weights, normal(0.5));
      return weights;
    },
    forward: (b, x, layout, rng) => b.forward(x, { events: EVENTS, layout, queries: layout, rng }),
    width: 4,
    parameters: 280,
    reads: 'past',
    drops: true,
    // It shifts all that the softmax compares.
    idle: /^blocks\.0\.norm2\.bias$/,
  }),
  TransformerBlock: row({
    block: () => new TransformerBlock({ ...size }),
    forward: (b, x, layout, rng) => b.forward(x, layout, rng),
    width: 4,
    parameters: 244,
    reads: 'past',
    drops: true,
  }),
  'transformerBlock, pre-norm': row({
    block: () => transformerBlock({ normFirst: true, hidden: 5 }).create(size),
    forward: (b, x, layout, rng) => b.forward(x, layout, rng),
    width: 4,
    parameters: 145,
    reads: 'past',
    drops: true,
  }),
  'transformerBlock, bidirectional': row({
    block: () => transformerBlock().create({ ...size, causal: false }),
    forward: (b, x, layout, rng) => b.forward(x, layout, rng),
    width: 4,
    parameters: 244,
    reads: 'all',
    drops: true,
  }),
  'transformerBlock with a relative bias': row({
    block: () => transformerBlock({ positions: relativeBias({ maxDistance: 3 }) }).create(size),
    forward: (b, x, layout, rng) => b.forward(x, layout, rng),
    width: 4,
    // Distances after the query are not read.
    parameters: 258,
    reads: 'past',
    drops: true,
  }),
  SASRecBlock: row({
    block: () => new SASRecBlock({ ...size }),
    forward: (b, x, layout, rng) => b.forward(x, layout, rng),
    width: 4,
    parameters: 116,
    reads: 'past',
    drops: true,
  }),
  'sasrecBlock with output projection': row({
    block: () => sasrecBlock({ outputProjection: true, hidden: 3 }).create(size),
    forward: (b, x, layout, rng) => b.forward(x, layout, rng),
    width: 4,
    parameters: 127,
    reads: 'past',
    drops: true,
  }),
  'sasrecBlock with rotary positions': row({
    block: () => sasrecBlock({ positions: rotary() }).create(size),
    forward: (b, x, layout, rng) => b.forward(x, layout, rng),
    width: 4,
    parameters: 116,
    reads: 'past',
    drops: true,
  }),
  FeatureEmbedding: row({
    block: () => new FeatureEmbedding({ item: { size: 7, dim: 4 }, tags: { size: 3, dim: 2 } }),
    forward: (b, _x, layout) => b.forward(codesOf(layout), layout.capacity),
    width: 6,
    parameters: 34,
    reads: 'nothing',
  }),
  'FeatureEmbedding, added': row({
    block: () =>
      new FeatureEmbedding({ item: { size: 7, dim: 4 }, tags: { size: 3, dim: 4, combine: 'sum' } }, { join: added() }),
    forward: (b, _x, layout) => b.forward(codesOf(layout), layout.capacity),
    width: 4,
    parameters: 40,
    reads: 'nothing',
  }),
  MLP: row({
    block: () => new MLP({ inputs: 4, hidden: [6, 3], dropout: 0.5 }),
    forward: (b, x, layout, rng) => b.forward(x, layout, rng),
    width: 3,
    parameters: 51,
    reads: 'self',
    drops: true,
  }),
  eachPosition: row({
    block: () => eachPosition({ hidden: [5] }).create({ dim: 4, length: 6, others: 0, dropout: 0.5 }),
    forward: (b, x, layout, rng) => itemScore(b, b.forward(x, layout, undefined, rng)),
    width: 1,
    parameters: 31,
    reads: 'self',
    drops: true,
  }),
  allPositions: row({
    block: () => allPositions({ hidden: [5] }).create({ dim: 4, length: 6, others: 0, dropout: 0.5 }),
    forward: (b, x, layout, rng) => gatherRows(itemScore(b, b.forward(x, layout, undefined, rng)), layout.sequences), // one a sequence
    width: 1,
    parameters: 131,
    reads: 'all',
    drops: true,
  }),
  GRU: row({
    block: () => new GRU({ inputs: 4, hidden: 5 }),
    forward: (b, x, layout, rng) => b.forward(x, layout, rng),
    width: 5,
    parameters: 165,
    reads: 'past',
  }),
  'GRU, two layers, reset before, without bias': row({
    block: () => new GRU({ inputs: 4, hidden: [3, 6], reset: 'before', bias: false, dropout: 0.5 }),
    forward: (b, x, layout, rng) => b.forward(x, layout, rng),
    width: 6,
    parameters: 225,
    reads: 'past',
    drops: true,
  }),
  'GRU, from the states of other rows': row({
    block: () => new GRU({ inputs: 4, hidden: [4, 4], dropout: 0.5 }),
    forward: (b, x, layout, rng) => {
      const { after } = b.forwardFrom(x, layout);
      return b.forwardFrom(x, layout, after, rng).states;
    },
    width: 4,
    parameters: 240,
    reads: 'all',
    drops: true,
  }),
  oneHotEmbedding: row({
    block: () => oneHotEmbedding().create({ items: 7, hidden: [3, 5] }).input,
    forward: (b, _x, layout) => b.forward(layout.pad(layout.positions.slice(0, layout.rows)), layout),
    width: 3,
    parameters: 99,
    reads: 'nothing',
  }),
  separateEmbedding: row({
    block: () => separateEmbedding().create({ items: 7, hidden: [3, 5] }).input,
    forward: (b, _x, layout) => b.forward(layout.pad(layout.positions.slice(0, layout.rows)), layout),
    width: 3,
    parameters: 21,
    reads: 'nothing',
  }),
  constrainedEmbedding: row({
    block: () => constrainedEmbedding().create({ items: 7, hidden: [3, 5] }).input,
    forward: (b, _x, layout) => b.forward(layout.pad(layout.positions.slice(0, layout.rows)), layout),
    width: 5,
    parameters: 35,
    reads: 'nothing',
  }),
  HorizontalConvolution: row({
    block: () => new HorizontalConvolution({ length: 3, dim: 4, filters: 2, heights: [1, 3] }),
    forward: (b, x, layout) => b.forward(windows(x, layout)),
    width: 4,
    parameters: 36,
    reads: 'past',
  }),
  VerticalConvolution: row({
    block: () => new VerticalConvolution({ length: 3, filters: 2 }),
    forward: (b, x, layout) => b.forward(windows(x, layout)),
    width: 8,
    parameters: 8,
    reads: 'past',
  }),
  GatedGraph: row({
    block: () => new GatedGraph({ dim: 4, steps: 4 }),
    forward: (b, x) => b.forward(x, edges()),
    width: 4,
    parameters: 216,
    reads: 'all',
  }),
  'GatedGraph, incoming edges only': row({
    block: () => new GatedGraph({ dim: 4, steps: 4, relations: 1, mapped: false, reset: 'before' }),
    forward: (b, x) => b.forward(x, edges().slice(0, 1)),
    width: 4,
    parameters: 120,
    reads: 'past',
  }),
  AttentionPooling: row({
    block: () => new AttentionPooling({ dim: 4 }),
    forward: (b, x, layout) => everyRow(b.forward(x, layout, gatherRows(x, layout.lastRows())), layout),
    width: 4,
    parameters: 44,
    reads: 'all',
  }),
  'AttentionPooling, softmax': row({
    block: () => new AttentionPooling({ dim: 4, softmax: true, query: false }),
    forward: (b, x, layout) => everyRow(b.forward(x, layout), layout),
    width: 4,
    parameters: 24,
    reads: 'all',
  }),
  learnedFromStart: row({
    block: () => learnedFromStart().create({ dim: 4, maxLength: 6 }),
    forward: (b, _x, layout) => b.forward(layout, EVENTS),
    width: 4,
    parameters: 24,
    reads: 'nothing',
  }),
  learnedFromEnd: row({
    block: () => learnedFromEnd().create({ dim: 4, maxLength: 6 }),
    forward: (b, _x, layout) => b.forward(layout, EVENTS),
    width: 4,
    parameters: 24,
    reads: 'nothing',
  }),
  sinusoidal: row({
    block: () => sinusoidal().create({ dim: 4, maxLength: 6 }),
    forward: (b, _x, layout) => b.forward(layout, EVENTS),
    width: 4,
    parameters: 0,
    reads: 'nothing',
  }),
  continuousTime: row({
    block: () => continuousTime().create({ dim: 4, maxLength: 6 }),
    forward: (b, _x, layout) => b.forward(layout, EVENTS),
    width: 4,
    parameters: 8,
    reads: 'nothing',
  }),
  timeBuckets: row({
    block: () => timeBuckets({ unit: 10, buckets: 3 }).create({ dim: 4, maxLength: 6 }),
    forward: (b, _x, layout) => b.forward(layout, EVENTS),
    width: 4,
    parameters: 12,
    reads: 'nothing',
  }),
  recency: row({
    block: () => recency().create({ dim: 4, maxLength: 6 }),
    forward: (b, _x, layout) => b.forward(layout, EVENTS),
    width: 4,
    parameters: 12,
    reads: 'nothing',
  }),
  summed: row({
    block: () => summed({ of: [learnedFromStart(), continuousTime()] }).create({ dim: 4, maxLength: 6 }),
    forward: (b, _x, layout) => b.forward(layout, EVENTS),
    width: 4,
    parameters: 32,
    reads: 'nothing',
  }),
  noPositions: row({
    block: () => noPositions().create({ dim: 4, maxLength: 6 }),
    forward: (b, _x, layout) => b.forward(layout, EVENTS),
    width: 4,
    parameters: 0,
    reads: 'nothing',
  }),
};

/** The score of each state. */
function itemScore(head: ScoreHead, states: tf.Tensor2D): tf.Tensor2D {
  const { weight, bias } = head.output();
  return linear(states, weight, bias);
}

/** What stands for six positions. */
function places(): tf.Tensor2D {
  return tf.tensor2d(new Rng(7).normals(new Float32Array(24)), [6, 4]);
}

/** Codes that depend on positions: one item a row, and lists of tags, some empty. */
function codesOf({ rows, positions }: Layout) {
  const offsets = Int32Array.from({ length: rows + 1 }, (_, i) => i - (i % 2));
  const values = Int32Array.from({ length: rows - (rows % 2) }, (_, i) => i % 3);
  return { item: Int32Array.from(positions.subarray(0, rows)), tags: { offsets, values } };
}

/** Sequences of 5, 1 and 2 rows. */
const OFFSETS = Int32Array.of(0, 5, 6, 8);
const ROWS = 8;
const EVENTS = new Ragged(OFFSETS, {
  item: new Int32Array(ROWS),
  time: Float64Array.of(1, 2, 30, 31, 50, 7, 7, 90),
});
/** The last three rows up to each; free places repeat the first row. @returns [ROWS, 3, 4] */
function windows(x: tf.Tensor2D, layout: Layout): tf.Tensor3D {
  const rows = layout.windows(3);
  const first = (i: number) => layout.offsets[layout.sequences[Math.floor(i / 3)] as number] as number;
  return tf.reshape(
    gatherRows(
      x,
      rows.map((row, i) => (row < 0 ? first(i) : row)),
    ),
    [ROWS, 3, 4],
  );
}
/** Each row a node, with an edge to the next row of its sequence. */
function edges() {
  const { incoming, outgoing } = sessionGraph(
    new Ragged(OFFSETS, { item: Int32Array.from({ length: ROWS }, (_, i) => i) }),
  );
  return [incoming, outgoing];
}
/** The row of its sequence for every row. */
function everyRow(pooled: tf.Tensor2D, layout: Layout): tf.Tensor2D {
  return gatherRows(pooled, layout.sequences);
}
const inputs = (change = (value: number, _row: number) => value) => {
  const values = new Rng(3).normals(new Float32Array(ROWS * 4));
  return tf.tensor2d(
    values.map((value, i) => change(value, Math.floor(i / 4))),
    [ROWS, 4],
  );
};

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => use(backend));

  describe.each(Object.entries(table))('%s', (_name, { block, forward, width, parameters, reads, drops, idle }) => {
    const run = async (x: tf.Tensor2D, rng?: Rng) => {
      using layout = new Layout(OFFSETS);
      using model = block().init(1);
      const y = tf.tidy(() => forward(model, x, layout, rng));
      const values = await y.data();
      tf.dispose([x, y]);
      return { shape: y.shape, values };
    };

    test('has its shape and size', async () => {
      const { shape, values } = await run(inputs());
      expect(shape).toEqual([ROWS, width]);
      expect(values.every(Number.isFinite)).toBe(true);
      expect(block().summary().parameters).toBe(parameters);
    });

    test('its gradient reaches every parameter', async () => {
      using layout = new Layout(OFFSETS);
      using model = block().init(1);
      const found = [...model.parameters()];
      if (found.length === 0) return;
      // Random weights on the outputs: the plain sum of a normalised row does not depend on its input.
      const weights = tf.tensor2d(new Rng(5).normals(new Float32Array(ROWS * width)), [ROWS, width]);
      const x = inputs();
      const { value, grads } = tf.variableGrads(
        () => tf.sum(tf.mul(weights, forward(model, x, layout))),
        found.map(([, parameter]) => parameter.value),
      );
      const zero: string[] = [];
      for (const [path, parameter] of found) {
        const gradient = grads[parameter.value.name];
        const values = gradient ? await gradient.data() : [];
        if (!values.some((g) => Math.abs(g) > 1e-6)) zero.push(path);
      }
      tf.dispose([value, grads, weights, x]);
      // A key bias shifts all scores of a query alike: its gradient is zero by mathematics.
      expect(zero.filter((path) => !path.endsWith('key.bias') && !idle?.test(path))).toEqual([]);
    });

    test('reads what it says, and never another sequence', async () => {
      const plain = await run(inputs());
      const changedRows = async (changed: number) => {
        const other = await run(inputs((value, row) => (row === changed ? -value : value)));
        const rows = new Set<number>();
        other.values.forEach((value, i) => {
          if (Math.abs(value - (plain.values[i] as number)) > 1e-6) rows.add(Math.floor(i / width));
        });
        return [...rows];
      };
      const expected = {
        nothing: { 2: [], 6: [] },
        self: { 2: [2], 6: [6] },
        past: { 2: [2, 3, 4], 6: [6, 7] },
        all: { 2: [0, 1, 2, 3, 4], 6: [6, 7] },
      }[reads];
      expect(await changedRows(2)).toEqual(expected[2]);
      expect(await changedRows(6)).toEqual(expected[6]);
    });

    test('goes on from rows that it has read, where it says so', async () => {
      using model = block().init(1) as Module & Partial<SequenceBlock & PositionBlock>;
      const x = inputs();
      const whole = await run(x.clone());
      const found: number[] = [];
      let after: tf.Tensor2D[] = [];
      for (const [from, to] of [
        [0, 2],
        [2, 3],
        [3, 5],
      ] as const) {
        using layout = new Layout(Int32Array.of(0, to - from), { starts: Int32Array.of(from) });
        const part = tf.slice(x, [from, 0], [to - from, 4]);
        const before = after;
        if (model.attentionWeights && reads === 'past') {
          const next = tf.tidy(() => model.resume?.(part, layout, before) as Continued);
          found.push(...(await next.states.data()));
          after = next.after;
          next.states.dispose();
        } else if (model.appendOnly) {
          const y = tf.tidy(() => forward(model, part, layout));
          found.push(...(await y.data()));
          y.dispose();
        }
        tf.dispose([part, ...before]);
      }
      tf.dispose([x, ...after]);
      found.forEach((value, i) => {
        expect(value).toBeCloseTo(whole.values[i] as number, 5);
      });
      const goesOn = Boolean(model.appendOnly || (model.attentionWeights && reads === 'past'));
      expect(found).toHaveLength(goesOn ? 5 * width : 0);
    });

    test('its attention weights are shares of what a row reads', async () => {
      using model = block().init(1) as Module & Partial<SequenceBlock>;
      if (!model.attentionWeights) return;
      const x = inputs();
      using layout = new Layout(OFFSETS);
      using last = layout.last();
      const [weights] = tf.tidy(() => model.attentionWeights?.(x, layout, last)) as [tf.Tensor3D];
      expect(weights.shape).toEqual([2, 1, 5]);
      const values = await weights.data<'float32'>();
      for (const head of [0, 1]) {
        const shares = values.slice(5 * head, 5 * head + 5);
        expect(shares.every((share) => share > 0)).toBe(true);
        expect([...shares].reduce((sum, share) => sum + share)).toBeCloseTo(1, 5);
      }
      tf.dispose([x, weights]);
    });

    test('drops only with an rng, the same for the same key', async () => {
      const plain = await run(inputs());
      const dropped = await run(inputs(), new Rng(1));
      expect(await run(inputs())).toEqual(plain);
      expect(await run(inputs(), new Rng(1))).toEqual(dropped);
      if (drops) {
        expect(dropped.values).not.toEqual(plain.values);
        expect((await run(inputs(), new Rng(2))).values).not.toEqual(dropped.values);
      } else {
        expect(dropped).toEqual(plain);
      }
    });

    test('leaves no tensor behind', async () => {
      const before = tf.memory().numTensors;
      await run(inputs());
      await run(inputs(), new Rng(1));
      expect(tf.memory().numTensors).toBe(before);
    });
  });
});

describe('bad sizes', () => {
  test.each([
    [() => new MultiHeadAttention({ dim: 50, heads: 4 }), 'dim (50) must be a multiple of heads (4).'],
    [() => new MultiHeadAttention({ dim: 4, heads: 0 }), 'heads must be an integer at least 1, got 0.'],
    [
      () => new MultiHeadAttention({ dim: 4, heads: 2, dropout: 1 }),
      'dropout must be a number at least 0 and less than 1',
    ],
    [() => new GRU({ inputs: 4, hidden: [4, 0] }), 'hidden must be an integer at least 1, got 0.'],
    [() => new Linear(0, 4), "A parameter's shape must be positive integers, got [4, 0]."],
  ])('%#', (make, message) => {
    expect(make).toThrow(message);
  });

  test('a position outside the table is named', () => {
    using positions = learnedFromStart().create({ dim: 4, maxLength: 3 }).init(1);
    using layout = new Layout(OFFSETS);
    expect(() => positions.forward(layout, EVENTS)).toThrow('Position 3 of sequence 0 is outside 0 … 2');
  });
});
