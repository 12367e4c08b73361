import {
  Catalog,
  categorical,
  cyclicTime,
  dateTime,
  evaluate,
  eventCodes,
  type Feature,
  Interactions,
  kCore,
  leaveLastOut,
  mrr,
  multiValued,
  numeric,
  Popularity,
  Ragged,
  readHistories,
  readInteractions,
  SASRec,
  sequenceCodes,
  sequenceFormat,
  tableFormat,
} from 'seqrec';
import { describe, expect, it } from 'vitest';

const rows = [
  { user: 'u', item: 'a', time: 2, brand: 'x', tags: ['red', 'old'], action: 'buy', device: 'phone', age: 30 },
  { user: 'u', item: 'b', time: 1, brand: 'y', tags: 'red|new', action: 'view', device: 'desk' },
  { user: 'v', item: 'a', time: 1, action: 'view', device: null, age: 50 },
  { user: 'v', item: 'c', time: 2, tags: [], action: '', device: 'desk' },
  { user: 'v', item: 'b', time: 3, brand: 'y', action: 'view', device: 'phone', age: 50 },
];
const features = {
  item: { brand: categorical(), tags: multiValued() },
  event: { action: categorical() },
  context: { device: categorical() },
  user: { age: numeric({ buckets: 2 }) },
};
const log = Interactions.from(rows, { features });
const column = (sequences: Ragged, name: string) => [...(sequences.events[name] as Int32Array)];

