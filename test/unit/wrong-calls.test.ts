/** Calls that TypeScript refuses and plain JavaScript makes: each is an error that says what was expected. */
import * as seqrec from 'seqrec';
import {
  Catalog,
  cutSessions,
  evaluate,
  everyNext,
  findLeaks,
  firstTarget,
  GRU4Rec,
  givenCandidates,
  HSTU,
  Interactions,
  kCore,
  lastFraction,
  leaveLastOut,
  MarkovChain,
  minimumCounts,
  ndcg,
  Popularity,
  Ragged,
  SASRec,
  splitByTime,
  splitSessions,
  splitUsers,
} from 'seqrec';
import { beforeAll, describe, expect, it, test } from 'vitest';

// biome-ignore lint/suspicious/noExplicitAny: what TypeScript would refuse
type Anything = any;

const rows = Array.from({ length: 60 }, (_, i) => ({ user: i % 10, item: `i${(i * 7) % 11}`, time: i }));
const log = Interactions.from(rows);
const { items } = log;
const { train, validation, test: held } = leaveLastOut(log);
const tiny = (options: Anything = {}) => new SASRec({ items, maxLength: 5, dim: 4, layers: 1, ...options });

describe('rows, logs and holdouts', () => {
  it.each([
    ['leaveLastOut', leaveLastOut],
    ['lastFraction', lastFraction],
    ['splitByTime', splitByTime],
    ['splitSessions', splitSessions],
    ['splitUsers', splitUsers],
    ['everyNext', everyNext],
    ['cutSessions', (data: Anything) => cutSessions(data, { gap: 1 })],
    ['kCore', (data: Anything) => kCore(data, 2)],
    ['minimumCounts', (data: Anything) => minimumCounts(data, { user: 2 })],
    ['findLeaks', (data: Anything) => findLeaks(data, held)],
  ])('%s takes a log', (name, tool: (data: Anything) => unknown) => {
    expect(() => tool(rows)).toThrow(`${name} takes Interactions, got an array of 60: make them with`);
    expect(() => tool(undefined)).toThrow(`${name} takes Interactions, got undefined`);
    expect(() => tool(log.sequences)).toThrow(`${name} takes Interactions, got an object`);
  });

  it.each([rows, log, undefined, leaveLastOut(log)])('a holdout is asked for, whatever comes instead', async (data) => {
    const wrong = data as Anything;
    const popular = new Popularity({ items });
    await popular.fit(train);
    await expect(evaluate(popular, wrong, { metrics: [ndcg(10)] })).rejects.toThrow('evaluate takes a holdout');
    expect(() => findLeaks(train, wrong)).toThrow('findLeaks takes a holdout');
    expect(() => firstTarget(wrong)).toThrow('firstTarget takes a holdout');
  });

  it.each([rows, held, undefined, leaveLastOut(log)])('fit takes a log, whatever comes instead', async (data) => {
    await expect(tiny().fit(data as Anything)).rejects.toThrow('fit takes Interactions, got');
    await expect(new MarkovChain({ items }).fit(data as Anything)).rejects.toThrow('fit takes Interactions, got');
  });

  it('options that there are not, and counts that are none, are refused', () => {
    const from = Interactions.from as Anything;
    expect(() => from(rows, { items })).toThrow("Interactions.from has no option 'items'");
    expect(() => from(rows, { catalog: items.ids })).toThrow('catalog must be a Catalog, such as log.items');
    expect(() => from(rows, { unknown: 'skip' })).toThrow("unknown must be 'error' or 'drop', got 'skip'");
    expect(() => kCore(log, '5' as Anything)).toThrow("such as { user: 5, item: 5 }, got '5'");
    expect(() => minimumCounts(log, { users: 5 } as Anything)).toThrow("MinimumCounts has no option 'users'");
  });

  it('files are opened by the application, and layouts are parts', async () => {
    const read = seqrec.readInteractions as Anything;
    await expect(read('data/ratings.csv')).rejects.toThrow(
      "got 'data/ratings.csv', which looks like the name of a file",
    );
    await expect(read('user,item\nu,i\n', { format: 'csv' })).rejects.toThrow('format must be a part with the method');
    await expect(read('user,item\nu,i\n', { columns: {} })).rejects.toThrow("readInteractions has no option 'columns'");
    await expect(read('user,item\nu,i\n', { signal: {} })).rejects.toThrow('signal must be an AbortSignal');
    expect((await read('a.b', { format: seqrec.sequenceFormat() })).rows).toBe(1);
  });

  it('lists of rows hold whole numbers', () => {
    for (const wrong of [[[0.5]], [[Number.NaN]], [['a']], [[2 ** 31]], [5], [undefined]] as Anything[]) {
      expect(() => Ragged.from(wrong)).toThrow('must be a list of');
    }
    for (const wrong of [undefined, 5, {}, 'abc'] as Anything[]) expect(() => Ragged.from(wrong)).toThrow('must be a');
  });
});

