import fc from 'fast-check';
import { type ExampleRule, Examples, prefixes, Ragged, Rng, slidingWindows } from 'seqrec';
import { describe, expect, it } from 'vitest';

const sequences = Ragged.from(
  Array.from({ length: 40 }, (_, b) => Array.from({ length: b % 7 }, (_, t) => 100 * b + t)),
);
const rng = new Rng(1).fork('order').fork(0);
const lists = (ragged: Ragged) => Array.from({ length: ragged.count }, (_, b) => [...ragged.items(b)]);

describe('whole sequences', () => {
  it('are every sequence of two events or more once', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5), { minLength: 1, maxLength: 50 }), fc.nat(), (lengths, seed) => {
        const ragged = Ragged.from(lengths.map((length) => new Int32Array(length)));
        const long = lengths.flatMap((length, b) => (length >= 2 ? [b] : []));
        if (long.length === 0) {
          expect(() => new Examples(ragged, { maxLength: 5 })).toThrow(/at least 2 events, got none among/);
          return;
        }
        const examples = new Examples(ragged, { maxLength: 5 });
        const found = examples.batches(3, new Rng(seed)).flatMap((which) => [...which]);
        expect(found.map((example) => examples.sequenceOf(example)).sort((a, b) => a - b)).toEqual(long);
      }),
    );
  });

  it('are cut to their latest events', () => {
    const examples = new Examples(sequences, { maxLength: 3 });
    const all = examples.batches(8, rng);
    expect(all.map((which) => which.length)).toEqual([8, 8, 8, 4]);
    for (const which of all) {
      lists(examples.take(which)).forEach((items, i) => {
        expect(items).toEqual([...sequences.items(examples.sequenceOf(which[i] as number))].slice(-4));
      });
    }
  });

  it('come in an order that depends on the stream alone, or in that of the data', () => {
    const examples = new Examples(sequences, { maxLength: 3 });
    expect(examples.batches(8, rng)).toEqual(examples.batches(8, rng));
    expect(examples.batches(8, rng)).not.toEqual(examples.batches(8, new Rng(1).fork('order').fork(1)));
    expect(examples.batches(100)).toEqual([Int32Array.from({ length: 28 }, (_, i) => i)]);
  });

  it.each([
    () => new Examples(sequences, { maxLength: 0 }),
    () => new Examples(sequences, { maxLength: Number.NaN }),
    () => new Examples(sequences, { maxLength: 1 }).batches(0),
    () => new Examples(sequences, { maxLength: 1 }).batches(1.5),
  ])('refuse bad numbers: %#', (make) => {
    expect(make).toThrow(RangeError);
  });
});

describe('stretches', () => {
  const data = Ragged.from([[1, 2, 3, 4, 5], [], [6], [7, 8]]);
  const all = (rule: ExampleRule | undefined, maxLength: number) => {
    const examples = new Examples(data, { maxLength, rule });
    return lists(examples.take(Int32Array.from({ length: examples.count }, (_, i) => i)));
  };
  const context = { maxLength: 5, items: 9, stream: () => new Rng(1) };

  it('are all beginnings for prefixes, the most recent events of each', () => {
    const expected = [
      [1, 2],
      [1, 2, 3],
      [2, 3, 4],
      [3, 4, 5],
      [7, 8],
    ];
    expect(all(prefixes().examples, 2)).toEqual(expected);
    const { inputs, targets } = prefixes().batch(Ragged.from(expected), context);
    expect(lists(inputs)).toEqual([[1], [1, 2], [2, 3], [3, 4], [7]]);
    expect([...targets.item]).toEqual([2, 3, 4, 5, 8]);
    expect([...targets.row]).toEqual([0, 2, 4, 6, 7]);
    expect([...targets.sequence]).toEqual([0, 1, 2, 3, 4]);
    expect([...targets.weight]).toEqual([1, 1, 1, 1, 1]);
  });

  it('are the beginnings of the recent part for prefixes of recent events', () => {
    expect(all(prefixes({ recent: 4 }).examples, 2)).toEqual([
      [2, 3],
      [2, 3, 4],
      [3, 4, 5],
      [7, 8],
    ]);
    expect(() => prefixes({ recent: 1 })).toThrow('prefixes: recent must be an integer at least 2, got 1.');
  });

  it('are laid from the end for sliding windows, a short sequence being one window', () => {
    expect(all(slidingWindows({ length: 2, targets: 2 }).examples, 5)).toEqual([
      [2, 3, 4, 5],
      [1, 2, 3, 4],
      [7, 8],
    ]);
    expect(all(slidingWindows({ length: 1, stride: 2 }).examples, 5)).toEqual([
      [4, 5],
      [2, 3],
      [7, 8],
    ]);
    const objective = slidingWindows({ length: 2, targets: 2 });
    const { inputs, targets } = objective.batch(
      Ragged.from([
        [2, 3, 4, 5],
        [7, 8],
      ]),
      context,
    );
    expect(lists(inputs)).toEqual([[2, 3], [7]]);
    expect([...targets.item]).toEqual([4, 5, 8]);
    expect([...targets.row]).toEqual([1, 1, 2]);
    expect([...targets.sequence]).toEqual([0, 0, 1]);
  });

  it('longer than the model reads are refused', () => {
    const objective = slidingWindows({ length: 6 });
    expect(() => objective.batch(data, context)).toThrow('(6) must be at most');
    expect(() => slidingWindows({ length: 0 })).toThrow('slidingWindows: length');
    expect(() => slidingWindows({ length: 1, targets: 0 })).toThrow('slidingWindows: targets');
    expect(() => slidingWindows({ length: 1, stride: 0.5 })).toThrow('slidingWindows: stride');
  });
});
