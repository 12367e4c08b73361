/** A Markov chain of fixed order. */

import { PairIndex } from '../core/pair-index.ts';
import type { Ragged } from '../core/ragged.ts';
import { checkNumber, refuseOthers } from '../core/shape.ts';
import type { Catalog, ItemId } from '../data/catalog.ts';
import type { ExcludeOptions, TopK } from '../evaluation/scorer.ts';
import { FileFormatError } from '../io/error.ts';
import { type ExpectedTensor, matchTensors } from '../io/match-tensors.ts';
import type { TensorData } from '../io/safetensors.ts';
import { CountingModel } from './base/counting.ts';
import { TRANSITION_TENSORS, Transitions } from './counts/transitions.ts';

export interface MarkovChainOptions {
  /** The items that can be recommended. */
  items: Catalog;
  /** How many of the latest items decide the next one. @defaultValue 1 */
  order?: number | undefined;
}

/** One observed transition. */
export interface Transition {
  /** The `order` items before, oldest first. */
  context: ItemId[];
  next: ItemId;
  count: number;
  /** `count` divided by the counts of all transitions from this context. */
  probability: number;
}

/**
 * A Markov chain: the score of an item is the share of the occurrences of the history's last `order` items, in that
 * order, that it followed. An occurrence at the end of a sequence, which nothing follows, does not count. There is no
 * smoothing and no back-off to shorter contexts: after an unknown context, or a history shorter than `order`, every
 * score is 0 and nothing is recommended. Equal probabilities rank in the order in which the transitions were first seen.
 *
 * @example
 * ```ts
 * const model = new MarkovChain({ items: log.items, order: 2 });
 * await model.fit(train);
 * await model.recommend(['tea', 'cup'], { excludeSeen: false });
 * ```
 */
export class MarkovChain extends CountingModel {
  static override readonly modelName: string = 'MarkovChain';
  readonly order: number;
  #transitions = new Transitions();
  /** The contexts of more than one item as (code of all but the last, last): the code of a single item is its row. */
  #contexts = new PairIndex();

  constructor({ items, order = 1, ...others }: MarkovChainOptions) {
    super(items);
    refuseOthers(new.target.modelName, others);
    this.order = checkNumber('order', order, { min: 1, integer: true });
  }

  override async scores(histories: Ragged): Promise<Float32Array> {
    this.requireCounts();
    const items = this.catalog.size;
    const scores = new Float32Array(histories.count * items);
    for (let b = 0; b < histories.count; b++) {
      const context = this.#find(histories.items(b));
      const total = this.#transitions.total(context);
      this.#transitions.each(context, (item, count) => {
        scores[b * items + item] = count / total;
      });
    }
    return scores;
  }

  override async topK(histories: Ragged, k: number, { exclude }: ExcludeOptions = {}): Promise<TopK> {
    this.requireCounts();
    checkNumber('k', k, { min: 1, integer: true });
    const items = new Int32Array(histories.count * k).fill(-1);
    const scores = new Float32Array(histories.count * k).fill(-Infinity);
    for (let b = 0; b < histories.count; b++) {
      const context = this.#find(histories.items(b));
      const excluded = new Set(exclude?.items(b));
      const followers: { item: number; count: number }[] = [];
      this.#transitions.each(context, (item, count) => {
        if (!excluded.has(item)) followers.push({ item, count });
      });
      // The sort is stable: equal counts stay in the order of first appearance.
      followers.sort((x, y) => y.count - x.count);
      followers.slice(0, k).forEach(({ item, count }, i) => {
        items[b * k + i] = item;
        scores[b * k + i] = count / this.#transitions.total(context);
      });
    }
    return { items, scores };
  }

  /** Every observed transition; contexts, and the items after each, in order of first appearance. */
  transitions(): Transition[] {
    const out: Transition[] = [];
    for (const code of this.#transitions.contexts) {
      const context = this.#rows(code).map((row) => this.catalog.id(row));
      const total = this.#transitions.total(code);
      this.#transitions.each(code, (item, count) => {
        out.push({ context, next: this.catalog.id(item), count, probability: count / total });
      });
    }
    return out;
  }

  protected override clear(): void {
    this.#transitions = new Transitions();
    this.#contexts = new PairIndex();
  }

  protected override count(rows: Int32Array): void {
    for (let end = this.order; end < rows.length; end++) {
      let code = rows[end - this.order] as number;
      for (let i = end - this.order + 1; i < end; i++) code = this.#extend(code, rows[i] as number);
      this.#transitions.add(code, rows[end] as number, 1);
    }
  }

  protected override counts() {
    return { contexts: this.#transitions.contexts.length, transitions: this.#transitions.size };
  }

  protected override get counted(): boolean {
    return this.#transitions.size > 0;
  }

  protected override config() {
    return { order: this.order };
  }

  protected override async state(): Promise<Map<string, TensorData>> {
    this.requireCounts();
    const codes = this.#transitions.contexts;
    const contexts = Int32Array.from(codes.flatMap((code) => this.#rows(code)));
    return this.#transitions
      .state()
      .set('contexts', { dtype: 'I32', shape: [codes.length, this.order], data: contexts });
  }

  protected override async restore(tensors: ReadonlyMap<string, TensorData>): Promise<void> {
    const expected = new Map<string, ExpectedTensor>(TRANSITION_TENSORS);
    matchTensors(tensors, expected.set('contexts', { dtype: 'I32', shape: [-1, this.order] }), 'this MarkovChain');
    const rows = tensors.get('contexts')?.data as Int32Array;
    const bad = rows.find((row) => row < 0 || row >= this.catalog.size);
    if (bad !== undefined) throw new FileFormatError(`A context must hold rows of the catalogue, the file has ${bad}.`);
    const codes: number[] = [];
    for (let at = 0; at < rows.length; at += this.order) {
      codes.push(
        rows.subarray(at + 1, at + this.order).reduce((code, row) => this.#extend(code, row), rows[at] as number),
      );
    }
    this.#transitions = Transitions.restore(tensors, this.catalog.size, codes);
  }

  /** The code of a context followed by one more item. */
  #extend(code: number, row: number): number {
    return this.catalog.size + this.#contexts.add(code, row);
  }

  /** The code of the history's context, -1 if it was never seen. */
  #find(rows: Int32Array): number {
    if (rows.length < this.order) return -1;
    let code = rows[rows.length - this.order] as number;
    for (let i = rows.length - this.order + 1; i < rows.length; i++) {
      const number = this.#contexts.find(code, rows[i] as number);
      if (number < 0) return -1;
      code = this.catalog.size + number;
    }
    return code;
  }

  /** The rows of a context. */
  #rows(code: number): number[] {
    const number = code - this.catalog.size;
    return number < 0 ? [code] : [...this.#rows(this.#contexts.first(number)), this.#contexts.second(number)];
  }
}
