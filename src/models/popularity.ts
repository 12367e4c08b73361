/** Popularity. */
import type { Ragged } from '../core/ragged.ts';
import { refuseOthers } from '../core/shape.ts';
import type { Catalog } from '../data/catalog.ts';
import { matchTensors } from '../io/match-tensors.ts';
import type { TensorData } from '../io/safetensors.ts';
import { CountingModel } from './base/counting.ts';
import { countsOf } from './counts/event-counts.ts';

/**
 * Recommends what occurs most often, whatever the history: the baseline that every model must beat, and an answer for
 * users without a history. The score of an item is its number of events.
 *
 * @example
 * ```ts
 * const model = new Popularity({ items: log.items });
 * await model.fit(train);
 * await model.recommend([], { k: 10 });
 * ```
 */
export class Popularity extends CountingModel {
  static override readonly modelName: string = 'Popularity';
  readonly #counts: Float64Array;
  #events = 0;

  /** @param options `items`: the items that can be recommended */
  constructor({ items, ...others }: { items: Catalog }) {
    super(items);
    refuseOthers(new.target.modelName, others);
    this.#counts = new Float64Array(items.size);
  }

  override async scores(histories: Ragged): Promise<Float32Array> {
    this.requireCounts();
    const items = this.catalog.size;
    const scores = new Float32Array(histories.count * items);
    for (let b = 0; b < histories.count; b++) scores.set(this.#counts, b * items);
    return scores;
  }

  protected override clear(): void {
    this.#counts.fill(0);
    this.#events = 0;
  }

  protected override count(rows: Int32Array): void {
    for (const row of rows) this.#counts[row] = (this.#counts[row] as number) + 1;
    this.#events += rows.length;
  }

  protected override counts() {
    return { items: this.#counts.filter((count) => count > 0).length, events: this.#events };
  }

  protected override get counted(): boolean {
    return this.#events > 0;
  }

  protected override config() {
    return {};
  }

  protected override async state(): Promise<Map<string, TensorData>> {
    this.requireCounts();
    return new Map([['counts', { dtype: 'F64', shape: [this.catalog.size], data: this.#counts.slice() }]]);
  }

  protected override async restore(tensors: ReadonlyMap<string, TensorData>): Promise<void> {
    matchTensors(tensors, new Map([['counts', { dtype: 'F64', shape: [this.catalog.size] }]]), 'this Popularity');
    const counts = countsOf(tensors, 'counts');
    this.#counts.set(counts);
    this.#events = counts.reduce((sum, count) => sum + count, 0);
  }
}
