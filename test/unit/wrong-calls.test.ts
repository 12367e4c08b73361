/** Calls that TypeScript refuses and plain JavaScript makes: each is an error that says what was expected. */
import * as tf from '@tensorflow/tfjs-core';
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
import { readModelFile, writeModelFile } from '../../src/io/model-file.ts';

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

describe('an option that there is not is refused by', () => {
  const s = seqrec as Anything;
  const size = { dim: 4, heads: 2 };
  const layout = new seqrec.Layout(Int32Array.of(0, 2));
  const matrix = (rows: number, columns: number) => tf.zeros([rows, columns]);
  const x = () => matrix(2, 4);
  const states = () => [x(), matrix(3, 4), Int32Array.of(0, 2)];
  const objective = seqrec.nextItem();
  const augmentations = [seqrec.crop()];
  const differences = new Float64Array([1, 2]);
  const popular = new Popularity({ items });
  const report = async () => {
    await popular.fit(train);
    return evaluate(popular, held, { metrics: [ndcg(10)] });
  };
  const file = () => popular.fit(train).then(() => popular.save());
  const fit = (options: object) => tiny().fit(train, { validation, epochs: 1, ...options });

  /** The least options of classes that take nothing else. */
  const made: { [name: string]: object } = {
    ...Object.fromEntries(
      `AssociationRules BERT4Rec BSARec BST CORE CandidateModel Caser FOSSIL FPMC GRU4Rec HSTU ItemKNN LightSANs LinRec
       MarkovChain MultiStepMarkov NARM Popularity SASRec SRGNN STAN SequenceModel SequentialRules SessionNeighbors UserModel
       VSKNN`
        .split(/\s+/)
        .map((name) => [name, { items }]),
    ),
    ...Object.fromEntries(
      `BSARecBlock LightSANsAttention LightSANsBlock LigrBlock LinRecBlock LinearAttention MultiHeadAttention SASRecBlock
       TransformerBlock`
        .split(/\s+/)
        .map((name) => [name, size]),
    ),
    AttentionPooling: { dim: 4 },
    FeedForward: { dim: 4 },
    FrequencyFilter: { dim: 4 },
    GRU: { inputs: 4, hidden: 4 },
    GatedGraph: { dim: 4 },
    HSTUBlock: { ...size, maxLength: 5 },
    HorizontalConvolution: { length: 2, dim: 4 },
    MLP: { inputs: 4, hidden: [4] },
    SwiGLU: { dim: 4 },
    VerticalConvolution: { length: 2 },
  };
  /** And of functions. */
  const called: { [name: string]: object } = {
    ...Object.fromEntries(
      `adagrad adagradMomentum adam adamW allPositions bce bpr bprMax bsarecBlock categorical cloze configureWasm crop
       crossEntropy dateTime denseOutput eachPosition elu feedForward gbce infoNCE insert layerNormalization leakyRelu
       learnedFromEnd learnedFromStart ligrBlock linrecBlock mask multiValued numeric pairFormat pointwise popularity
       prefixes recency relativeBias relativeTimes reorder rmsProp sampledCandidates sampledSoftmax sasrecBlock
       separateEmbedding sequenceFormat sessionParallel sgd shareDecay sparseAdam substitute swiglu syntheticShop
       tableFormat tiedOutput timeBuckets top1 top1Max transformerBlock transformerWeights uniform untiedOutput
       withContrast`
        .split(/\s+/)
        .map((name) => [name, {}]),
    ),
    augmented: { objective, augmentation: seqrec.crop() },
    constant: { learningRate: 1 },
    contrastive: { objective, views: seqrec.sameTarget() },
    cosine: { learningRate: 1, steps: 1 },
    cyclicTime: { period: 7, buckets: 7 },
    exponentialDecay: { scale: 1 },
    hardest: { pool: 2, sampler: seqrec.uniform() },
    l2Rows: { loss: seqrec.bpr(), lambda: 1 },
    linearSchedule: { learningRate: 1, steps: 1 },
    linearWarmup: { steps: 1, next: 1 },
    mixed: { samplers: [seqrec.uniform()] },
    oneOf: { augmentations },
    slidingWindows: { length: 2 },
    stepDecay: { learningRate: 1, every: 1 },
    summed: { of: [seqrec.sinusoidal()] },
    twoOf: { augmentations },
  };
  /** What takes more than options. */
  const others: { [name: string]: (extra: object) => unknown } = {
    Catalog: (extra) => new s.Catalog(['a'], extra),
    Embedding: (extra) => new s.Embedding(3, 4, extra),
    Examples: (extra) => new s.Examples(train.sequences, { maxLength: 5, ...extra }),
    FeatureEmbedding: (extra) => new s.FeatureEmbedding({ item: { size: 3, dim: 4 } }, extra),
    LayerNorm: (extra) => new s.LayerNorm(4, extra),
    Layout: (extra) => new s.Layout(Int32Array.of(0, 2), extra),
    Linear: (extra) => new s.Linear(4, 4, extra),
    MaskableEmbedding: (extra) => new s.MaskableEmbedding(3, 4, extra),
    Session: (extra) => new s.Session({}, extra),
    attention: (extra) => s.attention(x(), x(), x(), { queries: layout, heads: 2, ...extra }),
    attentionWeights: (extra) => s.attentionWeights(x(), x(), { queries: layout, heads: 2, ...extra }),
    bootstrapInterval: (extra) => s.bootstrapInterval(differences, extra),
    compareReports: async (extra) => s.compareReports(await report(), await report(), 'NDCG@10', extra),
    contrastiveLoss: (extra) => s.contrastiveLoss(x(), { partner: Int32Array.of(1, 0), ...extra }),
    cutSessions: (extra) => cutSessions(log, { gap: 1, ...extra }),
    embedding: (extra) => s.embedding(matrix(3, 4), Int32Array.of(0, 2), extra),
    evaluate: (extra) => evaluate(popular, held, { metrics: [ndcg(10)], ...extra }),
    fromPadded: (extra) => s.fromPadded(tf.zeros([1, 2, 4]), layout, { side: 'left', ...extra }),
    gru: (extra) => s.gru(matrix(2, 12), matrix(12, 4), { layout, ...extra }),
    gruCell: (extra) => s.gruCell(matrix(2, 12), x(), matrix(12, 4), extra),
    kCore: (extra) => kCore(log, { user: 2, ...extra }),
    lastFraction: (extra) => lastFraction(log, extra),
    linearAttention: (extra) => s.linearAttention(x(), x(), x(), { queries: layout, heads: 2, ...extra }),
    minimumCounts: (extra) => minimumCounts(log, { user: 2, ...extra }),
    pairProducts: (extra) => s.pairProducts(x(), x(), { queries: layout, heads: 2, ...extra }),
    pairSums: (extra) => s.pairSums(matrix(4, 2), x(), { queries: layout, heads: 2, ...extra }),
    popularCandidates: (extra) => s.popularCandidates(train, extra),
    readHistories: (extra) => s.readHistories(items, [['i1']], extra),
    readInteractions: (extra) => s.readInteractions('user,item\nu,i\n', extra),
    sampledLoss: (extra) => {
      const questions = {
        targets: Int32Array.of(0, 2),
        weights: Float32Array.of(1, 1),
        negatives: Int32Array.of(1, 1),
      };
      const formula = ({ positive, negative }: Anything) => ({ loss: positive, positive, negative });
      return s.sampledLoss(x(), matrix(3, 4), { ...questions, shared: false }, formula, extra);
    },
    sessionGraph: (extra) => s.sessionGraph(train.sequences, extra),
    signFlipTest: (extra) => s.signFlipTest(differences, extra),
    softmaxCrossEntropy: (extra) => s.softmaxCrossEntropy(...states(), extra),
    splitByTime: (extra) => splitByTime(log, extra),
    splitSessions: (extra) => splitSessions(log, extra),
    splitUsers: (extra) => splitUsers(log, extra),
    toPadded: (extra) => s.toPadded(x(), layout, { length: 2, side: 'left', ...extra }),
  };
  /** Methods, and options within options. */
  const methods: { [name: string]: (extra: object) => unknown } = {
    'Catalog.from': (extra) => s.Catalog.from([{ item: 'a' }], extra),
    'Catalog.rows': (extra) => (items as Anything).rows(['i1'], extra),
    'Interactions.from': (extra) => Interactions.from(rows, extra),
    'MultiHeadAttention.forward': (extra) =>
      new s.MultiHeadAttention(size).init(1).forward(x(), x(), x(), { queries: layout, ...extra }),
    'MultiHeadAttention.weights': (extra) =>
      new s.MultiHeadAttention(size).init(1).weights(x(), x(), { queries: layout, ...extra }),
    'LinearAttention.forward': (extra) =>
      new s.LinearAttention(size).init(1).forward(x(), x(), { queries: layout, causal: true, ...extra }),
    'report.interval': async (extra) => (await report()).interval('NDCG@10', extra),
    fit,
    'fit: checkpoint': (extra) => fit({ checkpoint: { write: () => {}, ...extra } }),
    'fit: earlyStopping': (extra) => fit({ earlyStopping: { metric: ndcg(10), ...extra } }),
    'fit: workers': (extra) => fit({ workers: { count: 1, ...extra } }),
    load: async (extra) => Popularity.load(await file(), extra),
    recommend: (extra) => file().then(() => popular.recommend(['i1'], extra)),
    recommendMany: (extra) => file().then(() => popular.recommendMany([['i1']], extra)),
    rerank: (extra) => new s.BST({ items, dim: 8 }).init(1).rerank(['i1'], ['i2'], extra),
    session: (extra) => file().then(() => popular.session(extra)),
    explain: (extra) => file().then(() => popular.explain(['i1'], extra)),
    toSVG: async (extra) => (await file().then(() => popular.explain(['i1']))).toSVG(extra),
  };

  const without = new Set(
    `CountingModel DeviceLostError Explanation FileFormatError GradientSums Interactions ItemRules Module NonFiniteError
     Parameter Ragged Recommender Report Rng UserVectors added attentionDropoutBits auc backendInfo clipByGlobalNorm
     concatenated constrainedEmbedding continuousTime cosineSimilarity coverage detectFormat dotSimilarity dropout
     dropoutAdd dropoutMask equalWeights eventCodes everyNext fanInUniform findLeaks firstTarget formatReports functionPart
     gatherRows gelu geluTanh givenCandidates gradients hitRate inBatch initializeMatrices inverseDecay l2 lastAttention
     layerNorm leaveLastOut linear linearDecay logDecay logLoss logSigmoid lowPass map maxOverTime mrr ndcg neighborSums
     nextItem noDecay noNormalization noPositions normal normalizeElus normalizeRows oneHotEmbedding ones pairIndices
     paperForm precision product quadraticDecay ranksOfScores readSafetensors ready recall relativePositions relu rotary
     rotatePairs sameTarget segmentSum selectRows sequenceCodes sessionRecForm sharingAny sharingLast sigmoid silu sinusoidTable
     sinusoidal sliceNegatives softmaxOverTime softplus tanh tensorOf toDense topKOfScores truncatedNormal unchanged
     uniformInit withGradient writeSafetensors xavierNormal xavierUniform zeros`.split(/\s+/),
  );

  const table: { [name: string]: (extra: object) => unknown } = {
    ...Object.fromEntries(
      Object.entries(made).map(([name, least]) => [name, (extra: object) => new s[name]({ ...least, ...extra })]),
    ),
    ...Object.fromEntries(
      Object.entries(called).map(([name, least]) => [name, (extra: object) => s[name]({ ...least, ...extra })]),
    ),
    ...others,
  };
  beforeAll(async () => void (await seqrec.ready()));

  test('every public name that takes options', () => {
    const names = Object.keys(seqrec);
    expect(names.filter((name) => Object.hasOwn(table, name) === without.has(name))).toEqual([]);
    expect([...Object.keys(table), ...without].filter((name) => !names.includes(name))).toEqual([]);
  });

  it.each(Object.entries({ ...table, ...methods }))('%s', async (name, call) => {
    const answer = async (extra: object) => call(extra);
    if (name !== 'configureWasm') await answer({});
    const told = await answer({ noSuchOption: 1 }).then(String, (error: Error) => error.message);
    expect(told).toMatch(/has no option 'noSuchOption': correct its name or leave it out\.$/);
    if (Object.hasOwn(made, name) || Object.hasOwn(called, name)) expect(told).toContain(`${name} has no option`);
  });

  // A number where options are wanted would mean all defaults.
  const alone: { [name: string]: (options: Anything) => unknown } = {
    ...Object.fromEntries(
      Object.entries(called)
        .filter(([name, least]) => Object.keys(least).length === 0 && name !== 'configureWasm')
        .map(([name]) => [name, s[name]]),
    ),
    ...Object.fromEntries(
      Object.entries({ ...others, ...methods }).filter(([, call]) => !/\.\.\.(extra|options)/.test(String(call))),
    ),
    fit: (options) => tiny().fit(train, options),
  };
  it.each(Object.entries(alone))('%s, which takes them by name', async (_name, call) => {
    const told = await (async () => call(5))().then(String, (error: Error) => error.message);
    expect(told).toMatch(/ takes its options by name, in an object, got 5\.$/);
  });

  test('a subclass, unless it takes the option itself', async () => {
    class Scaled extends SASRec {
      static override readonly modelName: string = 'Scaled';
      readonly factor: number;
      constructor({ factor = 1, ...options }: seqrec.SASRecOptions & { factor?: number }) {
        super(options);
        this.factor = factor;
      }
      override config() {
        return { ...super.config(), factor: this.factor };
      }
    }
    class Passing extends SASRec {
      constructor(options: seqrec.SASRecOptions & { factor?: number }) {
        super(options);
      }
    }
    const least = { items, dim: 4, layers: 1 };
    using model = new Scaled({ ...least, factor: 3 }).init(1);
    expect(model.factor).toBe(3);
    expect(() => new Scaled({ ...least, facto: 3 } as Anything)).toThrow("Scaled has no option 'facto'");
    expect(() => new Passing({ ...least, factor: 3 })).toThrow("SASRec has no option 'factor'");
    expect(() => new Passing(least)).not.toThrow();
    expect(() => new seqrec.BSARec({ ...least, k: 3 } as Anything)).toThrow("BSARec has no option 'k'");
    using same = await Scaled.load(await model.save());
    expect(same.factor).toBe(3);
  });

  test('a network that does not name itself, by the name of its class', () => {
    class Mine extends (seqrec.SequenceModel as Anything) {}
    expect(() => new (Mine as Anything)({ items, noSuchOption: 1 })).toThrow("Mine has no option 'noSuchOption'");
  });

  test('a model that is loaded from a file with it', async () => {
    using model = tiny().init(1);
    const contents = readModelFile(await model.save());
    const load = (change: object) =>
      SASRec.load(writeModelFile({ ...contents, config: { ...(contents.config as object), ...change } }));
    await expect(load({ noSuchOption: 1 })).rejects.toThrow(
      "The file makes no SASRec: SASRec has no option 'noSuchOption': correct its name or leave it out.",
    );
    const block = { part: 'sasrecBlock', options: { noSuchOption: 1 } };
    await expect(load({ block })).rejects.toThrow("sasrecBlock has no option 'noSuchOption'");
    (await load({})).dispose();
  });

  test('nothing, if it is undefined and known', () => {
    expect(() => tiny({ heads: undefined, norm: undefined })).not.toThrow();
    expect(() => tiny({ noSuchOption: undefined })).toThrow("SASRec has no option 'noSuchOption'");
  });
});
