/** Augmentations by themselves and around an objective. */
import fc from 'fast-check';
import {
  type Augmentation,
  adam,
  allPositions,
  augmented,
  BERT4Rec,
  BST,
  Caser,
  cloze,
  crop,
  Examples,
  Interactions,
  insert,
  mask,
  nextItem,
  type Objective,
  oneOf,
  pointwise,
  prefixes,
  Ragged,
  Rng,
  reorder,
  SASRec,
  type SequenceModel,
  slidingWindows,
  substitute,
  unchanged,
} from 'seqrec';
import { describe, expect, it } from 'vitest';

const items = 12;
const train = Ragged.from([[0, 1, 2], [0, 1, 3], [1, 0], [4, 4, 5, 6], [11]]);
const view = (augmentation: Augmentation, sequence: number[], seed = 1) => {
  const make = augmentation.prepare?.(train, items) ?? augmentation.view;
  const { events, items: shown } = make(Int32Array.from(sequence), { items, mask: items, rng: new Rng(seed) });
  return { events: [...events], items: [...shown] };
};
const sequences = fc.array(fc.nat(items - 1), { minLength: 1, maxLength: 30 });

describe('augmentations', () => {
  it.each([
    crop(),
    mask(),
    reorder(),
    substitute(),
    insert(),
    unchanged(),
    oneOf({ augmentations: [crop(), reorder()] }),
  ])('$name: as many items as events, places of the sequence, the same for the same stream', (augmentation) => {
    fc.assert(
      fc.property(sequences, fc.nat(1000), (sequence, seed) => {
        const found = view(augmentation, sequence, seed);
        expect(found).toEqual(view(augmentation, sequence, seed));
        expect(found.items).toHaveLength(found.events.length);
        expect(found.events.length).toBeGreaterThan(0);
        expect(found.events.every((place) => place >= 0 && place < sequence.length)).toBe(true);
      }),
    );
  });

  it('crop keeps a stretch of its share', () => {
    fc.assert(
      fc.property(sequences, fc.nat(1000), (sequence, seed) => {
        const { events, items: shown } = view(crop({ share: 0.5 }), sequence, seed);
        const [start = 0] = events;
        expect(shown).toEqual(sequence.slice(start, start + Math.max(1, Math.floor(sequence.length / 2))));
      }),
    );
    const starts = new Set(Array.from({ length: 60 }, (_, seed) => view(crop(), [0, 1, 2, 3, 4], seed).events[0]));
    expect([...starts].sort()).toEqual([0, 1, 2]);
  });

  it('mask hides its share, and only with a model that has [MASK]', () => {
    fc.assert(
      fc.property(sequences, fc.nat(1000), (sequence, seed) => {
        const { events, items: shown } = view(mask({ share: 0.4 }), sequence, seed);
        expect(events).toEqual(sequence.map((_, i) => i));
        expect(shown.filter((item) => item === items)).toHaveLength(Math.floor(0.4 * sequence.length));
        expect(shown.every((item, i) => item === items || item === sequence[i])).toBe(true);
      }),
    );
    expect(() => mask().view(Int32Array.of(1), { items, rng: new Rng(1) })).toThrow(
      'needs a model with a row for [MASK]',
    );
  });

  it('reorder shuffles one stretch of its share', () => {
    fc.assert(
      fc.property(sequences, fc.nat(1000), (sequence, seed) => {
        const { events, items: shown } = view(reorder({ share: 0.5 }), sequence, seed);
        expect([...events].sort((a, b) => a - b)).toEqual(sequence.map((_, i) => i));
        expect(shown).toEqual(events.map((place) => sequence[place]));
        const moved = events.flatMap((place, i) => (place === i ? [] : [i]));
        expect((moved.at(-1) ?? 0) - (moved[0] ?? 0)).toBeLessThan(Math.max(1, Math.floor(sequence.length / 2)));
      }),
    );
    expect(view(reorder({ share: 1 }), [0, 1, 2, 3, 4, 5, 6, 7]).events).not.toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('substitute and insert take the item that most often stands near', () => {
    // 0 and 1 are together three times, 5 and 6 are nearest to 4 and to each other; 11 is never with another.
    expect(view(substitute({ share: 1 }), [0, 1, 11]).items).toEqual([1, 0, 11]);
    expect(view(substitute({ share: 0 }), [0, 1]).items).toEqual([0, 1]);
    expect(view(insert({ share: 1 }), [0, 11, 1])).toEqual({ events: [0, 0, 1, 2, 2], items: [1, 0, 11, 0, 1] });
    expect(view(insert({ share: 0.5 }), [0, 1, 0, 1]).items).toHaveLength(6);
    expect(() => substitute().view(Int32Array.of(1), { items, rng: new Rng(1) })).toThrow('must be prepared');
    expect(() => insert().view(Int32Array.of(1), { items, rng: new Rng(1) })).toThrow('must be prepared');
  });

  it.each([
    () => crop({ share: 0 }),
    () => crop({ share: 1.1 }),
    () => mask({ share: -1 }),
    () => reorder({ share: Number.NaN }),
    () => substitute({ window: 0 }),
    () => insert({ share: 2 }),
    () => oneOf({ augmentations: [] }),
    () => augmented({ objective: { ...nextItem(), steps: () => [] }, augmentation: crop() }),
    () => augmented({ objective: nextItem(), augmentation: crop(), share: 2 }),
  ])('refuse bad numbers: %#', (make) => {
    expect(make).toThrow();
  });
});

describe('augmented', () => {
  const batchOf = (share: number, augmentation: Augmentation, objective = nextItem()) => {
    const times = new Ragged(Int32Array.of(0, 4, 6), {
      item: Int32Array.of(0, 1, 2, 3, 4, 5),
      time: Float64Array.of(10, 20, 30, 40, 50, 60),
    });
    const examples = new Examples(times, { maxLength: 9, rule: objective.examples });
    const make = augmented({ objective, augmentation, share }).prepare?.(examples, items);
    const context = { maxLength: 3, items, stream: (b: number) => new Rng(7).fork(b) };
    return make?.(times, context);
  };

  it('asks the questions of changed sequences, whose times move with them', () => {
    const { inputs, targets } = batchOf(1, reorder({ share: 1 })) ?? expect.unreachable();
    const [a, b] = [
      [...inputs.items(0), targets.item[2]],
      [...inputs.items(1), targets.item[3]],
    ];
    expect([[...a].sort(), [...b].sort()]).toEqual([
      [0, 1, 2, 3],
      [4, 5],
    ]);
    expect([...(inputs.time ?? [])]).toEqual([...inputs.item].map((item) => 10 * (item + 1)));
  });

  it('leaves the other examples, and those it would empty, as they are', () => {
    for (const batch of [batchOf(0, reorder({ share: 1 })), batchOf(1, crop({ share: 0.2 }))]) {
      expect([...(batch?.inputs.item ?? [])]).toEqual([0, 1, 2, 4]);
      expect([...(batch?.targets.item ?? [])]).toEqual([1, 2, 3, 5]);
    }
  });

  it('never makes an example longer than the model reads', () => {
    const many = insert({ share: 1 }).prepare?.(Ragged.from([[0, 1, 2, 3, 4, 5]]), items) as Augmentation['view'];
    const { inputs } = batchOf(1, { name: 'many', options: {}, view: many }) ?? expect.unreachable();
    expect([inputs.length(0), inputs.length(1)]).toEqual([3, 3]);
  });

  const log = Interactions.from(
    Array.from({ length: 20 }, (_, user) =>
      Array.from({ length: 3 + (user % 5) }, (_, t) => ({ user, item: (user + t) % 10, time: t })),
    ).flat(),
  );
  const size = { items: log.items, maxLength: 6, dim: 8, layers: 1, dropout: 0 };
  const augmentation = oneOf({ augmentations: [crop(), reorder(), substitute(), insert()] });

  it('trains a model, the same with the same seed', async () => {
    for (const objective of [nextItem(), prefixes()]) {
      const losses = async () => {
        using model = new SASRec(size);
        const options = { epochs: 4, batchSize: 8, optimizer: adam({ learningRate: 0.02 }) };
        const report = await model.fit(log, { ...options, objective: augmented({ objective, augmentation }) });
        return report.epochs.map(({ loss }) => loss);
      };
      const found = await losses();
      expect(found.at(-1)).toBeLessThan(found[0] as number);
      expect(await losses()).toEqual(found);
    }
  });

  it.each<[Objective, () => SequenceModel]>([
    [cloze(), () => new BERT4Rec(size)],
    [slidingWindows({ length: 3 }), () => new Caser({ items: log.items, maxLength: 3, dim: 8, dropout: 0 })],
    [pointwise({ negatives: 2 }), () => new BST({ ...size, heads: 2, head: allPositions({ hidden: [8] }) })],
  ])('goes with $name', async (objective, make) => {
    using model = make();
    const report = await model.fit(log, { epochs: 1, objective: augmented({ objective, augmentation }) });
    expect(report.epochs[0]?.loss).toBeGreaterThan(0);
  });
});
