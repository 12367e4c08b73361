import { type Batch, BERT4Rec, type ClozeOptions, cloze, Interactions, Ragged, Rng, SASRec } from 'seqrec';
import { describe, expect, test } from 'vitest';
import { use } from '../../support/backends.ts';

const ITEMS = 50;
const MASK = ITEMS;

/** Sequences of these lengths, with different items, and times. */
function sequencesOf(lengths: number[]): Ragged {
  const plain = Ragged.from(lengths.map((length, b) => Array.from({ length }, (_, t) => (7 * b + t) % ITEMS)));
  return new Ragged(plain.offsets, { item: plain.item, time: Float64Array.from(plain.item.keys()) });
}

function ask(sequences: Ragged, options: ClozeOptions = {}, { maxLength = 100, seed = 1 } = {}): Batch {
  const stream = (b: number) => new Rng(seed).fork(b);
  return cloze(options).batch(sequences, { maxLength, items: ITEMS, mask: MASK, stream });
}

describe('cloze', () => {
  test('hides round(probability · n) events, at least one, and asks for them where they stood', () => {
    const sequences = sequencesOf([2, 10, 3, 25]);
    const { inputs, targets } = ask(sequences, { lastItem: 0 });
    const counts = [0, 1, 2, 3].map((b) => targets.sequence.filter((s) => s === b).length);
    expect(counts).toEqual([1, 2, 1, 5]);
    targets.row.forEach((row, i) => {
      expect(inputs.item[row]).toBe(MASK);
      expect(targets.item[i]).toBe(sequences.item[row]);
      expect(row).toBeGreaterThanOrEqual(inputs.offsets[targets.sequence[i] as number] as number);
      expect(row).toBeLessThan(inputs.offsets[(targets.sequence[i] as number) + 1] as number);
    });
    expect([...targets.row]).toEqual([...targets.row].sort((a, b) => a - b));
    inputs.item.forEach((item, row) => {
      if (!targets.row.includes(row)) expect(item).toBe(sequences.item[row]);
    });
    expect(inputs.time).toEqual(sequences.time);
    expect([...targets.weight]).toEqual(new Array(9).fill(1));
  });

  test('reads the most recent events only', () => {
    const sequences = sequencesOf([12, 4]);
    const { inputs, targets } = ask(sequences, { probability: 1, lastItem: 0 }, { maxLength: 5 });
    expect([...inputs.offsets]).toEqual([0, 5, 9]);
    expect([...targets.item]).toEqual([...sequences.items(0).subarray(7), ...sequences.items(1)]);
  });

  test('hides the last event alone in the share of the examples that is asked for', () => {
    const sequences = sequencesOf(new Array(400).fill(8));
    const last = (options: ClozeOptions) => {
      const { targets } = ask(sequences, { probability: 0.5, ...options });
      const counts = new Int32Array(sequences.count);
      for (const b of targets.sequence) counts[b] = (counts[b] as number) + 1;
      return counts.filter((count) => count === 1).length;
    };
    expect(last({ lastItem: 1 })).toBe(400);
    expect(last({ lastItem: 0 })).toBe(0);
    expect(Math.abs(last({}) - 400 / 11)).toBeLessThan(15);
    const { targets, inputs } = ask(sequences, { lastItem: 1 });
    expect([...targets.row]).toEqual([...inputs.offsets.subarray(1)].map((end) => end - 1));
  });

  test('shows random or own items in place of [MASK] in the shares that are asked for', () => {
    const sequences = sequencesOf(new Array(200).fill(20));
    const { inputs, targets } = ask(sequences, { random: 0.1, keep: 0.1, lastItem: 0 });
    const shown = { mask: 0, own: 0, other: 0 };
    targets.row.forEach((row, i) => {
      const item = inputs.item[row] as number;
      shown[item === MASK ? 'mask' : item === targets.item[i] ? 'own' : 'other']++;
    });
    expect(targets.row).toHaveLength(800);
    expect(shown.mask / 800).toBeCloseTo(0.8, 1);
    expect(shown.own / 800).toBeCloseTo(0.1, 1);
    expect(shown.other / 800).toBeCloseTo(0.1, 1);
  });

  test('depends on the streams of the examples, not on the batch', () => {
    const sequences = sequencesOf([9, 14]);
    expect(ask(sequences)).toEqual(ask(sequences));
    expect(ask(sequences, {}, { seed: 2 }).targets.row).not.toEqual(ask(sequences).targets.row);
    const alone = ask(sequences.take([0]));
    const both = ask(sequences);
    expect([...alone.inputs.item]).toEqual([...both.inputs.items(0)]);
  });

  test('an event that is hidden already is not asked for', () => {
    const { targets } = ask(Ragged.from([[1, MASK, 2]]), { probability: 1, lastItem: 0 });
    expect([...targets.item]).toEqual([1, 2]);
  });

  test('refuses what it cannot work with', async () => {
    expect(() => cloze({ probability: 0 })).toThrow('cloze: probability must be a number greater than 0');
    expect(() => cloze({ random: 0.6, keep: 0.6 })).toThrow('cloze: keep must be a number at least 0 and at most 0.4');
    expect(() => cloze({ lastItem: 2 })).toThrow('cloze: lastItem must be a number at least 0 and at most 1, got 2');
    await use('cpu');
    const log = Interactions.from([1, 2, 3].map((item) => ({ user: 'a', item })));
    using model = new SASRec({ items: log.items, dim: 4 });
    await expect(model.fit(log, { objective: cloze(), epochs: 1 })).rejects.toThrow(
      'cloze() needs a model with a row for [MASK]',
    );
    using bert = new BERT4Rec({ items: log.items, dim: 4 });
    expect(bert.defaults.objective).toMatchObject({ name: 'cloze', options: { probability: 0.2, lastItem: 1 / 11 } });
  });
});