describe('fit', () => {
  it.each([
    [{ epoch: 3 }, "fit has no option 'epoch'"],
    [{ learningRate: 0.1 }, "fit has no option 'learningRate'"],
    [{ loss: seqrec.bce }, "loss must be a part with the method 'forward', got the function bce: call it."],
    [{ loss: 'bce' }, "loss must be a part with the method 'forward', got 'bce'."],
    [{ optimizer: seqrec.adam }, 'got the function adam: call it'],
    [{ objective: seqrec.nextItem }, 'got the function nextItem: call it'],
    [{ signal: new AbortController() }, 'signal must be an AbortSignal, got an object (AbortController)'],
    [{ excludeSeen: 'false' }, "excludeSeen must be true or false, got 'false'"],
    [{ validation: log }, 'takes a holdout'],
    [{ validation, metrics: ['NDCG@10'] }, "Every metric must be made as ndcg(10) is, got 'NDCG@10'"],
    [{ validation, earlyStopping: { metric: ndcg } }, 'got the function ndcg'],
    [{ validation: leaveLastOut(Interactions.from(rows.slice().reverse())).validation }, 'another of 11 items'],
  ])('with %o is refused before it trains', async (options, message) => {
    using model = tiny();
    await expect(model.fit(train, options as Anything)).rejects.toThrow(message);
    await expect(model.recommend(['i0'])).rejects.toThrow('has no values yet');
  });
});

describe('a model', () => {
  let model: SASRec;
  beforeAll(async () => {
    model = tiny();
    await model.fit(train, { epochs: 1 });
    return () => model.dispose();
  });

  it.each([
    [{ metrics: [ndcg(10)], exclude: [] }, "evaluate has no option 'exclude'"],
    [{ metrics: [ndcg(10)], excludeSeen: 0 }, 'excludeSeen must be true or false, got 0'],
    [{ metrics: [ndcg(10)], candidates: 100 }, "candidates must be a part with the method 'choose', got 100"],
    [{ metrics: [ndcg] }, 'Every metric must be made as ndcg(10) is, got the function ndcg'],
    [{ metrics: ndcg(10) }, 'metrics must be a list such as [hitRate(10), ndcg(10)], got an object'],
    [{}, 'metrics must be a list'],
  ])('is not measured with %o', async (options, message) => {
    await expect(evaluate(model, held, options as Anything)).rejects.toThrow(message);
  });

  it('is asked for by evaluate', async () => {
    for (const wrong of [SASRec, undefined, {}] as Anything[]) {
      await expect(evaluate(wrong, held, { metrics: [ndcg(10)] })).rejects.toThrow('a model with the method');
    }
  });

  it.each([
    [['i1'], { n: 3 }, "recommend has no option 'n'"],
    [['i1'], { exclude: 'i2' }, "a list of ids, got 'i2': put it in [ ]"],
    [['i1'], { excludeSeen: 'no' }, "excludeSeen must be true or false, got 'no'"],
    [['i1'], { unknown: 'throw' }, "unknown must be 'drop' or 'error', got 'throw'"],
    [['i1'], { users: [3] }, 'has no vectors of users'],
    ['i1', {}, "A history must be a list of item ids, oldest first, got 'i1'"],
    [{}, {}, 'A history must be a list of item ids, oldest first, got an object (Object)'],
    [[['i1']], {}, 'An item id must be a text or a finite number, got undefined'],
  ])('answers %o with %o by an error', async (history, options, message) => {
    await expect(model.recommend(history as Anything, options as Anything)).rejects.toThrow(message);
  });

  it('and its sessions and explanations take no other options', async () => {
    using session = await model.session();
    await session.push('i1');
    await expect(session.recommend({ n: 3 } as Anything)).rejects.toThrow("session.recommend has no option 'n'");
    await expect(model.explain(['i1'], { itm: 'i2' } as Anything)).rejects.toThrow("explain has no option 'itm'");
    await expect(model.session({ unknwon: 'drop' } as Anything)).rejects.toThrow("session has no option 'unknwon'");
  });

  it('is made of parts, not of what makes them', () => {
    expect(() => tiny({ block: seqrec.sasrecBlock })).toThrow(
      "block must be a part with the method 'create', got the function sasrecBlock: call it.",
    );
    for (const part of ['positions', 'inputNorm', 'norm', 'output']) {
      expect(() => tiny({ [part]: 'learned' })).toThrow(`${part} must be a part with the method 'create'`);
    }
    expect(() => new GRU4Rec({ items, embedding: 'x' as Anything })).toThrow('embedding must be a part');
    expect(() => new GRU4Rec({ items, reset: 'befor' as Anything })).toThrow("reset must be 'after' or 'before'");
    expect(() => new HSTU({ items, biases: ['x'] as Anything })).toThrow('biases must be a part');
  });
});

