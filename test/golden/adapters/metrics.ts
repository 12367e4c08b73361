/** Metrics of RecBole, WarpRec and plain Python over stored scores, and the order of equal scores. */
import {
  Catalog,
  coverage,
  evaluate,
  hitRate,
  type Metric,
  map,
  mrr,
  ndcg,
  precision,
  Ragged,
  Recommender,
  recall,
} from 'seqrec';
import type { Adapter, AdapterTable, GoldenCase } from '../case.ts';

/** Peers' names of the metrics that have one value a user. */
const METRICS: { readonly [name: string]: (k: number) => Metric } = {
  Hit: hitRate,
  HitRate: hitRate,
  NDCG: ndcg,
  nDCG: ndcg,
  // Gains 2^(rel+1) - 1 are all 3 for binary relevance and cancel.
  nDCGRendle2020: ndcg,
  MRR: mrr,
  MAP: map,
  Recall: recall,
  Precision: precision,
};

/** Gives stored scores, one row a history after the other. */
class Stored extends Recommender {
  readonly #scores: Float32Array;
  #next = 0;

  constructor(scores: Float32Array, items: number) {
    super(new Catalog(Array.from({ length: items }, (_, i) => i)));
    this.#scores = scores;
  }

  protected override config() {
    return {};
  }

  override async scores({ count }: Ragged): Promise<Float32Array> {
    const from = this.#next;
    this.#next += count * this.catalog.size;
    return this.#scores.subarray(from, this.#next);
  }
}

/** The values of `metrics` for every user `[U, metrics]`, and their means. */
async function measure(scores: Float32Array, items: number, targets: number[][], metrics: readonly Metric[]) {
  const model = new Stored(scores, items);
  const holdout = {
    catalog: model.catalog,
    histories: Ragged.from(targets.map(() => [])),
    targets: Ragged.from(targets),
    protocol: 'stored',
  };
  const report = await evaluate(model, holdout, { metrics });
  const values = targets.flatMap((_, user) => metrics.map(({ key }) => report.values[key]?.[user] as number));
  return { values, means: metrics.map(({ key }) => report.metrics[key] as number) };
}

/** The lists of the best `k` items `[U, k]`. */
async function lists(scores: Float32Array, items: number, users: number, k: number): Promise<number[]> {
  const best = await new Stored(scores, items).recommendMany(Array(users).fill([]), { k });
  return best.flat().map(({ item }) => Number(item));
}

/** The stored means are rounded to 8 decimals. */
const exact = { tolerance: { abs: 1e-8, rel: 0 } };

const metrics: Adapter = async (kase) => {
  const scores = kase.floats('in/scores');
  const [users, items] = [kase.size('in/scores', 0), kase.size('in/scores', 1)];
  const relevance = kase.ints('in/relevance');
  const relevant = Array.from({ length: users }, (_, user) =>
    Array.from({ length: items }, (_, item) => item).filter((item) => relevance[user * items + item] === 1),
  );
  const cuts = [...kase.ints('in/k')];
  const name = (key: string) => key.slice(key.lastIndexOf('/') + 1);
  const at = (key: string, ks: readonly number[]) => {
    const metric = METRICS[name(key)];
    if (!metric) throw new Error(`${kase.name}: ${key} is not a metric we know.`);
    return ks.map((k) => metric(k));
  };

  for (const key of kase.keys('f64/recbole/')) {
    if (name(key) === 'ItemCoverage') kase.compare(key, await coverages(kase, cuts), exact);
    else kase.compare(key, (await measure(scores, items, relevant, at(key, cuts))).means, exact);
  }
  for (const key of kase.keys('f64/recbole_per_user/')) {
    const ks = Array.from({ length: kase.size(key, 1) }, (_, j) => j + 1);
    kase.compare(key, (await measure(scores, items, relevant, at(key, ks))).values, exact);
  }
  for (const key of kase.keys('warprec_per_user/')) {
    kase.compare(key, (await measure(scores, items, relevant, at(key, cuts))).values);
  }

  const truth = Array.from(kase.ints('in/seed2_truth'), (item) => [item]);
  for (const key of kase.keys('f64/recbole_single/')) {
    kase.compare(key, (await measure(scores, items, truth, at(key, cuts))).means, exact);
  }

  // Lists as scores: the earlier the higher, and the rest never recommended.
  const given = kase.ints('in/seed2_preds');
  const length = kase.size('in/seed2_preds', 1);
  const places = new Float32Array(users * items).fill(-Infinity);
  given.forEach((item, i) => {
    places[Math.floor(i / length) * items + item] = -(i % length);
  });
  kase.compare(
    'f64/seed2/hit',
    (
      await measure(
        places,
        items,
        truth,
        cuts.map((k) => hitRate(k)),
      )
    ).means,
    exact,
  );
  kase.compare(
    'f64/seed2/ndcg',
    (
      await measure(
        places,
        items,
        truth,
        cuts.map((k) => ndcg(k)),
      )
    ).means,
    exact,
  );
  kase.compare('f64/seed2/mrr_over_given_list', (await measure(places, items, truth, [mrr(length)])).means, exact);

  kase.compare('out/topk_items', await lists(scores, items, users, kase.size('out/topk_items', 1)));
};

async function coverages(kase: GoldenCase, cuts: readonly number[]): Promise<number[]> {
  const model = new Stored(kase.floats('in/scores'), kase.size('in/scores', 1));
  const any = Ragged.from(Array.from({ length: kase.size('in/scores', 0) }, () => [0]));
  const holdout = { catalog: model.catalog, histories: any, targets: any, protocol: 'stored' };
  const report = await evaluate(model, holdout, { metrics: cuts.map((k) => coverage(k)), excludeSeen: false });
  return cuts.map((k) => report.metrics[`Coverage@${k}`] as number);
}

const ties: Adapter = async (kase) => {
  const [users, items] = [kase.size('in/scores', 0), kase.size('in/scores', 1)];
  const key = 'out/stable_lowest_index_first';
  kase.compare(key, await lists(kase.floats('in/scores'), items, users, kase.size(key, 1)));
  kase.except('out/torch_topk', 'its order of equal scores is unspecified');
};

export const adapters: AdapterTable = [
  [/^metrics_ties/, ties],
  [/^metrics/, metrics],
];
