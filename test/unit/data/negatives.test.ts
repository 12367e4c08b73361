import {
  hardest,
  inBatch,
  mixed,
  type NegativeRequest,
  popularity,
  Ragged,
  Rng,
  type Sampler,
  sliceNegatives,
  uniform,
} from 'seqrec';
import { describe, expect, test } from 'vitest';

const items = 10;
/** Item 0 is seen 6 times, 1 and 2 twice, 3 … 7 once, 8 and 9 never. */
const train = Ragged.from([
  [0, 1, 0, 2],
  [0, 3, 4],
  [0, 1, 2, 5, 0],
  [6, 7, 0],
]);
/** The targets of all four sequences: 3, 2, 4 and 2 of them. */
const target = Int32Array.of(1, 0, 2, /**/ 3, 4, /**/ 1, 2, 5, 0, /**/ 7, 0);
const sequence = Int32Array.of(0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 3);

function request(change: Partial<NegativeRequest> = {}): NegativeRequest {
  return { count: 5, items, target, sequence, seen: train, stream: (s) => new Rng(7).fork(s), ...change };
}

function draw(sampler: Sampler, change: Partial<NegativeRequest> = {}) {
  return sampler.prepare(train, items)(request(change));
}

/** How often each item was drawn. */
function frequencies(drawn: Int32Array): number[] {
  const counts = new Array<number>(items).fill(0);
  for (const item of drawn) counts[item] = (counts[item] as number) + 1;
  return counts.map((n) => n / drawn.length);
}

describe.each([
  ['uniform()', uniform()],
  ['uniform({ excludeSeen: true })', uniform({ excludeSeen: true })],
  ['popularity()', popularity()],
])('%s', (_, sampler) => {
  test('draws K items of the catalogue for each target', () => {
    const { items: drawn, shared, count } = draw(sampler);
    expect([drawn.length, shared, count]).toEqual([target.length * 5, false, 5]);
    expect([...drawn].every((item) => item >= 0 && item < items)).toBe(true);
  });

  test('the draws are the same for any split of the step', () => {
    const whole = draw(sampler).items;
    // Sequences 0 and 1, then 2 and 3, which are sequences 0 and 1 of their own part.
    const [first, second] = [
      draw(sampler, { target: target.slice(0, 5), sequence: sequence.slice(0, 5), seen: train.take([0, 1]) }),
      draw(sampler, {
        target: target.slice(5),
        sequence: sequence.slice(5).map((s) => s - 2),
        seen: train.take([2, 3]),
        stream: (s) => new Rng(7).fork(s + 2),
      }),
    ];
    expect([...first.items, ...second.items]).toEqual([...whole]);
  });

  test('the draws are the same for targets in any order of sequences, and for fewer draws', () => {
    const whole = draw(sampler).items;
    const order = [3, 0, 5, 9, 4, 1, 6, 7, 10, 2, 8]; // within a sequence as before
    const mixed = draw(sampler, {
      target: target.map((_, m) => target[order[m] as number] as number),
      sequence: sequence.map((_, m) => sequence[order[m] as number] as number),
    }).items;
    const fewer = draw(sampler, { count: 2 }).items;
    order.forEach((m, place) => {
      expect(mixed.subarray(place * 5, place * 5 + 5)).toEqual(whole.subarray(m * 5, m * 5 + 5));
      expect(fewer.subarray(m * 2, m * 2 + 2)).toEqual(whole.subarray(m * 5, m * 5 + 2));
    });
  });

  test('targets, sequences and seeds differ', () => {
    const drawn = draw(sampler, { count: 40 }).items;
    const sets = Array.from({ length: target.length }, (_, m) => drawn.subarray(m * 40, m * 40 + 40).join());
    expect(new Set(sets).size).toBe(target.length);
    expect(draw(sampler, { stream: (s) => new Rng(8).fork(s) }).items).not.toEqual(draw(sampler).items);
  });
});

