/** Which past events drove a recommendation. */
import type { Catalog, ItemId } from '../../data/catalog.ts';
import { drawExplanation } from './explanation-picture.ts';

/** What one event of the history did for the explained item. */
export interface ExplainedEvent {
  readonly item: ItemId;
  /** The item's score less its score for the history without this event: what the event brought, or cost if negative. */
  readonly contribution: number;
  /** The share of the model's attention that the event had, where the model has attention; shares add up to 1 or less. */
  readonly attention?: number | undefined;
}

export interface PictureOptions {
  /** The most events in the picture: those of the largest contributions. @defaultValue 40 */
  events?: number | undefined;
}

/** Why a model gives an item its score, made by `model.explain`; prints as a table. */
export class Explanation {
  readonly #catalog: Catalog;

  /**
   * @param catalog has the names for the picture
   * @param item    the explained item
   * @param score   its score for the whole history
   * @param events  those that the model read, oldest first
   */
  constructor(
    catalog: Catalog,
    readonly item: ItemId,
    readonly score: number,
    readonly events: readonly ExplainedEvent[],
  ) {
    this.#catalog = catalog;
  }

  /**
   * The explanation as a picture: one line an event, oldest first, with a bar for its contribution and one for its
   * attention. A whole SVG document without references to others, for a file or a page, light or dark.
   *
   * @example
   * ```ts
   * const why = await model.explain(['sku-17', 'sku-3'], { item: 'sku-9' });
   * await writeFile('why.svg', why.toSVG());
   * ```
   */
  toSVG(options: PictureOptions = {}): string {
    return drawExplanation(this, (id) => this.#name(id), options);
  }

  toString(): string {
    const lines = this.events.map(({ item, contribution, attention }) => {
      const share = attention === undefined ? '' : `  attention ${attention.toFixed(3)}`;
      return `${contribution.toFixed(4).padStart(10)}${share}  ${this.#name(item)}`;
    });
    return [`${this.#name(this.item)} has a score of ${this.score.toFixed(4)}; its events contribute`, ...lines].join(
      '\n',
    );
  }

  #name(id: ItemId): string {
    return this.#catalog.name(this.#catalog.row(id));
  }
}
