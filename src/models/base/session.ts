/** A history that grows: events are pushed as they happen, and recommendations asked for in between. */
import { Ragged } from '../../core/ragged.ts';
import { checkBoolean, checkNumber, refuseOthers } from '../../core/shape.ts';
import type { Catalog, ItemId } from '../../data/catalog.ts';
import { type HistoryEvent, readEvents } from '../../data/histories.ts';
import type { TopK } from '../../evaluation/scorer.ts';
import { listOf, type Recommendation } from './recommendation.ts';
import type { RecommendOptions } from './recommender.ts';

export interface SessionOptions {
  /** What to do with ids and values of features that the model does not know: leave them out, or throw. @defaultValue 'drop' */
  unknown?: 'drop' | 'error' | undefined;
  /** Called with the ids that a push left out, if any. */
  onUnknown?: ((ids: readonly ItemId[]) => void) | undefined;
}

/** Answers for one history as it grows; what it keeps in between is its own affair. */
export interface HistoryReader {
  /**
   * @param history its most recent events, as many as the model reads
   * @param events  how many there have been in all
   * @param exclude one sequence: rows that are no candidates
   */
  topK(history: Ragged, events: number, k: number, exclude: Ragged): Promise<TopK>;
  dispose(): void;
}

/** What a session needs of its model. */
export interface SessionModel {
  readonly catalog: Catalog;
  /** The most events that the model reads. */
  readonly window: number;
  readonly reader: HistoryReader;
  /** One history as the model reads it. */
  read(events: Iterable<ItemId | HistoryEvent>, request: RequestOptions): Ragged;
}

/** How a session is asked. */
export type RequestOptions = Omit<RecommendOptions, 'unknown' | 'onUnknown'>;

/**
 * One visitor's events and what comes next, made by `model.session()`. It answers what `model.recommend` does for the
 * same events, to rounding, but a network that can goes on from what it has computed before instead of reading the whole
 * history again: GRU4Rec from its states, SASRec with positions that count from the start from keys and values. Where
 * requests are recorded (on WebAssembly), that begins with the 16th event and the 128th: shorter histories are sooner read
 * as a whole. Beyond `maxLength` events the most recent ones are.
 *
 * A push only notes the events; the next recommendation reads what is new in one pass. Calls take effect in the order
 * in which they are made, awaited or not. Dispose of a session when the visitor has gone, or declare it with `using`.
 *
 * @example
 * ```ts
 * using session = await model.session();
 * await session.push('sku-17', 'sku-3');
 * const next = await session.recommend({ k: 10 });
 * ```
 */
export class Session {
  #model: SessionModel | undefined;
  readonly #options: SessionOptions;
  #recent: (ItemId | HistoryEvent)[] = [];
  #events = 0;
  readonly #seen = new Set<number>();

  constructor(model: SessionModel, options: SessionOptions = {}) {
    const { unknown, onUnknown, ...others } = options;
    refuseOthers('session', others, options);
    this.#model = model;
    this.#options = { unknown, onUnknown };
  }

  /** The items so far, oldest first: of all that the model knows, the most recent ones that it reads. */
  get history(): ItemId[] {
    return this.#recent.map(itemOf);
  }

  /**
   * Adds events, oldest first: item ids, or events `{ item, …features }` where the model reads features of events.
   *
   * @throws RangeError for an id that the model does not know if `unknown` is 'error', TypeError for events that do not fit
   * the model or those before; then none is added
   */
  async push(...events: (ItemId | HistoryEvent)[]): Promise<void> {
    const { catalog, window } = this.#open();
    // With one of those before, which shows whether all have times or none.
    const { unknown } = readEvents(catalog, [[...this.#recent.slice(-1), ...events]], this.#options.unknown);
    for (const event of events) {
      const row = catalog.row(itemOf(event));
      if (row < 0) continue;
      this.#recent.push(event);
      this.#seen.add(row);
      this.#events++;
    }
    if (this.#recent.length > window) this.#recent.splice(0, this.#recent.length - window);
    const [left = []] = unknown;
    if (left.length > 0) this.#options.onUnknown?.(left);
  }

  /**
   * The best next items, best first, as `model.recommend` gives them. Before the first event the model answers as to an
   * empty history.
   */
  async recommend(options: RequestOptions = {}): Promise<Recommendation[]> {
    const model = this.#open();
    const { k: most = 10, excludeSeen = true, exclude = [], features, user, ...others } = options;
    refuseOthers('session.recommend', others, options);
    checkBoolean('excludeSeen', excludeSeen);
    const k = Math.min(checkNumber('k', most, { min: 1, integer: true }), model.catalog.size);
    const unwanted = [...(excludeSeen ? this.#seen : []), ...model.catalog.rows(exclude).rows];
    const history = model.read(this.#recent, { features, user });
    const best = await model.reader.topK(history, this.#events, k, Ragged.from([unwanted]));
    return listOf(model.catalog, best, 0, k);
  }

  /** Frees what the session keeps; it takes no more calls. */
  dispose(): void {
    this.#model?.reader.dispose();
    this.#model = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #open(): SessionModel {
    if (this.#model) return this.#model;
    throw new Error('This session was disposed of: make another with model.session().');
  }
}

function itemOf(event: ItemId | HistoryEvent): ItemId {
  return typeof event === 'object' ? event.item : event;
}