describe('kinds of features', () => {
  it('learns the values of a category in order of appearance', () => {
    const learned = categorical().learn(['b', 1, 'b', '1', true]);
    expect(learned.options).toEqual({ values: ['b', 1, '1', true] });
    expect(['b', 1, '1', true, 'c', false].map((value) => learned.code(value))).toEqual([0, 1, 2, 3, -1, -1]);
    expect(learned.size).toBe(4);
  });

  it('reads several values from a list or a text', () => {
    const genres = multiValued({ separator: ' ' });
    expect(genres.read('drama war  drama', 'x')).toEqual(['drama', 'war']);
    expect(genres.read(['a b', 3, null], 'x')).toEqual(['a b', 3]);
    expect(genres.read(undefined, 'x')).toEqual([]);
    expect(genres.read(7, 'x')).toEqual([7]);
  });

  it('cuts numbers into buckets of about as many values, or at given boundaries', () => {
    const price = numeric({ buckets: 4 }).learn([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(price.options).toEqual({ buckets: [3, 5, 7] });
    expect([-9, 2.9, 3, 6, 7, 99].map((value) => price.code(value))).toEqual([0, 0, 1, 2, 3, 3]);
    expect(numeric({ buckets: 4 }).learn([1, 1, 1, 1, 1, 9]).options).toEqual({ buckets: [] });
    expect(numeric({ buckets: 3 }).learn([5, 5, 5]).size).toBe(1);
    expect(numeric({ buckets: [0, 10] }).size).toBe(3);
    expect(numeric().read(' 2.5 ', 'x')).toEqual([2.5]);
  });

  it('reads times from dates, numbers and texts, by stretches or by the place in a period', () => {
    const day = 86_400_000;
    const released = dateTime({ buckets: 2 }).learn([0, day, 2 * day, 3 * day]);
    expect(released.options).toEqual({ buckets: [2 * day] });
    const texts = ['1970-01-03', '1970-01-02T23:59:59.999Z', '1970-01-03T01:00+02:00', `${2 * day}`];
    const codes = (feature: Feature, values: unknown[]) =>
      values.map((value) => feature.code(feature.read(value, 'x')[0] as number));
    expect(codes(released, [...texts, new Date(2 * day), -5])).toEqual([1, 0, 0, 1, 1, 0]);
    const hour = cyclicTime({ period: day, buckets: 24 });
    expect(codes(hour, ['2024-05-01T13:59:59Z', new Date(0), -1, 25 * 3_600_000])).toEqual([13, 0, 23, 1]);
    expect(codes(cyclicTime({ period: 7 * day, buckets: 7 }), ['2024-05-02', '2024-05-01'])).toEqual([0, 6]); // a Thursday, a Wednesday
    expect([dateTime().read(null, 'x'), hour.read('', 'x')]).toEqual([[], []]);
    expect(hour.learn([1, 2])).toBe(hour);

    const timed = Interactions.from(
      [
        { user: 'u', item: 'a', at: '2024-05-01T08:00Z', released: '1999-01-01' },
        { user: 'u', item: 'b', at: new Date('2024-05-02T20:00Z'), released: new Date('2009-01-01') },
      ],
      { features: { item: { released: dateTime({ buckets: 2 }) }, context: { at: hour } } },
    );
    expect(column(timed.sequences, 'at')).toEqual([8, 20]);
    expect(timed.items.features.item.released?.codes).toEqual(Int32Array.of(0, 1));
    expect(Catalog.fromJSON(JSON.parse(JSON.stringify(timed.items))).equals(timed.items)).toBe(true);
  });

  it.each([
    [() => dateTime().read('soon', 'x'), /x must be a valid Date, a finite number, or a text of one .* got 'soon'/],
    [() => dateTime().read(new Date('never'), 'x'), /must be a valid Date/],
    [() => dateTime().read(true, 'x'), /got true/],
    [() => dateTime().read(Number.NaN, 'x'), /got NaN/],
    [() => dateTime({ buckets: 1 }), /buckets must be an integer at least 2/],
    [() => cyclicTime({ period: 0, buckets: 2 }), /cyclicTime: period/],
    [() => cyclicTime({ period: 7, buckets: 1 }), /cyclicTime: buckets/],
    [() => categorical({ values: ['a', 'a'] }), /must differ, got 'a' twice/],
    [() => categorical({ values: [] }), /at least one value/],
    [() => categorical({ values: 'abc' as never }), /must be an array/],
    [() => categorical({ values: [Number.NaN] }), /finite number or a boolean, got NaN/],
    [() => categorical().read({}, 'Row 1: x'), /Row 1: x must be a text, a finite number or a boolean, got an object/],
    [() => multiValued({ separator: '' }), /separator must be a text/],
    [() => multiValued({ combine: 'max' as never }), /'mean' or 'sum', got 'max'/],
    [() => numeric({ buckets: 1 }), /numeric: buckets must be an integer at least 2/],
    [() => numeric({ buckets: [2, 1] }), /ascending order/],
    [() => numeric({ buckets: null as never }), /buckets must be a number, or/],
    [() => numeric().read('high', 'x'), /x must be a finite number, got 'high'/],
  ])('refuses %#', (make, message) => {
    expect(make).toThrow(message);
  });
});

describe('Interactions.from with features', () => {
  it('puts items’ features into the catalogue and the others into columns', () => {
    const { item, event, context, user } = log.items.features;
    expect(item.brand?.codes).toEqual(Int32Array.of(0, 1, -1));
    expect(item.tags?.feature.options.values).toEqual(['red', 'old', 'new']);
    expect(item.tags?.codes).toEqual({ offsets: Int32Array.of(0, 2, 4, 4), values: Int32Array.of(0, 1, 0, 2) });
    expect([event.action?.size, context.device?.size, user.age?.size]).toEqual([2, 2, 2]);
    expect(column(log.sequences, 'action')).toEqual([1, 0, 1, -1, 1]);
    expect(column(log.sequences, 'device')).toEqual([1, 0, -1, 1, 0]);
    expect([...(log.sequences.sequences.age as Int32Array)]).toEqual([0, 1]);
  });

  it('keeps the columns through filters and splits, and drops them on request', () => {
    const core = kCore(log, { user: 3 });
    expect([core.items.ids, column(core.sequences, 'action')]).toEqual([
      ['a', 'b', 'c'],
      [1, -1, 1],
    ]);
    const two = kCore(log, { item: 2 });
    expect(two.items.features.item.tags?.codes).toEqual({
      offsets: Int32Array.of(0, 2, 4),
      values: Int32Array.of(0, 1, 0, 2),
    });
    const { test, train } = leaveLastOut(log);
    expect(column(test.targets, 'device')).toEqual([0]);
    expect([...(test.histories.sequences.age as Int32Array)]).toEqual([1]);
    expect(train.items).toBe(log.items);
    const some = log.withFeatures('brand', 'age');
    expect(some.items.describe()).toBe('3 items with the features brand, age');
    expect([Object.keys(some.sequences.events), Object.keys(some.sequences.sequences)]).toEqual([
      ['item', 'time'],
      ['user', 'age'],
    ]);
    expect(log.withFeatures().items.describe()).toBe('3 items');
    expect(() => log.withFeatures('colour')).toThrow(
      /one of those declared .*'brand', 'tags', 'action'.* got 'colour'/,
    );
  });

  it('codes further data by the vocabulary of a catalogue', () => {
    const row = { user: 'w', item: 'c', time: 1, action: 'buy', device: 'desk', age: 99 };
    const more = Interactions.from([row], { catalog: log.items });
    expect([column(more.sequences, 'action'), [...(more.sequences.sequences.age as Int32Array)]]).toEqual([[0], [1]]);
    expect(more.items).toBe(log.items);
    const other = { ...row, action: 'like' };
    expect(() => Interactions.from([other], { catalog: log.items })).toThrow(
      /Row 0: the feature 'action' must be one of 2 known values, got 'like'/,
    );
    const dropped = Interactions.from([row, other], { catalog: log.items, unknown: 'drop' });
    expect(column(dropped.sequences, 'action')).toEqual([0, -1]);
    expect(() => Interactions.from([row], { catalog: log.items, features: { event: { x: categorical() } } })).toThrow(
      /The catalogue has features \(action, device, age\) itself/,
    );
    const plain = new Catalog(['a', 'c']);
    const joined = Interactions.from([{ user: 'w', item: 'c', action: 'buy' }], {
      catalog: plain,
      features: { event: { action: categorical() } },
    });
    expect([joined.items.ids, joined.items.features.event.action?.size]).toEqual([['a', 'c'], 1]);
    expect(plain.features.event).toEqual({});
  });

  const one = (feature: Feature, group = 'event') => ({ features: { [group]: { x: feature } } });
  const given = (...values: unknown[]) => values.map((x) => ({ user: 1, item: 1, x }));
  it.each<[string, object[], object, RegExp]>([
    ['an undeclared column', given(1), {}, /Row 0 has the column 'x', which nothing would use: declare it/],
    [
      'a feature that never appears',
      [{ user: 1, item: 1 }],
      one(categorical()),
      /'x' is declared of each event and has no value/,
    ],
    ['a wrong value', given(1, {}), one(categorical()), /Row 1: the feature 'x' must be a text/],
    [
      'an item that changes',
      given('a', undefined, 'b'),
      one(categorical(), 'item'),
      /Row 2: .* must be the same in all rows of the item, got 'b' after 'a'/,
    ],
    ['a user that changes', given(1, 2), one(numeric(), 'user'), /in all rows of the user, got 2 after 1/],
    ['several values of an event', given('a'), one(multiValued()), /several values, which only items can have/],
    [
      'a group that is none',
      given('a'),
      one(categorical(), 'items'),
      /Features are declared of 'item', 'event', 'context', 'user', got 'items'/,
    ],
    [
      'a declaration that is none',
      given('a'),
      { features: { event: { x: categorical } } },
      /must be a declaration such as categorical\(\)/,
    ],
    ['a reserved name', given('a'), { features: { event: { time: categorical() } } }, /cannot have the name 'time'/],
    [
      'a name of objects',
      given('a'),
      { features: { event: { constructor: categorical() } } },
      /cannot have the name 'constructor': rename/,
    ],
    ['a name with a dot', given('a'), { features: { event: { 'a.b': categorical() } } }, /the name 'a.b'/],
    [
      'a name twice',
      given('a'),
      { features: { event: { x: categorical() }, user: { x: categorical() } } },
      /'x' is declared twice/,
    ],
  ])('refuses %s', (_, bad, options, message) => {
    expect(() => Interactions.from(bad as never, options)).toThrow(message);
  });

  it('refuses sequences whose columns do not fit the catalogue', () => {
    const { offsets, events, sequences } = log.sequences;
    const { action: _, ...without } = events;
    const make = (columns: object) =>
      new Interactions(log.items, log.users, new Ragged(offsets, columns as never, sequences));
    expect(() => make(without)).toThrow(/declares the feature 'action', of which the sequences have no codes/);
    expect(() => make({ ...events, action: Int32Array.of(0, 1, 2, 0, 0) })).toThrow(/codes from -1 to 1, got 2/);
  });
});

describe('tables with features', () => {
  const text = 'user,item,when,price,genres,kind\nu,a,1,2.5,x y,view\nu,b,2,,x,buy\nv,a,3,2.5,,view\n';
  const declared = {
    item: { price: numeric({ buckets: [2, 3] }), genres: multiValued({ separator: ' ' }) },
    event: { action: categorical() },
  };

  it('reads declared columns, by their names or as named', async () => {
    const format = tableFormat({ columns: { time: 'when', action: 'kind' } });
    const table = await readInteractions(text, { format, features: declared });
    expect(table.items.features.item.price?.codes).toEqual(Int32Array.of(1, -1));
    expect(table.items.features.item.genres?.codes).toEqual({
      offsets: Int32Array.of(0, 2, 3),
      values: Int32Array.of(0, 1, 0),
    });
    expect(column(table.sequences, 'action')).toEqual([0, 1, 0]);
    const numbers = tableFormat({ columns: { user: 0, item: 1, action: 2 } });
    const bare = await readInteractions('u,a,view\nu,b,buy\n', {
      format: numbers,
      features: { event: { action: categorical() } },
    });
    expect(column(bare.sequences, 'action')).toEqual([0, 1]);
  });

  it('refuses columns that are missing, undeclared or wrong', async () => {
    const read = (columns: object, features: object) =>
      readInteractions(text, { format: tableFormat({ columns: { time: 'when', ...columns } }), features });
    await expect(read({}, { event: { action: categorical() } })).rejects.toThrow(
      /A column must be one of .*'kind', got 'action'/,
    );
    await expect(read({ action: 'kind' }, {})).rejects.toThrow(/columns.action names no declared feature/);
    await expect(read({}, { event: { kind: numeric() } })).rejects.toThrow(
      /Line 2: the feature 'kind' must be a finite number, got 'view'/,
    );
    await expect(readInteractions('a b\nb c\n', { format: sequenceFormat(), features: declared })).rejects.toThrow(
      /'price' is declared of each item and has no value/,
    );
  });
});

describe('Catalog with features', () => {
  const items = Catalog.from(
    [
      { item: 'a', name: 'A', brand: 'x', tags: ['red'], price: 3 },
      { item: 'b', name: 'B', brand: 'y', tags: ['red', 'new'], price: 5 },
      { item: 'c', name: 'C', price: 1 },
    ],
    { features: { brand: categorical(), tags: multiValued({ combine: 'sum' }), price: numeric({ buckets: 3 }) } },
  );

  it('comes back from JSON as it was', () => {
    for (const catalog of [items, log.items]) {
      const again = Catalog.fromJSON(JSON.parse(JSON.stringify(catalog)));
      expect(again.equals(catalog)).toBe(true);
      expect(again.toJSON()).toEqual(catalog.toJSON());
      expect(again.equals(catalog.withFeatures())).toBe(false);
      expect(again.covers(catalog.withFeatures())).toBe(true);
      expect(catalog.withFeatures().covers(again)).toBe(false);
    }
    expect(items.features.item.tags?.feature.combine).toBe('sum');
    expect(items.names).toEqual(['A', 'B', 'C']);
    expect(JSON.stringify(new Catalog(['a']))).toBe('{"ids":["a"]}');
  });

  it('knows other values of a feature as another feature', () => {
    const other = Interactions.from(
      rows.map((row) => ({ ...row, action: `${row.action}!` })),
      { features },
    );
    expect(other.items.covers(log.items)).toBe(false);
    expect(other.items.withFeatures('brand').equals(log.items.withFeatures('brand'))).toBe(true);
  });

  const json = JSON.parse(JSON.stringify(items));
  const changed = (
    change: (features: { item: Record<string, Record<string, unknown>> } & Record<string, unknown>) => void,
  ) => {
    const copy = structuredClone(json);
    change(copy.features);
    return copy;
  };
  it.each<[string, () => unknown, RegExp]>([
    ['features that are none', () => ({ ...json, features: 3 }), /Stored features must be an object, got 3/],
    [
      'too few codes',
      () => changed(({ item }) => ((item.brand as { codes: unknown }).codes = [0])),
      /'brand' must have 3 rows, got 1/,
    ],
    [
      'a code too high',
      () => changed(({ item }) => ((item.brand as { codes: unknown }).codes = [0, 9, 0])),
      /codes from -1 to 1, got 9/,
    ],
    [
      'codes that are none',
      () => changed(({ item }) => ((item.brand as { codes: unknown }).codes = ['x', 0, 0])),
      /whole numbers, got an array/,
    ],
    [
      'no codes',
      () => changed(({ item }) => delete item.brand?.codes),
      /codes of the feature 'brand' must be whole numbers, got undefined/,
    ],
    [
      'offsets that fall',
      () =>
        changed(({ item }) => ((item.tags as { codes: unknown }).codes = { offsets: [0, 2, 1, 3], values: [0, 0, 1] })),
      /must rise from 0 to 3/,
    ],
    [
      'one code of several',
      () => changed(({ item }) => ((item.tags as { codes: unknown }).codes = [0, 0, 0])),
      /'tags' must be \{ offsets, values \}/,
    ],
    [
      'an unknown kind',
      () => changed(({ item }) => ((item.brand as { feature: unknown }).feature = { part: 'magic' })),
      /The part 'magic' is not known/,
    ],
    ['no kind', () => changed(({ item }) => delete item.brand?.feature), /must be a declaration/],
    [
      'an unlearned kind',
      () => changed((all) => (all.event = { x: { part: 'categorical', options: {} } })),
      /'x' has not learned its values/,
    ],
    ['an unknown group', () => changed((all) => (all.more = {})), /got 'more'/],
    [
      'a name of objects',
      () => JSON.parse(JSON.stringify(json).replace('"brand"', '"__proto__"')),
      /cannot have the name '__proto__'/,
    ],
  ])('refuses from JSON %s', (_, bad, message) => {
    expect(() => Catalog.fromJSON(bad())).toThrow(message);
  });

  it.each<[string, object[], RegExp]>([
    ['an undeclared column', [{ item: 'a', colour: 1 }], /Row 0 has the column 'colour', which is not declared/],
    ['a row that is none', [null as never], /Row 0 must be an object/],
    [
      'an item twice',
      [
        { item: 'a', brand: 1 },
        { item: 'a', brand: 1 },
      ],
      /must differ, got 'a' in row 0 and row 1/,
    ],
    [
      'some names',
      [{ item: 'a', brand: 1, name: 'A' }, { item: 'b' }],
      /names must have one text for each of the 2 items/,
    ],
    ['no values', [{ item: 'a' }], /'brand' is declared of each item and has no value/],
  ])('refuses %s', (_, bad, message) => {
    expect(() => Catalog.from(bad as never, { features: { brand: categorical() } })).toThrow(message);
  });
});

describe('readHistories', () => {
  it('codes events and requests; unknown values count as none', () => {
    const { histories, unknown } = readHistories(
      log.items,
      [
        [
          { item: 'a', action: 'view', time: 1 },
          { item: 'nobody', action: 'buy', time: 2 },
          { item: 'b', action: 'like', time: new Date(3) },
        ],
        [{ item: 'c', action: undefined, time: 4 }],
      ],
      {
        features: [
          { device: 'phone', age: 20 },
          { device: 'watch', age: undefined },
        ],
      },
    );
    expect([...histories.offsets]).toEqual([0, 2, 3]);
    expect(column(histories, 'action')).toEqual([1, -1, -1]);
    expect([...(histories.time as Float64Array)]).toEqual([1, 3, 4]);
    expect(histories.sequences).toEqual({ device: Int32Array.of(0, -1), age: Int32Array.of(0, -1) });
    expect(unknown).toEqual([['nobody'], []]);
    expect(eventCodes(log.items, histories)).toEqual({
      brand: Int32Array.of(0, 1, -1),
      tags: { offsets: Int32Array.of(0, 2, 4, 4), values: Int32Array.of(0, 1, 0, 2) },
      action: Int32Array.of(1, -1, -1),
    });
    expect(Object.keys(sequenceCodes(log.items, histories))).toEqual(['age', 'device']);
    expect(() => eventCodes(log.items, Ragged.from([[0]]))).toThrow(
      /reads the feature 'action', of which the events have no column/,
    );
  });

  it('takes bare ids where items alone have features', () => {
    const plain = log.items.withFeatures('brand');
    const { histories } = readHistories(plain, [['a', 'c'], []]);
    expect(histories).toEqual(Ragged.from([[0, 2], []]));
  });

  const request = { device: 'phone', age: 3 };
  it.each<[unknown[], object, RegExp]>([
    [['a'], { features: [request] }, /events of a history must have 'action', which the model reads/],
    [[{ item: 'a' }], { features: [request] }, /must have 'action'/],
    [
      [{ item: 'a', action: 'buy', colour: 1 }],
      { features: [request] },
      /may have what the model reads \(action\), got 'colour'/,
    ],
    [[{ item: 'a', action: 'buy' }], {}, /for each of the 1 histories \(age, device\), got none/],
    [[{ item: 'a', action: 'buy' }], { features: [{ device: 'phone' }] }, /request must have 'age'/],
    [[{ item: 'a', action: 'buy' }], { features: [{ ...request, city: 1 }] }, /\(age, device\), got 'city'/],
    [
      [{ item: 'a', action: 'like' }],
      { features: [request], unknown: 'error' },
      /'action' must be one of 2 known values, got 'like'/,
    ],
    [[{ item: 'x', action: 'buy' }], { features: [request], unknown: 'error' }, /got 'x'/],
    [
      [
        { item: 'a', action: 'buy', time: 1 },
        { item: 'a', action: 'buy' },
      ],
      { features: [request] },
      /a time, or none, got 1 of 2/,
    ],
    [
      [{ item: 'a', action: 'buy', time: 'now' }],
      { features: [request] },
      /A time must be a finite number or a valid Date, got 'now'/,
    ],
    [[null], { features: [request] }, /item id must be a text or a finite number, got null/],
  ])('refuses %#', (history, options, message) => {
    expect(() => readHistories(log.items, [history as never], options)).toThrow(message);
  });
});

describe('models that read no features', () => {
  it('refuse a catalogue and data with them, and are measured beside others', async () => {
    expect(() => new SASRec({ items: log.items })).toThrow(
      /SASRec reads no side features and was given brand, tags, action/,
    );
    const plain = log.withFeatures();
    const model = new Popularity({ items: plain.items });
    await expect(model.fit(log)).rejects.toThrow(
      /a catalogue of 3 items and the data has another of 3 items with the features brand/,
    );
    await model.fit(plain);
    const { metrics } = await evaluate(model, leaveLastOut(log).test, { metrics: [mrr()], excludeSeen: false });
    expect(metrics.MRR).toBeGreaterThan(0);
    await expect(model.recommend([{ item: 'a', action: 'buy' }])).rejects.toThrow(
      /what the model reads \(none\), got 'action'/,
    );
    await expect(model.recommend(['a'], { features: { age: 3 } })).rejects.toThrow(/\(none\), got 'age'/);
  });
});