describe('uniform', () => {
  test('draws all items alike, the targets too', () => {
    const found = frequencies(draw(uniform(), { count: 3000 }).items);
    for (const frequency of found) expect(frequency).toBeCloseTo(1 / items, 2);
  });

  test('excludeSeen draws only unseen items, all alike', () => {
    const { items: drawn } = draw(uniform({ excludeSeen: true }), { count: 3000 });
    [0, 3, 5, 9].forEach((from, s) => {
      const part = drawn.subarray(from * 3000, from * 3000 + 6000);
      const unseen = Array.from({ length: items }, (_, i) => i).filter((i) => !train.items(s).includes(i));
      const found = frequencies(part);
      found.forEach((frequency, item) => {
        if (unseen.includes(item)) expect(frequency).toBeCloseTo(1 / unseen.length, 1);
        else expect(frequency).toBe(0);
      });
    });
  });

  test('a user who saw nearly everything still gets all the rest', () => {
    const seen = Ragged.from([Array.from({ length: 998 }, (_, i) => i)]);
    const prepared = uniform({ excludeSeen: true }).prepare(seen, 1000);
    const one = { count: 200, items: 1000, target: Int32Array.of(5), sequence: Int32Array.of(0), seen };
    const { items: drawn } = prepared({ ...one, stream: () => new Rng(1) });
    expect(new Set(drawn)).toEqual(new Set([998, 999]));
  });

  test('a user who saw everything is an error', () => {
    const seen = Ragged.from([[0, 1, 2, 1]]);
    const prepared = uniform({ excludeSeen: true }).prepare(seen, 3);
    const one = { count: 1, items: 3, target: Int32Array.of(1), sequence: Int32Array.of(0), seen };
    expect(() => prepared({ ...one, stream: () => new Rng(1) })).toThrow(
      'A history of 4 events holds all 3 items, so no negative is left for it: set excludeSeen to false.',
    );
  });

  test('shared and excludeSeen do not go together', () => {
    expect(() => uniform({ shared: true, excludeSeen: true })).toThrow('set excludeSeen or shared');
  });

  test('shared: one set for the step', () => {
    const drawn = draw(uniform({ shared: true }), { count: 4 });
    expect(drawn).toMatchObject({ shared: true, count: 4 });
    expect(drawn.items).toHaveLength(4);
    expect(drawn.logQ).toBeUndefined();
    const none = draw(uniform({ shared: true }), { target: new Int32Array(0), sequence: new Int32Array(0) });
    expect(none.items).toHaveLength(0);
  });
});

describe('popularity', () => {
  const counts = [6, 2, 2, 1, 1, 1, 1, 1, 0, 0];

  test.each([0, 0.5, 1])('draws by count to the power of %f, never an item without events', (alpha) => {
    const weights = counts.map((n) => (n > 0 ? n ** alpha : 0));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const drawn = draw(popularity({ alpha }), { count: 4000 });
    const found = frequencies(drawn.items);
    weights.forEach((weight, item) => {
      expect(found[item]).toBeCloseTo(weight / total, 2);
      if (weight === 0) expect(found[item]).toBe(0);
    });
    const lnP = (item: number) => Math.log(weights[item] as number) - Math.log(total);
    for (let i = 0; i < 100; i++) expect(drawn.logQ?.[i]).toBeCloseTo(lnP(drawn.items[i] as number), 5);
    expect([...(drawn.targetLogQ as Float32Array)]).toEqual([...target].map((item) => expect.closeTo(lnP(item), 5)));
  });

  test('a target without training events counts as seen once', () => {
    const { targetLogQ } = draw(popularity({ alpha: 1 }), { target: Int32Array.of(8), sequence: Int32Array.of(0) });
    expect(targetLogQ?.[0]).toBeCloseTo(Math.log(1 / 15), 5);
  });

  test('shared: one set for the step, with its logQ', () => {
    const { items: drawn, logQ, targetLogQ, shared } = draw(popularity({ shared: true }), { count: 4 });
    expect([drawn.length, logQ?.length, targetLogQ?.length, shared]).toEqual([4, 4, target.length, true]);
  });

  test('says what it cannot do', () => {
    expect(() => popularity({ alpha: -1 })).toThrow('popularity: alpha must be a number at least 0, got -1.');
    expect(() => popularity().prepare(Ragged.from([[]]), 3)).toThrow('popularity() needs training events to count');
  });
});

test('inBatch: the targets of the step, duplicates and all, with their frequency', () => {
  const drawn = draw(inBatch());
  expect(drawn).toMatchObject({ shared: true, count: target.length });
  expect([...drawn.items]).toEqual([...target]);
  expect([...(drawn.own as Int32Array)]).toEqual([...target.keys()]);
  expect(drawn.logQ?.[1]).toBeCloseTo(Math.log(6 / 15), 6);
  expect(drawn.targetLogQ).toEqual(drawn.logQ);
});

