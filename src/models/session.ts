/** A history that grows: events are pushed as they happen, and recommendations asked for in between. */
import { Ragged } from '../core/ragged.ts';
import { checkNumber } from '../core/shape.ts';
import type { Catalog, ItemId } from '../data/catalog.ts';
import type { TopK } from '../evaluation/scorer.ts';
import { listOf, type Recommendation } from './recommendation.ts';
import type { RecommendOptions } from './recommender.ts';

export interface SessionOptions {
  /** What to do with ids that the model does not know: leave them out, or throw. @defaultValue 'drop' */
  unknown?: 'drop' | 'error' | undefined;
  /** Called with the ids that a push left out, if any. */
  onUnknown?: ((ids: readonly ItemId[]) => void) | undefined;
}

/** Answers for one history as it grows; what it keeps in between is its own affair. */
export interface HistoryReader {
  /**
   * @param history its most recent rows, as many as the model reads
   * @param events  how many there have been in all
   * @param exclude one sequence: rows that are no candidates
   */
  topK(history: Int32Array, events: number, k: number, exclude: Ragged): Promise<TopK>;
  dispose(): void;
}

/**
 * One visitor's events and what comes next, made by `model.session()`. It answers what `model.recommend` does for the
 * same events, to rounding, but a network that can goes on from what it has computed before instead of reading the whole
 * history again: SASRec with positions that count from the start keeps keys and values. Where requests are recorded (on
 * WebAssembly), that begins with the history's 128th event, since shorter ones are sooner read afresh. Beyond `maxLength`
 * events the most recent ones are computed afresh.
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
  readonly #catalog: Catalog;
  readonly #window: number;
  readonly #options: SessionOptions;
  #reader: HistoryReader | undefined;
  #rows: number[] = [];
  #events = 0;
  readonly #seen = new Set<number>();

  /**
   * @param catalog of the model
   * @param window  the most events that the model reads
   * @param reader  answers with the model
   */
  constructor(catalog: Catalog, window: number, reader: HistoryReader, options: SessionOptions = {}) {
    this.#catalog = catalog;
    this.#window = window;
    this.#reader = reader;
    this.#options = options;
  }

  /** The events so far, oldest first: of all that the model knows, the most recent ones that it reads. */
  get history(): ItemId[] {
    return this.#rows.map((row) => this.#catalog.id(row));
  }

  /**
   * Adds events, oldest first.
   *
   * @throws RangeError for an id that the model does not know if `unknown` is 'error'; then none is added
   */
  async push(...items: ItemId[]): Promise<void> {
    this.#readerOf();
    const { unknown = 'drop', onUnknown } = this.#options;
    const { rows, unknown: left } = this.#catalog.rows(items, { unknown });
    for (const row of rows) {
      this.#rows.push(row);
      this.#seen.add(row);
    }
    this.#events += rows.length;
    if (this.#rows.length > this.#window) this.#rows.splice(0, this.#rows.length - this.#window);
    if (left.length > 0) onUnknown?.(left);
  }

  /**
   * The best next items, best first, as `model.recommend` gives them. Before the first event the model answers as to an
   * empty history.
   */
  async recommend(
    options: Omit<RecommendOptions, 'unknown' | 'onUnknown' | 'features'> = {},
  ): Promise<Recommendation[]> {
    const reader = this.#readerOf();
    const { excludeSeen = true, exclude = [] } = options;
    const k = Math.min(checkNumber('k', options.k ?? 10, { min: 1, integer: true }), this.#catalog.size);
    const unwanted = [...(excludeSeen ? this.#seen : []), ...this.#catalog.rows(exclude).rows];
    const best = await reader.topK(Int32Array.from(this.#rows), this.#events, k, Ragged.from([unwanted]));
    return listOf(this.#catalog, best, 0, k);
  }

  /** Frees what the session keeps; it takes no more calls. */
  dispose(): void {
    this.#reader?.dispose();
    this.#reader = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #readerOf(): HistoryReader {
    if (this.#reader) return this.#reader;
    throw new Error('This session was disposed of: make another with model.session().');
  }
}
