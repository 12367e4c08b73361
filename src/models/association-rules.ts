/** Association rules. */
import { refuseOthers } from '../core/shape.ts';
import type { Catalog } from '../data/catalog.ts';
import { ItemRules } from './counts/item-rules.ts';

export interface AssociationRulesOptions {
  /** The items that can be recommended. */
  items: Catalog;
  /** How many rules of an item are used, the strongest; null for all. @defaultValue 20 */
  keep?: number | null | undefined;
}

/**
 * Association rules between two items (Kamehkhosh, Jannach & Ludewig, 2017; session-rec's `ar`): every pair of events of
 * a sequence is a rule both ways, whatever their order and distance. The score of b after a history that ends in a is
 * the number of pairs of a and b, divided by that of the strongest rule of a. Of equal rules the first seen goes first.
 * An item that repeats has a rule to itself, of weight 2 a pair, as in session-rec.
 *
 * @example
 * ```ts
 * const model = new AssociationRules({ items: log.items });
 * await model.fit(train);
 * await model.recommend(['tea']);
 * ```
 */
export class AssociationRules extends ItemRules {
  static override readonly modelName: string = 'AssociationRules';

  constructor({ items, keep = 20, ...others }: AssociationRulesOptions) {
    super(items, keep);
    refuseOthers(new.target.modelName, others);
  }

  protected override strength(weight: number): number {
    return weight;
  }

  protected override mine(rows: Int32Array): void {
    for (let i = 1; i < rows.length; i++) {
      const row = rows[i] as number;
      for (let j = 0; j < i; j++) {
        this.rules.add(row, rows[j] as number, 1);
        this.rules.add(rows[j] as number, row, 1);
      }
    }
  }

  protected override config() {
    return { keep: this.keep };
  }
}