describe('mixed', () => {
  const both = mixed({ samplers: [inBatch(), popularity({ alpha: 0.5, shared: true })] });

  test('shared negatives one after the other, each with the logQ of its sampler', () => {
    const drawn = draw(both, { count: 4 });
    expect(drawn).toMatchObject({ shared: true, count: target.length + 4 });
    expect([...drawn.items.subarray(0, target.length)]).toEqual([...target]);
    expect([...(drawn.own as Int32Array)]).toEqual([...target.keys()]);
    expect(drawn.targetLogQ).toEqual(draw(inBatch()).targetLogQ);
    const weights = [6, 2, 2, 1, 1, 1, 1, 1, 0, 0].map(Math.sqrt);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (let k = target.length; k < target.length + 4; k++) {
      const weight = weights[drawn.items[k] as number] as number;
      expect(drawn.logQ?.[k]).toBeCloseTo(Math.log(weight / total), 5);
    }
    const behind = draw(mixed({ samplers: [uniform({ shared: true }), inBatch()] }), { count: 4 });
    expect([...(behind.own as Int32Array)]).toEqual([...target.keys()].map((m) => m + 4));
  });

  test('negatives of their own, target after target, from streams of their own', () => {
    const sampler = mixed({ samplers: [uniform(), uniform(), popularity()], shares: [0.5, 0.5, 1] });
    expect(sampler.perTarget).toBe(true);
    const drawn = draw(sampler, { count: 40 });
    expect(drawn).toMatchObject({ shared: false, count: 80 });
    expect(drawn.items).toHaveLength(80 * target.length);
    const [first, second] = [drawn.items.slice(0, 20), drawn.items.slice(20, 40)];
    expect(first).not.toEqual(second);
    // Uniform draws count as alike.
    expect(drawn.logQ?.[0]).toBeCloseTo(Math.log(1 / items), 5);
    const part = draw(sampler, { count: 40, target: target.slice(0, 3), sequence: sequence.slice(0, 3) });
    expect(part.items).toEqual(drawn.items.subarray(0, 3 * 80));
    expect(sliceNegatives(drawn, 1, 2).items).toEqual(drawn.items.subarray(80, 160));
  });

  test('says what does not go together', () => {
    const none = undefined as unknown as Sampler;
    expect(() => mixed({ samplers: [uniform(), none] })).toThrow('every one of samplers must be a sampler such as');
    expect(() => hardest({ pool: 9, sampler: none })).toThrow('hardest: sampler must be a sampler such as uniform()');
    const inside = mixed({ samplers: [hardest({ pool: 9, sampler: uniform() }), uniform()] });
    expect(() => draw(inside)).toThrow('put hardest() around mixed()');
    expect(() => mixed({ samplers: [] })).toThrow('mixed needs at least one sampler, got none.');
    expect(() => mixed({ samplers: [uniform()], shares: [1, 1] })).toThrow('one share for each of its 1 samplers');
    expect(() => draw(mixed({ samplers: [uniform(), inBatch()] }))).toThrow('must all share their negatives or none');
    expect(() => draw(mixed({ samplers: [inBatch(), inBatch()] }))).toThrow('one sampler that holds the targets');
  });
});

test('hardest: a pool of which as many count as the loss takes', () => {
  const sampler = hardest({ pool: 12, sampler: uniform() });
  const drawn = draw(sampler);
  expect(drawn).toMatchObject({ shared: false, count: 12, hardest: 5 });
  expect(drawn.items).toEqual(draw(uniform(), { count: 12 }).items);
  expect(sliceNegatives(drawn, 1, 2).hardest).toBe(5);
  expect(() => draw(sampler, { count: 12 })).toThrow('hardest: pool (12) must be greater than the 12 negatives');
});

test('sliceNegatives: what a micro-batch needs', () => {
  const own = sliceNegatives(draw(popularity()), 3, 5);
  const whole = draw(popularity());
  expect(own.items).toEqual(whole.items.subarray(15, 25));
  expect(own.logQ).toEqual(whole.logQ?.subarray(15, 25));
  expect(own.targetLogQ).toEqual(whole.targetLogQ?.subarray(3, 5));
  const shared = sliceNegatives(draw(inBatch()), 3, 5);
  expect([...shared.items]).toEqual([...target]);
  expect([...(shared.own as Int32Array)]).toEqual([3, 4]);
  expect(shared.targetLogQ).toHaveLength(2);
});
