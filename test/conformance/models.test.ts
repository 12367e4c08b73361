/** One table for every model: learning, seeds, files, ids, histories, memory. A new model is a new row. */
import * as tf from '@tensorflow/tfjs-core';
import {
  AssociationRules,
  adam,
  allPositions,
  BERT4Rec,
  BSARec,
  BST,
  bprMax,
  Caser,
  type Catalog,
  CORE,
  type CountingModel,
  crossEntropy,
  eachPosition,
  equalWeights,
  type FitOptions,
  type FitReport,
  FOSSIL,
  FPMC,
  GRU4Rec,
  type GRU4RecOptions,
  gelu,
  HSTU,
  Interactions,
  ItemKNN,
  inBatch,
  Layout,
  LightSANs,
  LinRec,
  type LoadOptions,
  layerNormalization,
  learnedFromStart,
  ligrBlock,
  linrecBlock,
  MarkovChain,
  MultiStepMarkov,
  mixed,
  NARM,
  nextItem,
  noNormalization,
  oneHotEmbedding,
  type PartSource,
  Popularity,
  popularity,
  prefixes,
  Ragged,
  type Recommender,
  type RecommenderClass,
  relu,
  SASRec,
  SequenceModel,
  SequentialRules,
  SRGNN,
  STAN,
  sampledSoftmax,
  separateEmbedding,
  sgd,
  sinusoidal,
  swiglu,
  tanh,
  tiedOutput,
  transformerBlock,
  transformerWeights,
  uniform,
  untiedOutput,
  VSKNN,
} from 'seqrec';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withRowBuckets } from '../../src/backend/buckets.ts';
import { isServer } from '../../src/backend/runtime.ts';
import { backends, use } from '../support/backends.ts';

interface Row {
  make: (items: Catalog) => Recommender;
  load: (file: Uint8Array) => Promise<Recommender>;
  fit: (model: Recommender, data: Interactions) => Promise<unknown>;
  /** Learns that item t + 1 follows item t. */
  learnsOrder: boolean;
  /** What an empty or unknown history gives: the popular items, nothing, or an error. */
  empty: 'popular' | 'nothing' | 'error';
}

const settings = { epochs: 25, batchSize: 16, seed: 3, optimizer: adam({ learningRate: 0.02 }) };
/** Histories of one event are asked, too: windows of six events would not teach them. */
const byPrefixes = { ...settings, epochs: 8, objective: prefixes() };

const network = (
  options: Partial<ConstructorParameters<typeof SASRec>[0]>,
  parts: Record<string, PartSource>,
): Row => ({
  make: (items) => new SASRec({ items, maxLength: 6, dim: 8, layers: 1, dropout: 0.1, ...options }),
  load: (file) => SASRec.load(file, { parts }),
  fit: (model, data) => (model as SASRec).fit(data, settings),
  learnsOrder: true,
  empty: 'error',
});

const factorized = <M extends SequenceModel, O>(
  Model: RecommenderClass<M> & {
    new (options: O & { items: Catalog; maxLength: number; dim: number }): M;
    load(file: Uint8Array, options: LoadOptions): Promise<M>;
  },
  options: O,
  parts: Record<string, PartSource> = {},
): Row => ({
  make: (items) => new Model({ items, maxLength: 6, dim: 8, ...options }),
  load: (file) => Model.load(file, { parts }),
  fit: (model, data) =>
    (model as M).fit(data, { epochs: 25, batchSize: 16, seed: 3, optimizer: adam({ learningRate: 0.02 }) }),
  learnsOrder: true,
  empty: 'error',
});

/** A model that counts, and answers nothing to an empty history. */
const counting = <M extends CountingModel, O>(
  Model: RecommenderClass<M> & { new (options: O & { items: Catalog }): M; load(file: Uint8Array): Promise<M> },
  options: O,
  learnsOrder = true,
): Row => ({
  make: (items) => new Model({ ...options, items }),
  load: (file) => Model.load(file),
  fit: (model, data) => (model as M).fit(data),
  learnsOrder,
  empty: 'nothing',
});

const gru4rec = (options: Partial<GRU4RecOptions>, parts: Record<string, PartSource>, fit: FitOptions): Row => ({
  make: (items) => new GRU4Rec({ items, maxLength: 6, ...options }),
  load: (file) => GRU4Rec.load(file, { parts }),
  fit: (model, data) => (model as GRU4Rec).fit(data, { seed: 3, ...fit }),
  learnsOrder: true,
  empty: 'error',
});

