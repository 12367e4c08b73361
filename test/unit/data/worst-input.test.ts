/** Data that nobody means to give: every tool answers with an error that says what to do, or with what is right. */
import {
  categorical,
  cutSessions,
  evaluate,
  everyNext,
  findLeaks,
  Interactions,
  kCore,
  lastFraction,
  leaveLastOut,
  MarkovChain,
  mrr,
  Popularity,
  popularCandidates,
  Ragged,
  readInteractions,
  SASRec,
  STAN,
  splitByTime,
  splitSessions,
  splitUsers,
} from 'seqrec';
import { describe, expect, it, test } from 'vitest';

const event = (user: string | number, item: string | number, time?: number) => ({ user, item, time });
const ids = (log: Interactions) => [...log].map(({ user, item }) => [user, item]);

describe('a single event', () => {
  const one = Interactions.from([event('u', 'a', 1)]);
  it.each([
    ['leaveLastOut', leaveLastOut, /at least 3 events/],
    ['lastFraction', lastFraction, /at least 3 events/],
    ['splitByTime', splitByTime, /No event lies before the test part \(from 1\)/],
    ['splitSessions', splitSessions, /No session is left/],
    ['splitUsers', splitUsers, /Users with two events must be enough/],
    ['everyNext', everyNext, /must have two events/],
    ['kCore', (log: Interactions) => kCore(log, 2), /smaller counts or more data/],
  ])('is too little for %s', (_, split, message) => {
    expect(() => split(one)).toThrow(message);
  });

  it('is counted, described and cut', async () => {
    expect(one.describe()).toMatchObject({ users: 1, items: 1, events: 1 });
    expect(cutSessions(one, { gap: 1 }).users).toEqual(['u/1']);
    const popular = new Popularity({ items: one.items });
    await popular.fit(one);
    expect(await popular.recommend(['a'], { excludeSeen: false })).toEqual([{ item: 'a', score: 1 }]);
    expect(await popular.recommend(['a'])).toEqual([]);
  });

  it('teaches no sequence', async () => {
    using model = new SASRec({ items: one.items, dim: 4 });
    await expect(model.fit(one)).rejects.toThrow('a sequence of at least 2 events, got none among 1');
    const chain = new MarkovChain({ items: one.items });
    await chain.fit(one);
    await expect(chain.recommend(['a'])).rejects.toThrow('sequences long enough to count');
  });
});

describe('one time for all', () => {
  const log = Interactions.from(['a', 'b', 'c'].flatMap((user) => [1, 2, 3].map((item) => event(user, item, 5))));
  it('keeps the order of the rows and cannot be split by time', () => {
    expect(ids(log).slice(0, 3)).toEqual([['a', 1], ['a', 2], ['a', 3]]); // biome-ignore format: one line
    expect([...leaveLastOut(log).test.targets.item].map((row) => log.items.id(row))).toEqual([3, 3, 3]);
    expect(cutSessions(log, { gap: 1 }).count).toBe(3);
    expect(() => splitByTime(log)).toThrow('No event lies before the test part (from 5)');
    expect(() => splitByTime(log, { test: { from: 5 } })).toThrow('before the test part');
    expect(() => splitSessions(log)).toThrow('No session is left');
  });
});

describe('ids that objects use themselves', () => {
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
  const log = Interactions.from(
    names.flatMap((user, u) => names.map((item, i) => ({ ...event(user, item, 10 * u + i), kind: item, group: user }))),
    { features: { event: { kind: categorical() }, user: { group: categorical() } } },
  );
  it('go through every tool as other ids', async () => {
    expect(log.users).toEqual(names);
    expect(log.items.features.event.kind?.options.values).toEqual(names);
    const { train, test: held } = leaveLastOut(kCore(log, 2));
    expect(ids(train)).toHaveLength(8);
    expect(findLeaks(train, held)).toMatchObject({ users: 4, unknownItems: 4, trained: 0 });
    expect(cutSessions(log, { gap: 5 }).users[0]).toBe('__proto__/1');
    const popular = new Popularity({ items: log.items.withFeatures() });
    await popular.fit(log.withFeatures());
    expect((await popular.recommend(['constructor'], { k: 9 })).map(({ item }) => item).sort()).toEqual(
      names.filter((name) => name !== 'constructor').sort(),
    );
  });
});

