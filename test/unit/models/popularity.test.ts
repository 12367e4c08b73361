/** Popularity, and what every recommender inherits: options, unknown ids, files. */
import {
  Catalog,
  FileFormatError,
  Interactions,
  type ItemId,
  MarkovChain,
  type Part,
  Popularity,
  Ragged,
  Recommender,
  readSafetensors,
  writeSafetensors,
} from 'seqrec';
import { describe, expect, test } from 'vitest';
import { checkNumber } from '../../../src/core/shape.ts';
import { checksum } from '../../../src/io/checksum.ts';
import { readModelFile, writeModelFile } from '../../../src/io/model-file.ts';

const sequences: ItemId[][] = [
  ['a', 'b', 'c'],
  ['b', 'c'],
  ['c', 'd', 'c'],
  ['__proto__', 7, 'b'],
];
const log = Interactions.from(sequences.flatMap((items, user) => items.map((item) => ({ user, item }))));

async function fitted(): Promise<Popularity> {
  const model = new Popularity({ items: log.items });
  await model.fit(log);
  return model;
}

test('the score is the number of events; equal ones keep the order of the catalogue', async () => {
  const model = await fitted();
  expect(await model.recommend([])).toEqual([
    { item: 'c', score: 4 },
    { item: 'b', score: 3 },
    { item: 'a', score: 1 },
    { item: 'd', score: 1 },
    { item: '__proto__', score: 1 },
    { item: 7, score: 1 },
  ]);
  expect([...(await model.scores(Ragged.from([[], [0]])))]).toEqual([1, 3, 4, 1, 1, 1, 1, 3, 4, 1, 1, 1]);
});

test('fit starts afresh, partialFit goes on', async () => {
  const model = await fitted();
  expect(await model.fit(log)).toEqual({ sequences: 4, events: 11, counts: { items: 6, events: 11 } });
  expect((await model.partialFit(log)).counts).toEqual({ items: 6, events: 22 });
  expect((await model.recommend([], { k: 1 }))[0]).toEqual({ item: 'c', score: 8 });
  const other = Interactions.from([{ user: 1, item: 'x' }]);
  await expect(model.partialFit(other)).rejects.toThrow('catalogue of 6 items and the data has another of 1');
});

test('without counts there is no answer', async () => {
  const model = new Popularity({ items: log.items });
  await expect(model.recommend([])).rejects.toThrow('holds no counts: call fit');
  await expect(model.save()).rejects.toThrow('holds no counts');
  expect(() => new Popularity({ items: log as never })).toThrow(
    'items must be a Catalog, got an object (Interactions)',
  );
});

describe('recommend', () => {
  const items = (list: readonly { item: ItemId }[]) => list.map(({ item }) => item);

  test('leaves out seen items and others on request', async () => {
    const model = await fitted();
    expect(items(await model.recommend(['c', 'b', 'c']))).toEqual(['a', 'd', '__proto__', 7]);
    expect(items(await model.recommend(['c'], { excludeSeen: false, k: 2 }))).toEqual(['c', 'b']);
    expect(items(await model.recommend(['c'], { exclude: ['b', 'unknown'], k: 2 }))).toEqual(['a', 'd']);
    expect(items(await model.recommend(['c'], { exclude: new Set([7]), excludeSeen: false }))).toEqual([
      'c',
      'b',
      'a',
      'd',
      '__proto__',
    ]);
  });

  test('unknown ids are dropped and reported, or refused', async () => {
    const model = await fitted();
    const reports: unknown[] = [];
    const onUnknown = (ids: readonly ItemId[], history: number) => reports.push([history, ...ids]);
    const lists = await model.recommendMany([['c'], ['x', 'b', '7'], ['y']], { k: 1, onUnknown });
    expect(lists.map(items)).toEqual([['b'], ['c'], ['c']]);
    expect(reports).toEqual([
      [1, 'x', '7'],
      [2, 'y'],
    ]);
    await expect(model.recommend(['c', 'x'], { unknown: 'error' })).rejects.toThrow("got 'x'");
  });

  test('bad arguments are named', async () => {
    const model = await fitted();
    await expect(model.recommend(['c'], { k: 0 })).rejects.toThrow('k must be an integer at least 1, got 0');
    await expect(model.recommend('c')).rejects.toThrow("A history must be a list of item ids, oldest first, got 'c'");
    await expect(model.recommend([Number.NaN])).rejects.toThrow('An item id must be a text or a finite number');
    expect(await model.recommendMany([])).toEqual([]);
  });

  test('many histories are answered as one by one', async () => {
    const model = await fitted();
    const histories = Array.from({ length: 1500 }, (_, i) => [log.items.id(i % 6)]);
    const many = await model.recommendMany(histories, { k: 3 });
    expect(many).toHaveLength(1500);
    expect(many[1499]).toEqual(await model.recommend(histories[1499] as ItemId[], { k: 3 }));
  });
});

