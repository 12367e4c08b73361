/** `evaluate`: measures a model on held-out events in bounded memory. */
import { checkPart } from '../core/part.ts';
import { pauser } from '../core/pause.ts';
import { Ragged, range } from '../core/ragged.ts';
import { checkBoolean, checkNumber, checkSignal, describe, refuseOthers } from '../core/shape.ts';
import { withMoments } from '../data/feature-codes.ts';
import { checkHoldout, type Holdout } from '../data/holdout.ts';
import { checkRows } from '../ops/rows.ts';
import type { Candidates } from './candidates.ts';
import type { AnyMetric, CatalogMetric, Metric } from './metric.ts';
import { ranksAmong, ranksOfScores } from './rank.ts';
import { type Protocol, Report } from './report.ts';
import { chunkSize, type Scorer } from './scorer.ts';
import { topKOfScores } from './top-k.ts';

export interface EvaluateOptions<M extends AnyMetric> {
  /** What to measure; each metric once. */
  metrics: readonly M[];
  /** Leaves the items of the history out of the ranking; a target is never left out. @defaultValue true */
  excludeSeen?: boolean | undefined;
  /** What the targets compete with. @defaultValue the whole catalogue */
  candidates?: Candidates | undefined;
  /** The most histories scored at once. @defaultValue 256 */
  batchSize?: number | undefined;
  /** The most bytes of scores at once; a single history may need more. @defaultValue 64 MiB */
  maxBytes?: number | undefined;
  /** Stops between two batches and rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Called after every batch. */
  onProgress?: ((progress: EvaluateProgress) => void) | undefined;
}

export interface EvaluateProgress {
  /** Histories measured so far. */
  done: number;
  /** Histories in all. */
  total: number;
  /** Since the start. */
  seconds: number;
}

/**
 * Ranks the targets of every history and measures the ranks.
 *
 * A rank is 1 + the number of other candidates with the target's score or a higher one: a tie counts against the target.
 * Several targets of one history are ranked in one list, equal ones in adjacent places; a target that occurs twice
 * counts once. A model that reads features of the context is told those of the first target. An empty history is scored like any other; models without an answer to it throw.
 *
 * @throws RangeError when the holdout is empty or made for another catalogue, or a score is NaN
 *
 * @example
 * ```ts
 * const report = await evaluate(model, test, { metrics: [hitRate(10), ndcg(10), mrr()] });
 * report.metrics['NDCG@10'];
 * report.interval('NDCG@10'); // 95 % bootstrap interval over the users
 * ```
 */