describe('two logs that were read apart', () => {
  const one = Interactions.from([event('x', 'p', 1), event('x', 'q', 2)]);
  const other = Interactions.from([event('y', 'p', 3), event('y', 'q', 4), event('x', 'p', 5), event('x', 'q', 6)]);
  it('share users by their ids, not by their rows', () => {
    expect(findLeaks(one, everyNext(other))).toMatchObject({ targets: 2, users: 1, later: 0 });
    expect(findLeaks(other, everyNext(one))).toMatchObject({ targets: 1, users: 1, later: 4 });
  });

  it('must have one catalogue', async () => {
    const third = Interactions.from([event('x', 'q', 1), event('x', 'p', 2), event('x', 'r', 3)]);
    expect(() => findLeaks(third, everyNext(one))).toThrow('another of 2 items');
    const model = new Popularity({ items: one.items });
    await model.fit(one);
    const candidates = popularCandidates(third, { count: 1 });
    await expect(evaluate(model, everyNext(one), { metrics: [mrr()], candidates })).rejects.toThrow(
      'the 3 items of another catalogue, and the holdout has 2',
    );
  });
});

test('users that would have one name are refused', () => {
  const items = Interactions.from([event('u', 'a'), event('u', 'b')]).items;
  expect(() => new Interactions(items, ['u', 'u'], Ragged.from([[0], [1]]))).toThrow("got 'u' twice");
  const log = Interactions.from([event(1, 'a', 0), event('1', 'a', 0)]);
  expect(() => cutSessions(log, { gap: 1 })).toThrow("got '1/1' twice");
});

test('users are never all held out', () => {
  const log = Interactions.from(['a', 'b'].flatMap((user) => [1, 2].map((item) => event(user, item))));
  expect(() => splitUsers(log, { validation: 0.5, test: 0.5 })).toThrow('test must be');
  expect(() => splitUsers(log, { validation: 0.5, test: 0.49 })).toThrow('smaller shares');
});

test('a history far longer than the window is read by its end', async () => {
  const log = Interactions.from(Array.from({ length: 500 }, (_, i) => event('u', i % 40, i)));
  using model = new SASRec({ items: log.items, maxLength: 8, dim: 4, layers: 1 });
  const report = await model.fit(log, { epochs: 1 });
  expect(report.warnings.join()).toContain('cuts 1 of 1 training sequences');
  const history = Array.from({ length: 300 }, (_, i) => i % 40);
  const options = { k: 3, excludeSeen: false };
  expect(await model.recommend(history, options)).toEqual(await model.recommend(history.slice(-8), options));
  const neighbours = new STAN({ items: log.items });
  await neighbours.fit(log);
  expect(await neighbours.recommend(history, options)).toHaveLength(3);
});

describe('files', () => {
  it('with a feature’s column twice are refused', async () => {
    const text = 'user,item,brand,brand\nu,a,x,y\n';
    const features = { item: { brand: categorical() } };
    await expect(readInteractions(text, { features })).rejects.toThrow("Two columns have the name 'brand'");
  });

  it.each([
    ['nothing', '', /at least one event/],
    ['blank lines', '\n\n\n', /at least one event/],
    ['a header', 'user,item,time\n', /at least one event/],
    [
      'Latin-1',
      Uint8Array.of(...Buffer.from('user,item\nJos'), 0xe9, ...Buffer.from(',a\n')),
      /Line 2 is not valid UTF-8/,
    ],
    ['UTF-16', new Uint8Array(Buffer.from('user,item\nu,a\n', 'utf16le')), /Line 1 has a NUL character/],
  ])('with %s are refused', async (_, source, message) => {
    await expect(readInteractions(source)).rejects.toThrow(message);
  });

  it('of a million lines take memory for their events, not for their texts', async () => {
    const lines = 1_000_000;
    async function* file() {
      yield Buffer.from('user,item,time\n');
      for (let i = 0; i < lines; ) {
        const piece: string[] = [];
        for (const end = i + 50_000; i < end; i++) piece.push(`${i % 50_021},${(i * 7919) % 20_011},${i}\n`);
        yield Buffer.from(piece.join(''));
      }
    }
    const log = await readInteractions(file());
    expect([log.rows, log.count, log.items.size]).toEqual([lines, 50_021, 20_011]);
    const { events, offsets } = log.sequences;
    const bytes = [offsets, ...Object.values(events)].reduce((sum, column) => sum + (column?.byteLength ?? 0), 0);
    expect(bytes).toBeLessThan(16 * lines); // 4 for the item and 8 for the time of each, 4 for each user
    expect(leaveLastOut(log).test.histories.count).toBe(50_021);
  });
});