/** Trained on the beginnings of sequences, of which there are several times as many. */
const ofBeginnings: Pick<Row, 'fit' | 'learnsOrder' | 'empty'> = {
  fit: (model, data) =>
    (model as SequenceModel).fit(data, { epochs: 8, batchSize: 32, seed: 3, optimizer: adam({ learningRate: 0.03 }) }),
  learnsOrder: true,
  empty: 'error',
};

/** One epoch, since every candidate is a sequence of its own; test/unit/models/bst.test.ts has what it learns. */
const scorer = (options: Partial<ConstructorParameters<typeof BST>[0]>): Row => ({
  make: (items) => new BST({ items, maxLength: 6, dim: 8, heads: 2, dropout: 0.1, ...options }),
  load: (file) => BST.load(file, { parts: { eachPosition } }),
  fit: (model, data) => (model as BST).fit(data, { epochs: 1, batchSize: 32, seed: 3 }),
  learnsOrder: false,
  empty: 'error',
});

const table: Record<string, Row> = {
  SASRec: network({}, {}),
  'SASRec, two heads, positions from the start, untied': network(
    { heads: 2, positions: learnedFromStart(), output: untiedOutput({ bias: true }) },
    { learnedFromStart, untiedOutput },
  ),
  'SASRec, post-norm GELU blocks, sinusoidal': network(
    {
      scale: 1,
      positions: sinusoidal(),
      inputNorm: layerNormalization({ epsilon: 1e-12 }),
      block: transformerBlock({ activation: gelu, hidden: 16 }),
      norm: noNormalization(),
    },
    { sinusoidal, transformerBlock, gelu },
  ),
  'eSASRec: SASRec with LiGR blocks': network(
    { scale: 1, block: ligrBlock(), norm: noNormalization() },
    { ligrBlock, swiglu },
  ),
  BERT4Rec: {
    ...network({}, {}),
    make: (items) => new BERT4Rec({ items, maxLength: 7, dim: 8, layers: 1, dropout: 0 }),
    load: (file) => BERT4Rec.load(file),
    fit: (model, data) =>
      (model as BERT4Rec).fit(data, { epochs: 10, batchSize: 16, seed: 3, optimizer: adam({ learningRate: 0.02 }) }),
    // It would after some hundred epochs (test/unit/models/bert4rec.test.ts).
    learnsOrder: false,
  },
  CORE: {
    ...network({}, {}),
    make: (items) =>
      new CORE({
        items,
        maxLength: 6,
        dim: 8,
        mixture: transformerWeights({ layers: 1, dropout: 0.1, block: transformerBlock({ hidden: 16 }) }),
        itemDropout: 0,
      }),
    load: (file) => CORE.load(file, { parts: { relu } }),
    // A history of one event is that event, whatever its weight: what comes before it is as near as what comes after.
    learnsOrder: false,
  },
  'CORE, equal weights': {
    ...network({}, {}),
    make: (items) => new CORE({ items, maxLength: 6, dim: 8, mixture: equalWeights(), itemDropout: 0 }),
    load: (file) => CORE.load(file),
    learnsOrder: false,
  },
  GRU4Rec: gru4rec(
    { hidden: 16 },
    {},
    {
      loss: sampledSoftmax({ negatives: 32, sampler: mixed({ samplers: [inBatch(), popularity({ shared: true })] }) }),
      epochs: 6,
      batchSize: 8,
    },
  ),
  'GRU4Rec, two layers, separate tables, every event': gru4rec(
    { hidden: [12, 10], embedding: separateEmbedding(), embeddingDropout: 0.1, dropout: 0.1 },
    { separateEmbedding },
    { objective: nextItem(), loss: crossEntropy(), optimizer: adam({ learningRate: 0.03 }), epochs: 15, batchSize: 16 },
  ),
  'GRU4Rec, one-hot, BPR-max': gru4rec(
    { hidden: [10, 12], embedding: oneHotEmbedding(), reset: 'before' },
    { oneHotEmbedding },
    { loss: bprMax({ negatives: 12, sampler: uniform({ shared: true }) }), epochs: 6, batchSize: 8 },
  ),
  NARM: {
    ...ofBeginnings,
    make: (items) => new NARM({ items, maxLength: 6, dim: 8, hidden: 7, dropout: 0.1 }),
    load: (file) => NARM.load(file),
  },
  'NARM, two layers, shares': {
    ...ofBeginnings,
    make: (items) => new NARM({ items, maxLength: 6, dim: 8, hidden: 7, layers: 2, softmax: true, dropout: 0.1 }),
    load: (file) => NARM.load(file),
  },
  BSARec: {
    ...ofBeginnings,
    make: (items) => new BSARec({ items, maxLength: 6, dim: 8, layers: 1, dropout: 0.1 }),
    load: (file) => BSARec.load(file),
  },
  LinRec: {
    ...ofBeginnings,
    make: (items) => new LinRec({ items, maxLength: 6, dim: 8, layers: 1, dropout: 0.1 }),
    load: (file) => LinRec.load(file),
  },
  'LinRec, causal': {
    ...network({}, {}),
    make: (items) => new LinRec({ items, maxLength: 6, dim: 8, layers: 1, dropout: 0.1, block: linrecBlock() }),
    load: (file) => LinRec.load(file),
  },
  LightSANs: {
    ...ofBeginnings,
    make: (items) => new LightSANs({ items, maxLength: 6, dim: 8, layers: 1, interests: 3, dropout: 0.1 }),
    load: (file) => LightSANs.load(file),
  },
  HSTU: {
    ...network({}, {}),
    make: (items) => new HSTU({ items, maxLength: 6, dim: 8, layers: 1, dropout: 0.1 }),
    load: (file) => HSTU.load(file),
  },
  'HSTU, positions from the start, no biases': {
    ...network({}, {}),
    make: (items) =>
      new HSTU({ items, maxLength: 6, dim: 8, heads: 1, dropout: 0.1, positions: learnedFromStart(), biases: [] }),
    load: (file) => HSTU.load(file, { parts: { learnedFromStart } }),
  },
  Caser: {
    make: (items) => new Caser({ items, maxLength: 6, dim: 8, horizontalFilters: 4, dropout: 0.1 }),
    load: (file) => Caser.load(file),
    fit: (model, data) => (model as Caser).fit(data, byPrefixes),
    learnsOrder: true,
    empty: 'error',
  },
  'Caser with users, tanh filters': {
    make: (items) =>
      new Caser({ items, users: data.users, maxLength: 6, dim: 8, dropout: 0, activation: tanh, heights: [1, 2] }),
    load: (file) => Caser.load(file, { parts: { tanh } }),
    fit: (model, data) => (model as Caser).fit(data, { ...byPrefixes, loss: crossEntropy() }),
    learnsOrder: true,
    empty: 'error',
  },
  SRGNN: {
    make: (items) => new SRGNN({ items, maxLength: 6, dim: 8 }),
    load: (file) => SRGNN.load(file),
    fit: (model, data) => (model as SRGNN).fit(data, byPrefixes),
    learnsOrder: true,
    empty: 'error',
  },
  'SRGNN, two steps, attention alone': {
    make: (items) => new SRGNN({ items, maxLength: 6, dim: 8, steps: 2, hybrid: false }),
    load: (file) => SRGNN.load(file),
    fit: (model, data) => (model as SRGNN).fit(data, byPrefixes),
    learnsOrder: false,
    empty: 'error',
  },
  FOSSIL: factorized(FOSSIL, { order: 2 }),
  'FOSSIL with users': factorized(FOSSIL, { users: [...Array(40).keys()] }),
  // With one table, b after a scores what a after b does.
  'FOSSIL, tied': { ...factorized(FOSSIL, { output: tiedOutput() }, { tiedOutput }), learnsOrder: false },
  FPMC: factorized(FPMC, {}),
  'FPMC with users': factorized(FPMC, { users: [...Array(40).keys()] }),
  BST: scorer({ head: allPositions({ hidden: [24, 8] }) }),
  'BST, causal, a score for each position': scorer({ head: eachPosition({ hidden: [16] }) }),
  MarkovChain: {
    make: (items) => new MarkovChain({ items }),
    load: (file) => MarkovChain.load(file),
    fit: (model, data) => (model as MarkovChain).fit(data),
    learnsOrder: true,
    empty: 'nothing',
  },
  MultiStepMarkov: {
    make: (items) => new MultiStepMarkov({ items, steps: 3 }),
    load: (file) => MultiStepMarkov.load(file),
    fit: (model, data) => (model as MultiStepMarkov).fit(data),
    learnsOrder: true,
    empty: 'popular',
  },
  AssociationRules: counting(AssociationRules, { keep: null }, false),
  SequentialRules: counting(SequentialRules, { steps: 3 }),
  ItemKNN: counting(ItemKNN, {}, false),
  STAN: counting(STAN, { maxLength: 6, recency: 5 }, false),
  VSKNN: counting(VSKNN, { maxLength: 6 }, false),
  Popularity: {
    make: (items) => new Popularity({ items }),
    load: (file) => Popularity.load(file),
    fit: (model, data) => (model as Popularity).fit(data),
    learnsOrder: false,
    empty: 'popular',
  },
};