export async function evaluate<const M extends AnyMetric>(
  model: Scorer,
  test: Holdout,
  options: EvaluateOptions<M>,
): Promise<Report<M['key']>> {
  const { metrics, excludeSeen = true, candidates, batchSize = 256, maxBytes = 64 * 2 ** 20, ...more } = options;
  const { signal, onProgress, ...others } = more;
  refuseOthers('evaluate', others, options);
  checkBoolean('excludeSeen', excludeSeen);
  checkNumber('batchSize', batchSize, { min: 1, integer: true });
  checkNumber('maxBytes', maxBytes, { above: 0 });
  if (candidates) checkPart('candidates', candidates, 'choose');
  checkSignal(signal);
  checkMeasurable(model, test);
  const { users, lists } = sortMetrics(metrics);
  if (candidates && lists.length > 0) {
    throw new Error(`${lists[0]?.key} counts items of the whole catalogue: measure it without candidates.`);
  }
  const total = test.histories.count;
  if (candidates?.histories !== undefined && candidates.histories !== total) {
    throw new RangeError(
      `Candidates must be given for each of the ${total} histories of the holdout, got ${candidates.histories} lists.`,
    );
  }
  const items = test.catalog.size;
  const values = new Map(users.map(({ key }) => [key, new Float64Array(total)]));
  const counts = new Map(lists.map(({ key }) => [key, new Int32Array(items)]));
  const longest = Math.max(1, ...lists.map(({ k }) => Math.min(k, items)));
  const step = chunkSize(items, batchSize, maxBytes);
  const moments = ['time', ...Object.keys(test.catalog.features.context)];
  const began = performance.now();
  const breathe = pauser();

  for (let from = 0; from < total; from += step) {
    await breathe();
    signal?.throwIfAborted();
    const which = range(Math.min(step, total - from)).map((i) => from + i);
    const following = test.targets.take(which);
    const histories = withMoments(test.histories.take(which), following, moments);
    const targets = distinctRows(following, items);
    const exclude = excludeSeen ? distinctRows(histories, items, targets) : undefined;
    const pool = candidates && competitors(candidates, { histories, targets, exclude, items, first: from });
    const among = pool && withTargets(targets, pool);
    // One pass over the scores serves ranks and lists, unless the model has a faster way to both.
    const fast = among
      ? model.candidateScores
      : (users.length === 0 || model.ranks) && (lists.length === 0 || model.topK);
    const scores = fast ? undefined : checkedScores(await model.scores(histories), histories.count, items);
    if (users.length > 0) {
      const ranks = among
        ? ranksAmong(await scoresAmong(model, histories, among, scores), targets, among)
        : scores
          ? ranksOfScores(scores, items, targets, exclude)
          : await model.ranks?.(histories, targets, { exclude });
      for (let b = 0; b < histories.count; b++) {
        const ranked = among ? among.length(b) : items - (exclude?.length(b) ?? 0);
        const own = separateTies((ranks as Int32Array).slice(targets.offsets[b], targets.offsets[b + 1]), ranked);
        for (const { key, user } of users) (values.get(key) as Float64Array)[from + b] = user(own, ranked);
      }
    }
    if (lists.length > 0) {
      const best = scores
        ? topKOfScores(scores, items, longest, exclude)
        : await model.topK?.(histories, longest, { exclude });
      for (const { key, k } of lists) countLists(counts.get(key) as Int32Array, best?.items as Int32Array, longest, k);
    }
    onProgress?.({ done: from + histories.count, total, seconds: (performance.now() - began) / 1000 });
  }

  const protocol: Protocol = {
    split: test.protocol,
    candidates: candidates?.protocol ?? `all ${items} items`,
    excludeSeen,
    ties: 'against the target',
    users: total,
  };
  const catalog = lists.map((metric) => [metric.key, metric.catalog(counts.get(metric.key) as Int32Array)] as const);
  const order = metrics.map(({ key }) => key);
  return new Report(order, values, new Map(catalog), protocol, test.targets);
}

/** @throws TypeError unless `model` is a model and `test` a holdout, RangeError unless `test` is for this model */
export function checkMeasurable(model: Scorer, test: Holdout): void {
  if (typeof model?.scores !== 'function') {
    throw new TypeError(`evaluate takes a model with the method 'scores', got ${describe(model)}.`);
  }
  checkHoldout('evaluate', test);
  const { catalog, users, histories, targets } = test;
  if (!catalog.covers(model.catalog)) {
    throw new RangeError(
      `The model was made for a catalogue of ${model.catalog.describe()} and the holdout has another of ${catalog.describe()}: split a log of the model's catalogue.`,
    );
  }
  const { knownUsers } = model;
  if (users && knownUsers && users !== knownUsers && users.some((id, row) => id !== knownUsers[row])) {
    throw new RangeError(
      `The model was made for ${knownUsers.length} users and the holdout has others (${users.length}): split the log that the model's users are of.`,
    );
  }
  if (histories.count === 0)
    throw new RangeError('The holdout must have at least one history, got none: check the split.');
  if (targets.count !== histories.count) {
    throw new RangeError(
      `The holdout must have targets for each of its ${histories.count} histories, got ${targets.count}.`,
    );
  }
  for (let b = 0; b < targets.count; b++) {
    if (targets.length(b) === 0)
      throw new RangeError(`Every history of the holdout must have a target, number ${b} has none.`);
  }
}

/** The metrics of users and those of all lists. @throws TypeError for what is no metric, RangeError for one twice */
export function sortMetrics(metrics: readonly AnyMetric[]): { users: Metric[]; lists: CatalogMetric[] } {
  if (!Array.isArray(metrics) || metrics.length === 0) {
    throw new TypeError(`metrics must be a list such as [hitRate(10), ndcg(10)], got ${describe(metrics)}.`);
  }
  const keys = new Set<string>();
  const [users, lists]: [Metric[], CatalogMetric[]] = [[], []];
  for (const metric of metrics as readonly AnyMetric[]) {
    const [ofUsers, ofLists] = [metric as Metric, metric as CatalogMetric];
    if (typeof ofUsers?.user === 'function') users.push(ofUsers);
    else if (typeof ofLists?.catalog === 'function') lists.push(ofLists);
    else throw new TypeError(`Every metric must be made as ndcg(10) is, got ${describe(metric)}.`);
    if (keys.has(metric.key)) throw new RangeError(`Every metric must be listed once, got ${metric.key} twice.`);
    keys.add(metric.key);
  }
  return { users, lists };
}

