/** A Markov model over several steps. */
import type { Ragged } from '../core/ragged.ts';
import { checkNumber, refuseOthers } from '../core/shape.ts';
import type { Catalog } from '../data/catalog.ts';
import { matchTensors } from '../io/match-tensors.ts';
import type { TensorData } from '../io/safetensors.ts';
import { CountingModel } from './base/counting.ts';
import { countsOf } from './counts/event-counts.ts';
import { RULE_TENSORS, Transitions } from './counts/transitions.ts';

export interface MultiStepMarkovOptions {
  /** The items that can be recommended. */
  items: Catalog;
  /** The largest distance that counts: of a pair in training, and of an item from the end of a history. @defaultValue 5 */
  steps?: number | undefined;
  /**
   * The score of the most popular item from its popularity alone. It orders what no rule reaches; keep it below the
   * weight of a rule.
   *
   * @defaultValue 0.001
   */
  popularity?: number | undefined;
}

/**
 * Rules a -> b between items up to `steps` apart, as sequential rules are mined in sessions (Kamehkhosh, Jannach &
 * Ludewig, 2017), but with weights that fall with the square of the distance d both times:
 *
 * - rule(a -> b) = sum over the pairs in training of 1 / d^2
 * - score(b) = sum over the last `steps` items a of the history of rule(a -> b) / d^2, where d = 1 for the last item,
 *   + popularity · events of b / events of the most popular item
 *
 * Rules are not divided by the frequency of a, so a frequent item speaks louder. With `steps: 1` it ranks as a first-order
 * Markov chain does, with popularity below. An empty history is answered by popularity.
 *
 * @example
 * ```ts
 * const model = new MultiStepMarkov({ items: log.items });
 * await model.fit(train);
 * await model.recommend(['tea', 'cup']);
 * ```
 */
export class MultiStepMarkov extends CountingModel {
  static override readonly modelName: string = 'MultiStepMarkov';
  readonly steps: number;
  readonly popularity: number;
  #rules = new Transitions();
  readonly #events: Float64Array;

  constructor({ items, steps = 5, popularity = 0.001, ...others }: MultiStepMarkovOptions) {
    super(items);
    refuseOthers(new.target.modelName, others);
    this.steps = checkNumber('steps', steps, { min: 1, integer: true });
    this.popularity = checkNumber('popularity', popularity, { min: 0, below: Infinity });
    this.#events = new Float64Array(items.size);
  }

  override async scores(histories: Ragged): Promise<Float32Array> {
    this.requireCounts();
    const items = this.catalog.size;
    const factor = this.popularity / this.#events.reduce((most, events) => Math.max(most, events), 0);
    const base = this.#events.map((events) => events * factor);
    const sums = new Float64Array(items);
    const scores = new Float32Array(histories.count * items);
    for (let b = 0; b < histories.count; b++) {
      const history = histories.items(b);
      // In double precision: what the order of summing changes is lost again when the scores are rounded to float32.
      sums.set(base);
      for (let d = 1; d <= Math.min(this.steps, history.length); d++) {
        this.#rules.each(history[history.length - d] as number, (item, weight) => {
          sums[item] = (sums[item] as number) + weight / (d * d);
        });
      }
      scores.set(sums, b * items);
    }
    return scores;
  }

  protected override clear(): void {
    this.#rules = new Transitions();
    this.#events.fill(0);
  }

  protected override count(rows: Int32Array): void {
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] as number;
      this.#events[row] = (this.#events[row] as number) + 1;
      for (let d = 1; d <= Math.min(this.steps, rows.length - 1 - i); d++) {
        this.#rules.add(row, rows[i + d] as number, 1 / (d * d));
      }
    }
  }

  protected override counts() {
    return { items: this.#rules.contexts.length, rules: this.#rules.size };
  }

  protected override get counted(): boolean {
    return this.#events.some((events) => events > 0);
  }

  protected override config() {
    return { steps: this.steps, popularity: this.popularity };
  }

  protected override async state(): Promise<Map<string, TensorData>> {
    this.requireCounts();
    return this.#rules
      .rowState()
      .set('events', { dtype: 'F64', shape: [this.catalog.size], data: this.#events.slice() });
  }

  protected override async restore(tensors: ReadonlyMap<string, TensorData>): Promise<void> {
    const expected = new Map(RULE_TENSORS).set('events', { dtype: 'F64', shape: [this.catalog.size] });
    matchTensors(tensors, expected, 'this MultiStepMarkov');
    const events = countsOf(tensors, 'events');
    this.#rules = Transitions.restoreRows(tensors, this.catalog.size);
    this.#events.set(events);
  }
}
