import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { Layout } from '../../../src/core/layout.ts';
import { Ragged } from '../../../src/core/ragged.ts';

const ragged = new Ragged(
  Int32Array.of(0, 3, 3, 5),
  { item: Int32Array.of(4, 5, 6, 7, 8), time: Float64Array.of(1, 2, 3, 10, 11) },
  { user: Int32Array.of(20, 21, 22) },
);

describe('Ragged', () => {
  test('counts, lengths and views', () => {
    expect([ragged.count, ragged.rows, ragged.length(0), ragged.length(1)]).toEqual([3, 5, 3, 0]);
    expect([...ragged.items(2)]).toEqual([7, 8]);
    expect(ragged.items(2).buffer).toBe(ragged.item.buffer);
  });

  test('take picks sequences with all their columns, in any order and more than once', () => {
    const taken = ragged.take([2, 0, 2]);
    expect([...taken.offsets]).toEqual([0, 2, 5, 7]);
    expect([...taken.item]).toEqual([7, 8, 4, 5, 6, 7, 8]);
    expect([...(taken.time ?? [])]).toEqual([10, 11, 1, 2, 3, 10, 11]);
    expect([...(taken.user ?? [])]).toEqual([22, 20, 22]);
  });

  test('last keeps the most recent events', () => {
    expect([...ragged.last(2).item]).toEqual([5, 6, 7, 8]);
    expect([...ragged.last(9).item]).toEqual([...ragged.item]);
  });

  test('from makes one of lists', () => {
    const made = Ragged.from([[1, 2], [], [3]]);
    expect([...made.offsets]).toEqual([0, 2, 2, 3]);
    expect([...made.item]).toEqual([1, 2, 3]);
  });

  test.each([
    [[0, 2], /end at the number of events \(3\)/],
    [[1, 3], /must start at 0/],
    [[0, 2, 1, 3], /never fall/],
    [[], /must start at 0/],
  ])('refuses the offsets %j', (offsets, message) => {
    expect(() => new Ragged(Int32Array.from(offsets), { item: new Int32Array(3) })).toThrow(message);
  });

  test('refuses columns of another length by name', () => {
    const offsets = Int32Array.of(0, 3);
    expect(() => new Ragged(offsets, { item: new Int32Array(3), time: new Float64Array(2) })).toThrow(
      "The column 'time' must have 3 values, one for each of the events, got 2.",
    );
    expect(() => new Ragged(offsets, { item: new Int32Array(3) }, { user: new Int32Array(2) })).toThrow(
      "The column 'user' must have 1 values, one for each of the sequences, got 2.",
    );
  });
});

describe('Layout', () => {
  test('gives every row its sequence and its positions from start and end', async () => {
    using layout = new Layout(ragged, { starts: Int32Array.of(5, 0, 0), capacity: 7 });
    expect([...layout.sequences]).toEqual([0, 0, 0, 2, 2, -1, -1]);
    expect([...layout.positions]).toEqual([5, 6, 7, 0, 1, 0, 0]);
    expect([...layout.positionsFromEnd]).toEqual([2, 1, 0, 1, 0, 0, 0]);
    expect([...(await layout.sequence.data())]).toEqual([...layout.sequences]);
    expect([...(await layout.position.data())]).toEqual([...layout.positions]);
    expect([...(await layout.positionFromEnd.data())]).toEqual([...layout.positionsFromEnd]);
    expect([...layout.pad(ragged.item)]).toEqual([4, 5, 6, 7, 8, 8, 8]);
  });

  test('lastRows names the empty sequence', () => {
    using layout = new Layout(ragged);
    expect(() => layout.lastRows()).toThrow('Sequence 1 is empty and has no last row.');
    using full = new Layout(ragged.take([0, 2]));
    expect([...full.lastRows()]).toEqual([2, 4]);
  });

  test('frees its tensors and those derived from it, also when made inside a tidy', () => {
    const before = tf.memory().numTensors;
    let made: Layout | undefined;
    tf.tidy(() => {
      made = new Layout(ragged);
    });
    const layout = made as unknown as Layout;
    const make = () => layout.memo('mask', () => [tf.ones([2])]);
    expect(make()).toBe(make());
    layout.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('refuses what does not fit', () => {
    expect(() => new Layout(ragged, { capacity: 4 })).toThrow('capacity must be at least the 5 rows, got 4.');
    expect(() => new Layout(ragged, { starts: Int32Array.of(0) })).toThrow('one value for each of the 3 sequences');
    expect(() => new Layout(ragged, { capacity: 2 ** 24 })).toThrow('use a smaller batchSize');
    using layout = new Layout(ragged);
    expect(() => layout.pad(new Int32Array(4))).toThrow('must have 5 values, got 4');
  });
});