/** Each sequence's rows without repeats and without those of `without`. */
function distinctRows(of: Ragged, items: number, ...without: readonly (Ragged | undefined)[]): Ragged {
  const taken = new Int32Array(items);
  const rows = new Int32Array(of.rows);
  const offsets = new Int32Array(of.count + 1);
  let at = 0;
  for (let b = 0; b < of.count; b++) {
    for (const others of without) for (const row of others?.items(b) ?? []) taken[row] = b + 1;
    for (const row of of.items(b)) {
      if (taken[row] !== b + 1) rows[at++] = row;
      taken[row] = b + 1;
    }
    offsets[b + 1] = at;
  }
  return new Ragged(offsets, { item: rows.slice(0, at) });
}

/** The candidates that may compete. @throws RangeError for rows that there are not, and where none is left */
function competitors(
  candidates: Candidates,
  of: { histories: Ragged; targets: Ragged; exclude: Ragged | undefined; items: number; first: number },
): Ragged {
  const { histories, targets, exclude, items, first } = of;
  const given = candidates.choose(histories, targets, items, first);
  checkRows(given.item, items, candidates.name);
  const pool = distinctRows(given, items, targets, exclude);
  for (let b = 0; b < pool.count; b++) {
    if (pool.length(b) > 0) continue;
    throw new RangeError(
      `${candidates.name} must leave every history an item that is neither a target nor left out as seen, got none of ${given.length(b)} for history ${first + b}.`,
    );
  }
  return pool;
}

/** The targets of each history, then the others that they compete with. */
function withTargets(targets: Ragged, pool: Ragged): Ragged {
  return Ragged.from(Array.from({ length: pool.count }, (_, b) => [...targets.items(b), ...pool.items(b)]));
}

/** The scores of the events of `among`, out of those of all items if the model has no shorter way. */
async function scoresAmong(
  model: Scorer,
  histories: Ragged,
  among: Ragged,
  all: Float32Array | undefined,
): Promise<Float32Array> {
  if (!all) return (await model.candidateScores?.(histories, among)) as Float32Array;
  const items = all.length / among.count;
  const scores = new Float32Array(among.rows);
  for (let b = 0; b < among.count; b++) {
    for (let i = among.offsets[b] as number; i < (among.offsets[b + 1] as number); i++) {
      scores[i] = all[b * items + (among.item[i] as number)] as number;
    }
  }
  return scores;
}

function checkedScores(scores: Float32Array, histories: number, items: number): Float32Array {
  if (scores.length !== histories * items) {
    throw new RangeError(
      `The model must give ${items} scores for each of ${histories} histories, got ${scores.length} in all.`,
    );
  }
  return scores;
}

/**
 * Sorts a user's ranks and gives targets with equal scores, which all have the rank of the last of them, adjacent places.
 */
function separateTies(ranks: Int32Array, candidates: number): Int32Array {
  ranks.sort();
  for (let i = ranks.length - 2; i >= 0; i--) ranks[i] = Math.min(ranks[i] as number, (ranks[i + 1] as number) - 1);
  const [best = 0, worst = ranks.at(-1) ?? 0] = [ranks[0]];
  if (best < 1 || worst > candidates) {
    throw new RangeError(`The model's ranks must be from 1 to ${candidates}, got ${best < 1 ? best : worst}.`);
  }
  return ranks;
}

/** Counts the first `k` of every list of `width` rows. */
function countLists(counts: Int32Array, lists: Int32Array, width: number, k: number): void {
  for (let start = 0; start < lists.length; start += width) {
    for (let i = start; i < start + Math.min(k, width); i++) {
      const row = lists[i] as number;
      if (row >= 0) counts[row] = (counts[row] as number) + 1;
    }
  }
}
