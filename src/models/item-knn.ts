/** Item-to-item neighbours. */
import { checkNumber, refuseOthers } from '../core/shape.ts';
import type { Catalog } from '../data/catalog.ts';
import { matchTensors } from '../io/match-tensors.ts';
import type { TensorData } from '../io/safetensors.ts';
import { countsOf } from './counts/event-counts.ts';
import { ItemRules } from './counts/item-rules.ts';
import { RULE_TENSORS, Transitions } from './counts/transitions.ts';

export interface ItemKNNOptions {
  /** The items that can be recommended. */
  items: Catalog;
  /** How many neighbours of an item are used, the most similar; null for all. @defaultValue 100 */
  k?: number | null | undefined;
  /** λ: pulls down the similarity of rare items, which meet by chance. @defaultValue 20 */
  regularization?: number | undefined;
  /** α, from 0 to 1: 0.5 is the cosine, 1 divides by the frequency of the item asked for alone. @defaultValue 0.5 */
  alpha?: number | undefined;
}

/**
 * The items most similar to the last one of a history (the `ItemKNN` baseline of GRU4Rec; session-rec's `iknn`):
 *
 * similarity(a, b) = together(a, b) / ((events of a + λ)^α · (events of b + λ)^(1 - α))
 *
 * where together(a, b) counts the events of a in sequences that hold b. An item is no neighbour of itself. Of equal ones
 * the first seen goes first.
 *
 * @example
 * ```ts
 * const model = new ItemKNN({ items: log.items });
 * await model.fit(train);
 * await model.recommend(['tea']);
 * ```
 */
export class ItemKNN extends ItemRules {
  static override readonly modelName: string = 'ItemKNN';
  readonly regularization: number;
  readonly alpha: number;
  readonly #events: Float64Array;

  constructor({ items, k = 100, regularization = 20, alpha = 0.5, ...others }: ItemKNNOptions) {
    super(items, k === null ? null : checkNumber('k', k, { min: 1, integer: true }));
    refuseOthers(new.target.modelName, others);
    this.regularization = checkNumber('regularization', regularization, { min: 0, below: Infinity });
    this.alpha = checkNumber('alpha', alpha, { min: 0, max: 1 });
    this.#events = new Float64Array(items.size);
  }

  protected override strength(weight: number, from: number, to: number): number {
    const support = (row: number) => (this.#events[row] as number) + this.regularization;
    return weight / (support(from) ** this.alpha * support(to) ** (1 - this.alpha));
  }

  protected override unit(): number {
    return 1;
  }

  protected override mine(rows: Int32Array): void {
    const events = new Map<number, number>();
    for (const row of rows) {
      events.set(row, (events.get(row) ?? 0) + 1);
      this.#events[row] = (this.#events[row] as number) + 1;
    }
    for (const [a, count] of events) for (const b of events.keys()) if (a !== b) this.rules.add(a, b, count);
  }

  protected override clear(): void {
    super.clear();
    this.#events.fill(0);
  }

  protected override config() {
    return { k: this.keep, regularization: this.regularization, alpha: this.alpha };
  }

  protected override async state(): Promise<Map<string, TensorData>> {
    const state = await super.state();
    return state.set('events', { dtype: 'F64', shape: [this.catalog.size], data: this.#events.slice() });
  }

  protected override async restore(tensors: ReadonlyMap<string, TensorData>): Promise<void> {
    const expected = new Map(RULE_TENSORS).set('events', { dtype: 'F64', shape: [this.catalog.size] });
    matchTensors(tensors, expected, 'this ItemKNN');
    const events = countsOf(tensors, 'events');
    this.rules = Transitions.restoreRows(tensors, this.catalog.size);
    this.#events.set(events);
  }
}
