/** The base of models that let similar past sequences vote. */
import type { Part } from '../../core/part.ts';
import type { Ragged } from '../../core/ragged.ts';
import { checkNumber, describe, refuseOthers } from '../../core/shape.ts';
import type { Catalog } from '../../data/catalog.ts';
import type { ExcludeOptions, TopK } from '../../evaluation/scorer.ts';
import { topKOfScores } from '../../evaluation/top-k.ts';
import { matchTensors } from '../../io/match-tensors.ts';
import type { TensorData } from '../../io/safetensors.ts';
import { CountingModel } from '../base/counting.ts';
import { keepLargest } from './keep-largest.ts';
import { SESSION_TENSORS, SessionIndex } from './session-index.ts';

/** Which past sequences may be neighbours. */
export interface NeighborSource extends Part {
  /** Whether they must hold the last item of the history. */
  readonly lastOnly: boolean;
}

/** Sequences that hold any item of the history (the papers). */
export function sharingAny(): NeighborSource {
  return { name: 'sharingAny', options: {}, lastOnly: false };
}

/**
 * Sequences that hold the last item of the history: what session-rec does where a session is asked once, at its end,
 * instead of after each of its events.
 */
export function sharingLast(): NeighborSource {
  return { name: 'sharingLast', options: {}, lastOnly: true };
}

export interface SessionNeighborsOptions {
  /** The items that can be recommended. */
  items: Catalog;
  /** How many neighbours vote. */
  k?: number | undefined;
  /** How many sequences, the most recent ones with a shared item, are compared with the history. */
  sample?: number | undefined;
  /** The most events of a history that are read. @defaultValue 100 */
  maxLength?: number | undefined;
  /** Which sequences are compared. @defaultValue sharingAny() */
  source?: NeighborSource | undefined;
}

/** A history as neighbours see it. */
export interface NeighborQuery {
  /** Its events, oldest first. */
  readonly rows: Int32Array;
  /** The time of its last event: if it has none, the latest that was counted. */
  readonly time: number;
  /** Its different items. */
  readonly items: Int32Array;
  /** The weight of each of them. */
  readonly weights: Float64Array;
  /** Of every item of the catalogue: its last position in the history, from 1; 0 if it is not there. */
  readonly position: Int32Array;
}

/** The sums of votes by item. */
export class Votes {
  readonly sums: Float64Array;
  readonly voted: Int32Array;
  count = 0;
  /** Of each item the number of the neighbour that last voted for it once, from 1. */
  readonly #voters: Int32Array;
  #voter = 0;

  constructor(items: number) {
    this.sums = new Float64Array(items);
    this.voted = new Int32Array(items);
    this.#voters = new Int32Array(items);
  }

  /** @param vote above 0; others are nothing */
  add(item: number, vote: number): void {
    if (!(vote > 0)) return;
    const sum = this.sums[item] as number;
    if (sum === 0) this.voted[this.count++] = item;
    this.sums[item] = sum + vote;
  }