describe('files', () => {
  test('a loaded model answers alike', async () => {
    const model = await fitted();
    const loaded = await Popularity.load(await model.save());
    expect(loaded).toBeInstanceOf(Popularity);
    expect(await loaded.recommend(['a'])).toEqual(await model.recommend(['a']));
    expect(loaded.catalog.ids).toEqual(log.items.ids);
    expect((await loaded.partialFit(log)).counts).toEqual({ items: 6, events: 22 });
  });

  test('the wrong class, counts and arrays are named', async () => {
    const file = await (await fitted()).save();
    await expect(MarkovChain.load(file)).rejects.toThrow('The file holds a Popularity; use Popularity.load.');
    const change = (counts: Float64Array, name = 'counts') =>
      writeModelFile({
        ...readModelFile(file),
        tensors: new Map([[name, { dtype: 'F64', shape: [counts.length], data: counts }]]),
      });
    await expect(Popularity.load(change(Float64Array.of(1, 2)))).rejects.toThrow(
      'counts is F64 [2] but must be F64 [6]',
    );
    await expect(Popularity.load(change(new Float64Array(6), 'count'))).rejects.toThrow(
      'missing: counts; unknown: count',
    );
    await expect(Popularity.load(change(new Float64Array(6).fill(-1)))).rejects.toThrow(
      'A count must be an integer from 0, the file has -1',
    );
    await expect(Popularity.load(file.subarray(0, -1))).rejects.toThrow(FileFormatError);
  });

  interface Flavour extends Part {
    readonly strength: number;
  }
  const spicy = ({ strength = 2 }: { strength?: number } = {}): Flavour => ({
    name: 'spicy',
    options: { strength },
    strength,
  });
  const mild = (): Flavour => ({ name: 'mild', options: {}, strength: 1 });

  /** Scores every item by its flavour: has options, parts and no arrays. */
  class Taste extends Recommender {
    static override readonly modelName: string = 'Taste';
    static override readonly parts = { mild };
    readonly flavour: Flavour;
    readonly scale: number;

    constructor({ items, flavour = mild(), scale = 1 }: { items: Catalog; flavour?: Flavour; scale?: number }) {
      super(items);
      this.flavour = flavour;
      this.scale = checkNumber('scale', scale);
    }

    protected override config() {
      return { flavour: this.flavour, scale: this.scale };
    }

    override async scores({ count }: Ragged): Promise<Float32Array> {
      return new Float32Array(count * this.catalog.size).fill(this.scale * this.flavour.strength);
    }
  }

  const items = new Catalog(['x', 'y']);

  test('parts are made again from those of the class and those that are passed', async () => {
    const plain = await Taste.load(await new Taste({ items, scale: 3 }).save());
    expect([plain.flavour.name, plain.scale]).toEqual(['mild', 3]);
    const file = await new Taste({ items, flavour: spicy({ strength: 5 }) }).save();
    expect((await Taste.load(file, { parts: { spicy } })).flavour.strength).toBe(5);
    await expect(Taste.load(file)).rejects.toThrow("The part 'spicy' is not known here");
  });

  test('options that this version does not take are refused', async () => {
    const contents = readModelFile(await new Taste({ items }).save());
    const load = (config: unknown) => Taste.load(writeModelFile({ ...contents, config }));
    await expect(load({ scale: 2, rotary: true })).rejects.toThrow(
      'the option config.rotary, which this Taste does not take',
    );
    await expect(load({ flavour: { part: 'mild', options: { heat: 1 } } })).rejects.toThrow(
      'config.flavour.options.heat',
    );
    await expect(load(JSON.parse('{"__proto__":{"scale":9}}'))).rejects.toThrow('config.__proto__');
    await expect(load({ scale: 'big' })).rejects.toThrow('scale must be a number');
    for (const wrong of [null, 7, []]) await expect(load(wrong)).rejects.toThrow('the option config');
    expect((await load({})).scale).toBe(1);
    expect(({} as { scale?: number }).scale).toBeUndefined();
  });

  test('a hostile config is refused like any other', async () => {
    const { format_version, model, items } = readSafetensors(await new Taste({ items: log.items }).save()).metadata;
    const metadata = {
      format_version,
      model,
      items,
      config: `{"scale":${'['.repeat(1e5)}${']'.repeat(1e5)}}`,
    } as Record<string, string>;
    const file = writeSafetensors(new Map(), { ...metadata, checksum: checksum(new Map(), metadata) });
    await expect(Taste.load(file)).rejects.toThrow(FileFormatError);
  });

  test('a model that cannot be made again is not saved', async () => {
    await expect(new Taste({ items, scale: Infinity }).save()).rejects.toThrow(
      'option config.scale (Infinity) of Taste cannot be stored',
    );
    class Unnamed extends Taste {}
    await expect(new Unnamed({ items }).save()).rejects.toThrow(
      "The class Unnamed must name itself in 'static modelName'",
    );
  });

  test('a stored catalogue is checked like any other', async () => {
    const contents = readModelFile(await new Taste({ items }).save());
    for (const bad of [null, [], { ids: ['x', 'x'] }, { ids: [{}] }, { ids: 'xy' }]) {
      await expect(Taste.load(writeModelFile({ ...contents, items: bad }))).rejects.toThrow();
    }
  });
});
