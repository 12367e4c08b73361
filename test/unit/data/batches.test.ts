import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ragged } from '../../../src/core/ragged.ts';
import { Rng } from '../../../src/core/rng.ts';
import { batches, epochOrder } from '../../../src/data/batches.ts';

const sequences = Ragged.from(
  Array.from({ length: 40 }, (_, b) => Array.from({ length: b % 7 }, (_, t) => 100 * b + t)),
);
const rng = new Rng(1).fork('order').fork(0);

describe('epochOrder', () => {
  it('has every sequence of two events or more once', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5), { minLength: 1, maxLength: 50 }), fc.nat(), (lengths, seed) => {
        const ragged = Ragged.from(lengths.map((length) => new Int32Array(length)));
        const long = lengths.flatMap((length, b) => (length >= 2 ? [b] : []));
        if (long.length === 0) {
          expect(() => epochOrder(ragged, new Rng(seed))).toThrow(/at least 2 events, got none among/);
          return;
        }
        expect([...epochOrder(ragged, new Rng(seed))].sort((a, b) => a - b)).toEqual(long);
        expect([...epochOrder(ragged)]).toEqual(long);
      }),
    );
  });

  it('depends on the stream alone', () => {
    expect(epochOrder(sequences, rng)).toEqual(epochOrder(sequences, rng));
    expect(epochOrder(sequences, rng)).not.toEqual(epochOrder(sequences, new Rng(1).fork('order').fork(1)));
  });
});

describe('batches', () => {
  it('cuts the order into steps and each sequence to its latest events', () => {
    const all = [...batches(sequences, { batchSize: 8, maxLength: 3, rng })];
    expect(all.flatMap(({ which }) => [...which])).toEqual([...epochOrder(sequences, rng)]);
    expect(all.map(({ which }) => which.length)).toEqual([8, 8, 8, 4]);
    expect(all.map(({ step, steps }) => [step, steps])).toEqual([
      [0, 4],
      [1, 4],
      [2, 4],
      [3, 4],
    ]);
    for (const { which, sequences: batch } of all) {
      which.forEach((b, i) => {
        expect([...batch.items(i)]).toEqual([...sequences.items(b)].slice(-4));
      });
    }
  });

  it('goes on from a step as if it had not stopped', () => {
    const options = { batchSize: 5, maxLength: 10, rng };
    const all = [...batches(sequences, options)];
    for (let from = 0; from <= all.length; from++)
      expect([...batches(sequences, { ...options, from })]).toEqual(all.slice(from));
  });

  it.each([
    { batchSize: 0, maxLength: 1 },
    { batchSize: 1.5, maxLength: 1 },
    { batchSize: 1, maxLength: 0 },
    { batchSize: 1, maxLength: Number.NaN },
    { batchSize: 100, maxLength: 5, from: 2 },
    { batchSize: 100, maxLength: 5, from: -1 },
  ])('refuses %j', (options) => {
    expect(() => [...batches(sequences, options)]).toThrow(RangeError);
  });
});