  /** {@link add} for the first vote of a neighbour for this item. */
  addOnce(item: number, vote: number): void {
    if (this.#voters[item] === this.#voter) return;
    this.#voters[item] = this.#voter;
    this.add(item, vote);
  }

  /** The votes of the next neighbour follow. */
  next(): void {
    if (++this.#voter < 2 ** 31) return;
    this.#voters.fill(0);
    this.#voter = 1;
  }

  clear(): void {
    for (let i = 0; i < this.count; i++) this.sums[this.voted[i] as number] = 0;
    this.count = 0;
  }
}

/**
 * The `sample` most recent past sequences that share an item with the history are compared with it; the `k` most similar
 * vote for their items (of equally similar ones the more recent). Items without a vote score 0 and are not recommended.
 * Past sequences are found by an inverted index and held in the order of their last events' times, or of counting where
 * the data have no times; `partialFit` appends to both.
 */
export abstract class SessionNeighbors extends CountingModel {
  readonly k: number;
  readonly sample: number;
  readonly maxLength: number;
  readonly source: NeighborSource;
  protected sessions: SessionIndex;
  readonly #votes: Votes;
  readonly #position: Int32Array;

  constructor({
    items,
    k = 100,
    sample = 1000,
    maxLength = 100,
    source = sharingAny(),
    ...others
  }: SessionNeighborsOptions) {
    super(items);
    refuseOthers(new.target.modelName || new.target.name, others);
    this.k = checkNumber('k', k, { min: 1, integer: true });
    this.sample = checkNumber('sample', sample, { min: 1, integer: true });
    this.maxLength = checkNumber('maxLength', maxLength, { min: 1, integer: true });
    if (typeof source?.lastOnly !== 'boolean') {
      throw new TypeError(`source must be sharingAny() or sharingLast(), got ${describe(source)}.`);
    }
    this.source = source;
    this.sessions = new SessionIndex(items.size);
    this.#votes = new Votes(items.size);
    this.#position = new Int32Array(items.size);
  }

  /** Sets `weights`, the weight of each of the different items of a history. */
  protected abstract weigh(query: NeighborQuery): void;

  /** What similarities are divided by for the history's sake. */
  protected abstract norm(query: NeighborQuery): number;

  /**
   * How similar a past sequence is, at least 0.
   *
   * @param shared the sum of the weights of the items that it shares, divided by {@link norm}
   */
  protected abstract similarity(shared: number, session: number, query: NeighborQuery): number;

  /** Lets a neighbour, the items from `begin` to `end` of `sessions.items`, vote. */
  protected abstract vote(votes: Votes, begin: number, end: number, similarity: number, query: NeighborQuery): void;

  override async scores(histories: Ragged): Promise<Float32Array> {
    this.requireCounts();
    const width = this.catalog.size;
    const out = new Float32Array(histories.count * width);
    for (let b = 0; b < histories.count; b++) {
      const { sums, voted, count } = this.#ask(histories, b);
      for (let i = 0; i < count; i++) out[b * width + (voted[i] as number)] = sums[voted[i] as number] as number;
    }
    return out;
  }

  override async topK(histories: Ragged, k: number, { exclude }: ExcludeOptions = {}): Promise<TopK> {
    this.requireCounts();
    checkNumber('k', k, { min: 1, integer: true });
    const items = new Int32Array(histories.count * k).fill(-1);
    const scores = new Float32Array(histories.count * k).fill(-Infinity);
    for (let b = 0; b < histories.count; b++) {
      const { sums, voted, count } = this.#ask(histories, b);
      if (count === 0) continue;
      for (const row of exclude?.items(b) ?? []) sums[row] = 0;
      // Ascending, so that of equal scores the lower row goes first.
      const rows = voted.slice(0, count).sort();
      let most = 0;
      for (const row of rows) most = Math.max(most, sums[row] as number);
      // By a power of 2, which rounds nothing: votes of very old sessions would vanish in single precision.
      const scale = most > 0 ? 2 ** -Math.floor(Math.log2(most)) : 1;
      const votes = new Float32Array(count);
      for (let i = 0; i < count; i++) votes[i] = (sums[rows[i] as number] as number) * scale || -Infinity;
      topKOfScores(votes, count, k).items.forEach((place, i) => {
        if (place < 0) return;
        const row = rows[place] as number;
        items[b * k + i] = row;
        scores[b * k + i] = sums[row] as number;
      });
    }
    return { items, scores };
  }

  protected override get window(): number {
    return this.maxLength;
  }

  /** The votes for what follows a history, until the next call. */
  #ask(histories: Ragged, b: number): Votes {
    const votes = this.#votes;
    votes.clear();
    const rows = histories.items(b).slice(-this.maxLength);
    if (rows.length === 0) return votes;
    const time = histories.time?.[(histories.offsets[b + 1] as number) - 1] ?? this.sessions.latest;
    const position = this.#position;
    rows.forEach((row, i) => {
      position[row] = i + 1;
    });
    const items = rows.filter((row, i) => position[row] === i + 1);
    const query = { rows, time, items, weights: new Float64Array(items.length), position };
    this.weigh(query);
    this.#gather(query, votes);
    for (const row of rows) position[row] = 0;
    return votes;
  }

  #gather(query: NeighborQuery, votes: Votes): void {
    const holding = this.source.lastOnly ? (query.items.at(-1) as number) : undefined;
    const found = this.sessions.sharing(query.items, query.weights, this.sample, holding);
    const { sessions, sums: similarities } = found;
    const norm = this.norm(query);
    for (let i = 0; i < found.count; i++) {
      similarities[i] = this.similarity((similarities[i] as number) / norm, sessions[i] as number, query);
    }
    const count = Math.min(this.k, found.count);
    keepLargest(similarities, sessions, found.count, count);
    const { offsets } = this.sessions;
    for (let i = 0; i < count; i++) {
      const session = sessions[i] as number;
      votes.next();
      this.vote(votes, offsets[session] as number, offsets[session + 1] as number, similarities[i] as number, query);
    }
  }

  protected override clear(): void {
    this.sessions = new SessionIndex(this.catalog.size);
  }

  protected override count(rows: Int32Array, time: number | undefined): void {
    this.sessions.add(rows, time);
  }

  protected override counts() {
    return { sessions: this.sessions.count, events: this.sessions.events };
  }

  protected override get counted(): boolean {
    return this.sessions.count > 0;
  }

  protected override config(): object {
    return { k: this.k, sample: this.sample, maxLength: this.maxLength, source: this.source };
  }

  protected override async state(): Promise<Map<string, TensorData>> {
    this.requireCounts();
    return this.sessions.state();
  }

  protected override async restore(tensors: ReadonlyMap<string, TensorData>): Promise<void> {
    matchTensors(tensors, new Map(SESSION_TENSORS), 'these sessions');
    this.sessions = SessionIndex.restore(tensors, this.catalog.size);
  }
}
