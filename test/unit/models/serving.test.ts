/** topK and ranks against all scores; states of last rows against states of all. */
import * as tf from '@tensorflow/tfjs-core';
import {
  Catalog,
  Embedding,
  gelu,
  Layout,
  learnedFromStart,
  noPositions,
  type Output,
  Ragged,
  Rng,
  ranksOfScores,
  SASRec,
  SequenceModel,
  sasrecBlock,
  sinusoidal,
  topKOfScores,
  transformerBlock,
  untiedOutput,
} from 'seqrec';
import { beforeAll, describe, expect, test } from 'vitest';
import { backends, use } from '../../support/backends.ts';

const catalogOf = (size: number) => new Catalog(Array.from({ length: size }, (_, i) => i));

/** A network whose state is the embedding of an event and that knows nothing of `queries`. */
class Last extends SequenceModel {
  static override readonly modelName = 'Last';
  readonly items: Embedding;
  readonly table: Embedding;
  constructor(
    size: number,
    dim: number,
    readonly scale: number,
  ) {
    super({ items: catalogOf(size), maxLength: 5 });
    this.items = new Embedding(size, dim);
    this.table = new Embedding(size, dim + 1);
  }
  encode(events: Ragged): tf.Tensor2D {
    return this.items.forward(events.item);
  }
  output(): Output {
    const table = this.table.weight.value as tf.Tensor2D;
    const [size, dim] = table.shape;
    const bias = tf.reshape(tf.slice(table, [0, dim - 1], [size, 1]), [size]) as tf.Tensor1D;
    return { weight: tf.slice(table, [0, 0], [size, dim - 1]), bias, scale: this.scale };
  }
}