test('a file is loaded with the functions of its parts', async () => {
  const { ligrBlock, swiglu } = seqrec;
  using model = tiny({ block: ligrBlock({ gate: 'normalized' }) }).init(1);
  const file = await model.save();
  for (const wrong of [ligrBlock(), 'ligrBlock'] as Anything[]) {
    await expect(SASRec.load(file, { parts: { ligrBlock: wrong, swiglu } })).rejects.toThrow(
      "The part 'ligrBlock' is made again by its function",
    );
  }
  using same = await SASRec.load(file, { parts: { ligrBlock, swiglu } });
  expect(same.config()).toMatchObject({ block: { options: { gate: 'normalized' } } });
});

test('two hundred thousand items can be left out of a request', async () => {
  const catalog = new Catalog(Array.from({ length: 200_000 }, (_, i) => i));
  const popular = new Popularity({ items: catalog });
  await popular.fit(
    Interactions.from(
      [1, 2, 199_999].map((item) => ({ user: 1, item })),
      { catalog },
    ),
  );
  const [best, ...rest] = await popular.recommend([1], { exclude: catalog.ids.slice(0, 199_999), k: 5 });
  expect([best?.item, rest]).toEqual([199_999, []]);
});

test('an explanation hides no error but that of the empty history', async () => {
  class Moody extends Popularity {
    override async scores(histories: Ragged): Promise<Float32Array> {
      if (histories.length(0) === 0) throw new Error('out of memory');
      return super.scores(histories);
    }
  }
  const model = new Moody({ items });
  await model.fit(train);
  await expect(model.explain(['i1'])).rejects.toThrow('out of memory');
});

test('parts take parts, and optimizers no other options', () => {
  const { adagrad, adam, adamW, bpr, nextItem, rmsProp, sgd, sparseAdam } = seqrec;
  for (const optimizer of [adagrad, adam, adamW, rmsProp, sgd, sparseAdam, seqrec.adagradMomentum]) {
    expect(() => optimizer({ lr: 0.1 } as Anything)).toThrow(`${optimizer.name} has no option 'lr'`);
  }
  expect(() => seqrec.l2Rows({ loss: bpr as Anything, lambda: 1 })).toThrow('got the function bpr: call it.');
  expect(() => seqrec.withContrast({ loss: 'bce' as Anything })).toThrow('withContrast: loss must be a part');
  const augmentation = seqrec.crop as Anything;
  expect(() => seqrec.augmented({ objective: nextItem(), augmentation })).toThrow('got the function crop: call it.');
  const views = seqrec.twoOf as Anything;
  expect(() => seqrec.contrastive({ objective: nextItem(), views })).toThrow('contrastive: views must be a part');
});

test('an epoch without a question is no epoch', async () => {
  const objective = seqrec.augmented({
    objective: seqrec.cloze(),
    augmentation: seqrec.mask({ share: 1 }),
    share: 1,
  });
  using model = new seqrec.BERT4Rec({ items, maxLength: 6, dim: 4, layers: 1 });
  await expect(model.fit(train, { epochs: 1, objective })).rejects.toThrow('augmented asked for nothing in epoch 1');
});

test('filters of no height, and norms of no size, are refused', () => {
  expect(() => new seqrec.Caser({ items, heights: [] })).toThrow('heights must have at least one height, got none');
  expect(() => seqrec.clipByGlobalNorm(new Map(), 0)).toThrow('maxNorm must be a number greater than 0, got 0');
});

test('means of nothing are refused', () => {
  const nothing = new Float64Array(0);
  expect(() => seqrec.bootstrapInterval(nothing)).toThrow('at least one value');
  expect(() => seqrec.signFlipTest(nothing, { samples: 0 })).toThrow('samples must be an integer at least 1');
  expect(() => givenCandidates(Ragged.from([]))).not.toThrow();
});
