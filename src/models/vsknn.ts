/** V-SkNN. */
import { checkNumber } from '../core/shape.ts';
import { checkDecay, type Decay, inverseDecay, shareDecay } from './counts/decay.ts';
import {
  type NeighborQuery,
  SessionNeighbors,
  type SessionNeighborsOptions,
  sharingAny,
  type Votes,
} from './counts/session-neighbors.ts';

export interface VSKNNOptions extends SessionNeighborsOptions {
  /** How many neighbours vote. @defaultValue 100 */
  k?: number | undefined;
  /** How many sequences, the most recent ones with a shared item, are compared with the history. @defaultValue 1000 */
  sample?: number | undefined;
  /** What an item of the history counts by its position from the end. @defaultValue shareDecay() */
  position?: Decay | undefined;
  /** What a neighbour's vote counts by how far from the history's end its last shared item is. @defaultValue inverseDecay() */
  vote?: Decay | undefined;
  /** Adds idf · ln(sequences / events of the item) of a vote to it: rare items win. @defaultValue 0 */
  idf?: number | undefined;
}

/**
 * Vector Multiplication Session-Based kNN (Ludewig & Jannach, 2018; session-rec's `vsknn`, class VMContextKNN):
 *
 * - similarity(n) = sum of the position weights of the items shared with n / different items of the history
 * - score(i) = sum over the k most similar n that hold i of similarity(n) · vote(steps from the end of the history to the
 *   last item that n shares) · (1 + idf · ln(sequences / events of i))
 *
 * @example
 * ```ts
 * const model = new VSKNN({ items: log.items, k: 100, sample: 1000 });
 * await model.fit(train);
 * await model.recommend(['tea', 'cup'], { excludeSeen: false });
 * ```
 */
export class VSKNN extends SessionNeighbors {
  static override readonly modelName: string = 'VSKNN';
  static override readonly parts = { sharingAny, shareDecay, inverseDecay };
  readonly idf: number;
  readonly #position: Decay;
  readonly #vote: Decay;

  constructor({ position, vote, idf, ...options }: VSKNNOptions) {
    super(options);
    this.idf = checkNumber('idf', idf ?? 0, { min: 0, below: Infinity });
    this.#position = checkDecay('position', position ?? shareDecay());
    this.#vote = checkDecay('vote', vote ?? inverseDecay());
  }

  protected override weigh({ rows, items, weights, position }: NeighborQuery): void {
    for (let q = 0; q < items.length; q++) {
      const step = rows.length - (position[items[q] as number] as number) + 1;
      weights[q] = this.#position.weight(step, rows.length);
    }
  }

  protected override norm({ items }: NeighborQuery): number {
    return items.length;
  }

  protected override similarity(shared: number): number {
    return shared;
  }

  protected override vote(votes: Votes, begin: number, end: number, similarity: number, query: NeighborQuery): void {
    const { items } = this.sessions;
    const { rows, position } = query;
    let latest = 0;
    for (let i = begin; i < end; i++) latest = Math.max(latest, position[items[i] as number] as number);
    const weight = similarity * this.#vote.weight(rows.length - latest + 1, rows.length);
    for (let i = begin; i < end; i++) {
      const row = items[i] as number;
      const rarity = this.idf === 0 ? 0 : Math.log(this.sessions.count / (this.sessions.eventsOf[row] as number));
      votes.addOnce(row, weight * (1 + this.idf * rarity));
    }
  }

  protected override config() {
    return { ...super.config(), position: this.#position, vote: this.#vote, idf: this.idf };
  }
}
