/** Sequential rules. */
import { checkNumber, refuseOthers } from '../core/shape.ts';
import type { Catalog } from '../data/catalog.ts';
import { checkDecay, type Decay, inverseDecay } from './counts/decay.ts';
import { ItemRules } from './counts/item-rules.ts';

export interface SequentialRulesOptions {
  /** The items that can be recommended. */
  items: Catalog;
  /** The largest distance of a pair that counts. @defaultValue 10 */
  steps?: number | undefined;
  /** What a pair counts by its distance. @defaultValue inverseDecay() */
  decay?: Decay | undefined;
  /** How many rules of an item are used, the strongest; null for all. @defaultValue 20 */
  keep?: number | null | undefined;
}

/**
 * Sequential rules (Kamehkhosh, Jannach & Ludewig, 2017; session-rec's `sr`): an item and each of the `steps` items
 * before it make a rule from the earlier to the later, which counts by their distance. The score of b after a history
 * that ends in a is the weight of a -> b, divided by that of the strongest rule of a. Of equal rules the first seen goes
 * first.
 *
 * @example
 * ```ts
 * const model = new SequentialRules({ items: log.items, steps: 8, decay: quadraticDecay() });
 * await model.fit(train);
 * await model.recommend(['tea']);
 * ```
 */
export class SequentialRules extends ItemRules {
  static override readonly modelName: string = 'SequentialRules';
  static override readonly parts = { inverseDecay };
  readonly steps: number;
  readonly #decay: Decay;
  /** The weight of a pair by its distance, from 1. */
  readonly #weights: Float64Array;

  constructor({ items, steps = 10, decay = inverseDecay(), keep = 20, ...others }: SequentialRulesOptions) {
    super(items, keep);
    refuseOthers(new.target.modelName, others);
    this.steps = checkNumber('steps', steps, { min: 1, max: 1e6, integer: true });
    this.#decay = checkDecay('decay', decay);
    this.#weights = Float64Array.from({ length: this.steps + 1 }, (_, d) => (d === 0 ? 0 : decay.weight(d, steps)));
  }

  protected override strength(weight: number): number {
    return weight;
  }

  protected override mine(rows: Int32Array): void {
    for (let i = 1; i < rows.length; i++) {
      for (let d = 1; d <= Math.min(this.steps, i); d++) {
        const weight = this.#weights[d] as number;
        if (weight > 0) this.rules.add(rows[i - d] as number, rows[i] as number, weight);
      }
    }
  }

  protected override config() {
    return { steps: this.steps, decay: this.#decay, keep: this.keep };
  }
}