/** Walks round a circle of ids that are easily mishandled. */
const ids = ['a', 'constructor', '__proto__', '', 'toString', 7, '7', -1, 0.5, 'ü', 'hasOwnProperty', 'z'];
const data = Interactions.from(
  Array.from({ length: 40 }, (_, user) =>
    Array.from({ length: 3 + (user % 7) }, (_, t) => ({ user, item: ids[(user * 5 + t) % 12] as string, time: t })),
  ).flat(),
);

/**
 * Where models train until they have learnt: on the software adapters of WebGPU, which tests have, that takes minutes, and
 * on plain JavaScript it is seen in Node.
 */
const learns = (backend: string) => backend !== 'webgpu' && (backend !== 'cpu' || isServer());

/** A step or a few of training, on the events of seven users. */
function shorten(model: SequenceModel, more: FitOptions = {}): void {
  const full = model.fit.bind(model);
  const fit: typeof full = ({ items, users, sequences }, options) => {
    const few = new Interactions(items, users, sequences.take([0, 1, 2, 3, 4, 5, 6]));
    return full(few, { ...options, epochs: 1, batchSize: 16, ...more });
  };
  Object.defineProperty(model, 'fit', { value: fit });
}

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => use(backend));

  describe.each(Object.entries(table))('%s', (_name, { make, load, fit, learnsOrder, empty }) => {
    const fitted = async () => {
      const model = make(data.items);
      if (!learns(backend) && model instanceof SequenceModel) shorten(model);
      await fit(model, data);
      return model;
    };
    let model: Recommender;
    beforeAll(async () => {
      model = await fitted();
    }, 60_000);
    afterAll(() => model.dispose());
    const histories = Ragged.from([[0, 1, 2], [5], [3, 3, 4, 5, 6, 7, 8, 9, 10]]);

    test('learns, the same with the same seed, and a file brings it back', async () => {
      const before = tf.memory().numTensors;
      const again = await fitted();
      const reloaded = await load(await model.save());
      const scores = await model.scores(histories);
      expect(scores).toHaveLength(3 * 12);
      expect(scores.some(Number.isNaN)).toBe(false);
      expect(await again.scores(histories)).toEqual(scores);
      expect(await reloaded.scores(histories)).toEqual(scores);
      expect(reloaded.catalog.ids).toEqual(model.catalog.ids);
      if (learnsOrder && learns(backend)) {
        const row = (id: string | number) => data.items.row(id);
        const [next] = await reloaded.recommend([data.items.id(row('constructor'))], { k: 1 });
        expect(next?.item).toBe('__proto__');
      }
      for (const each of [again, reloaded]) each.dispose();
      expect(tf.memory().numTensors).toBe(before);
    });

    test('its states read what it says, and objectives that ask what they have read are refused', async () => {
      if (!(model instanceof SequenceModel)) return;
      const network = model;
      const states = async (items: number[]) => {
        const events = Ragged.from([items, [3, 4]]);
        using layout = new Layout(events);
        const found = tf.tidy(() => network.encode(events, layout));
        const values = await found.data<'float32'>();
        const width = found.shape[1];
        found.dispose();
        return Array.from({ length: found.shape[0] }, (_, row) => values.slice(row * width, (row + 1) * width));
      };
      const [plain, changed] = [await states([0, 1, 2, 5]), await states([0, 1, 7, 5])];
      const differ = plain.flatMap((state, row) =>
        state.some((value, i) => Math.abs(value - (changed[row]?.[i] as number)) > 1e-6) ? [row] : [],
      );
      // A state may know its own event alone.
      if (model.reads === 'past') expect([[2], [2, 3]]).toContainEqual(differ);
      else if (model.reads === 'last' && plain.length === 2) expect(differ).toEqual([0]);
      else expect(differ.filter((row) => row > 3)).toEqual([]);
      if (model.reads !== 'past')
        await expect(model.fit(data, { objective: nextItem() })).rejects.toThrow('prefixes()');
    });

    test('its file gives the same scores on another backend', async () => {
      const [file, scores] = [await model.save(), await model.scores(histories)];
      await use(backend === 'cpu' ? 'wasm' : 'cpu');
      try {
        using other = await load(file);
        (await other.scores(histories)).forEach((score, i) => {
          expect(score).toBeCloseTo(scores[i] as number, 3);
        });
      } finally {
        await use(backend);
      }
    });

    test('recommends the best first, without what was seen or excluded', async () => {
      const history = ['a', 'constructor'];
      const list = await model.recommend(history, { k: 100 });
      expect(list.map(({ score }) => score)).toEqual(list.map(({ score }) => score).sort((a, b) => b - a));
      expect(list.map(({ item }) => item)).not.toContain('a');
      const open = await model.recommend(history, { k: 100, excludeSeen: false });
      expect(open.length).toBeGreaterThanOrEqual(list.length);
      const limited = await model.recommend(history, { k: 100, excludeSeen: false, exclude: ['__proto__'] });
      expect(limited).toEqual(open.filter(({ item }) => item !== '__proto__'));
      expect(await model.recommend(history, { k: 2 })).toEqual(list.slice(0, 2));
      await expect(model.recommend(history, { k: 0 })).rejects.toThrow('k must be an integer at least 1, got 0.');
    });

    test('unknown ids are dropped and reported, or refused', async () => {
      const unknown: unknown[] = [];
      const report = { k: 3, onUnknown: (found: readonly unknown[]) => void unknown.push(...found) };
      const list = await model.recommend(['nobody', 'a', 8], report);
      expect(list).toEqual(await model.recommend(['a'], { k: 3 }));
      expect(unknown).toEqual(['nobody', 8]);
      await expect(model.recommend(['a', 'nobody'], { unknown: 'error' })).rejects.toThrow("'nobody'");
      const popular = empty === 'error' ? undefined : await model.recommend([], { k: 3 });
      if (empty === 'popular') expect(popular).toHaveLength(3);
      if (empty === 'nothing') expect(popular).toHaveLength(0);
      if (empty === 'error') {
        await expect(model.recommend([])).rejects.toThrow(/at least one/);
        await expect(model.recommend(['nobody'])).rejects.toThrow(/at least one/);
      }
    });

    test('a history longer than it reads is read from the end', async () => {
      const long = Array.from({ length: 300 }, (_, t) => ids[t % 12] as string);
      const list = await model.recommend(long, { k: 3, excludeSeen: false });
      expect(list).toEqual(await model.recommend(long.slice(-6), { k: 3, excludeSeen: false }));
    });

    test('a session answers as for its history', async () => {
      using session = await model.session();
      for (const end of [1, 2, 3, 8]) {
        await session.push(...ids.slice(session.history.length, end));
        const expected = await model.recommend(ids.slice(0, end), { k: 5 });
        const found = await session.recommend({ k: 5 });
        expect(found.map(({ item }) => item)).toEqual(expected.map(({ item }) => item));
        found.forEach(({ score }, i) => {
          expect(score).toBeCloseTo(expected[i]?.score as number, 5);
        });
      }
    });

    test('spare rows change neither what it learns nor what it answers', async () => {
      // On WebGPU all other tests have them.
      if (!(model instanceof SequenceModel) || backend === 'webgpu') return;
      const run = async () => {
        using network = make(data.items) as SequenceModel;
        // Adam would make steps of what is only rounding.
        shorten(network, { batchSize: 16, optimizer: sgd({ learningRate: 0.05 }) });
        const { epochs } = (await fit(network, data)) as FitReport;
        const weights = await Promise.all([...network.parameters().values()].map((parameter) => parameter.data()));
        const ranks = await network.ranks(histories, Ragged.from([[4], [6], [11]]));
        return [epochs.map(({ loss }) => loss), ...weights, await network.scores(histories), ranks];
      };
      const exact = await withRowBuckets(false, run);
      (await withRowBuckets(true, run)).forEach((values, of) => {
        values.forEach((value, i) => {
          expect(value, `value ${i} of ${of}`).toBeCloseTo(exact[of]?.[i] as number, 5);
        });
      });
    });

    test('explains what it recommends, and leaves no tensor', async () => {
      const history = ['a', 'constructor', 'a', 7];
      const before = tf.memory().numTensors;
      const why = await model.explain(history, { item: 'toString' });
      const all = await model.recommend(history, { k: 12, excludeSeen: false });
      expect(why.score).toBeCloseTo(all.find(({ item }) => item === 'toString')?.score ?? 0, 4);
      expect(why.events.map(({ item }) => item)).toEqual(history);
      expect(why.events.every(({ contribution }) => Number.isFinite(contribution))).toBe(true);
      const shares = why.events.map(({ attention }) => attention);
      expect(shares.every((share) => share === undefined || (share >= 0 && share <= 1))).toBe(true);
      expect(why.toSVG()).toContain('</svg>');
      expect(tf.memory().numTensors).toBe(before);
    });

    test('answers many at once as it answers one by one', async () => {
      const each = await Promise.all([0, 1, 2].map((b) => model.scores(histories.take([b]))));
      const all = await model.scores(histories);
      each.forEach((scores, b) => {
        scores.forEach((score, i) => {
          expect(all[b * 12 + i]).toBeCloseTo(score, 4);
        });
      });
    });
  });
});