/** Histories of 1 … 9 events. */
function histories(count: number, items: number): Ragged {
  const rng = new Rng(count);
  return Ragged.from(
    Array.from({ length: count }, (_, b) =>
      Int32Array.from({ length: 1 + (b % 9) }, (_, t) => rng.int(100 * b + t, items)),
    ),
  );
}

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => use(backend));

  test.each([
    [1, 1, 1],
    [7, 3, 2],
    [8, 4, 1],
    [513, 5, 1.7],
    [1100, 16, 0.3],
  ])('topK and ranks of %i items, width %i, agree with the scores', async (size, dim, scale) => {
    const model = new Last(size, dim, scale).init(size);
    // Equal rows have equal scores.
    const values = await model.table.weight.data();
    if (size > 6) for (const row of [2, 3, 6]) values.copyWithin(row * (dim + 1), 0, dim + 1);
    model.table.weight.set(values);
    const before = tf.memory().numTensors;
    for (const count of [0, 1, 2, 3, 10]) {
      const of = histories(count, size);
      const exclude = histories(count, size);
      const targets = Ragged.from(
        Array.from({ length: count }, (_, b) => [(7 * b) % size, b % 2, 2].slice(b % 3).filter((row) => row < size)),
      );
      const scores = await model.scores(of);
      expect(scores).toHaveLength(count * size);
      for (const options of [{}, { exclude }]) {
        for (const k of [1, 10, size, size + 3]) {
          const best = await model.topK(of, k, options);
          expect(best).toEqual(topKOfScores(scores, size, k, options.exclude));
        }
        const ranks = await model.ranks(of, targets, options);
        expect(ranks).toEqual(ranksOfScores(scores, size, targets, options.exclude));
      }
    }
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });

  test('a score that is NaN is an error, one of -Infinity is never taken', async () => {
    const model = new Last(600, 3, 1).init(1);
    const values = await model.table.weight.data();
    values[4 * 550] = Number.NaN;
    model.table.weight.set(values);
    const [of, targets] = [histories(4, 600), Ragged.from([[1], [], [2], [3]])];
    const message = 'Every score must be a number, got NaN for row 550 of history 0';
    const before = tf.memory().numTensors;
    await expect(model.topK(of, 3)).rejects.toThrow(message);
    await expect(model.ranks(of, targets)).rejects.toThrow(message);
    expect(tf.memory().numTensors).toBe(before);
    values[4 * 550] = 0;
    for (let row = 0; row < 598; row++) values[4 * row + 3] = -Infinity;
    model.table.weight.set(values);
    const { items, scores } = await model.topK(of, 4, { exclude: Ragged.from([[], [599], [599, 598], [598]]) });
    expect([...items].map((row) => row >= 598)).toEqual(
      [2, 1, 0, 1].flatMap((count) => [0, 1, 2, 3].map((place) => place < count)),
    );
    expect([...scores].filter((score) => score > -Infinity)).toHaveLength(4);
    model.dispose();
  });

  test('lists that do not fit the histories or the catalogue are refused', async () => {
    const model = new Last(9, 2, 1).init(1);
    const of = histories(3, 9);
    await expect(model.topK(of, 0)).rejects.toThrow('k must be an integer at least 1, got 0.');
    const short = { exclude: Ragged.from([[1]]) };
    await expect(model.topK(of, 1, short)).rejects.toThrow(
      'exclude must have one sequence for each of the 3 histories',
    );
    await expect(model.ranks(of, Ragged.from([[1]]))).rejects.toThrow(
      'targets must have one sequence for each of the 3',
    );
    for (const row of [9, -1]) {
      const lists = Ragged.from([[row], [0], [0]]);
      await expect(model.topK(of, 1, { exclude: lists })).rejects.toThrow(`exclude takes rows from 0 to 8, got ${row}`);
      await expect(model.ranks(of, lists)).rejects.toThrow(`targets takes rows from 0 to 8, got ${row}`);
    }
    await expect(model.topK(Ragged.from([[]]), 1)).rejects.toThrow('at least one item');
    model.dispose();
  });

  const stacks = {
    default: {},
    'post-norm': { block: transformerBlock({ hidden: 20, activation: gelu }), positions: sinusoidal() },
    'pre-norm': { block: transformerBlock({ hidden: 8, normFirst: true }), positions: learnedFromStart() },
    projected: { block: sasrecBlock({ outputProjection: true }), positions: noPositions(), output: untiedOutput() },
    'without blocks': { layers: 0 },
  };
  test.each(Object.entries(stacks))('%s: the states of last rows are those of all rows', async (_name, stack) => {
    const model = new SASRec({ items: catalogOf(30), maxLength: 9, dim: 12, heads: 2, ...stack }).init(5);
    for (const rows of [undefined, 60]) {
      const events = histories(9, 30);
      using layout = new Layout(events, { capacity: rows });
      using last = layout.last();
      const [all, wanted] = tf.tidy(() => [
        tf.gather(model.encode(events, layout), tf.tensor1d(layout.lastRows(), 'int32')),
        model.encode(events, layout, undefined, last),
      ]) as [tf.Tensor2D, tf.Tensor2D];
      if (model.blocks.length > 0) expect(wanted.shape).toEqual([9, 12]);
      const found = await wanted.data();
      (await all.data()).forEach((value, i) => {
        if (model.blocks.length > 0) expect(found[i]).toBeCloseTo(value, 5);
      });
      tf.dispose([all, wanted]);
    }
    model.dispose();
  });

  test('histories are answered alike one by one and among many', async () => {
    const model = new SASRec({ items: catalogOf(40), maxLength: 40, dim: 8 }).init(5);
    // More rows than are encoded at once.
    const of = Ragged.from(
      Array.from({ length: 140 }, (_, b) => Int32Array.from({ length: 1 + (b % 40) }, (_, t) => (b + t) % 40)),
    );
    const all = await model.scores(of);
    for (const b of [0, 55, 127, 128, 139]) {
      (await model.scores(of.take([b]))).forEach((score, i) => {
        expect(all[40 * b + i]).toBeCloseTo(score, 5);
      });
    }
    model.dispose();
  });
});
