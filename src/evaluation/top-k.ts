/** The best items of each history, from scores of all of them. */
import type { Ragged } from '../core/ragged.ts';
import { checkNumber } from '../core/shape.ts';
import { badScores, checkScores } from './rank.ts';
import type { TopK } from './scorer.ts';

/**
 * The best `k` of `items` scores a history. Among equal scores the lower row goes first; a score of -Infinity is never
 * taken.
 *
 * @param scores  `[B, V]` row-major
 * @param items   V
 * @param exclude one sequence a history: rows that are no candidates
 * @throws RangeError when a score is NaN
 */
export function topKOfScores(scores: Float32Array, items: number, k: number, exclude?: Ragged): TopK {
  const count = checkScores(scores, items);
  checkNumber('k', k, { min: 1, integer: true });
  const out = { items: new Int32Array(count * k).fill(-1), scores: new Float32Array(count * k).fill(-Infinity) };
  const excluded = new Int32Array(items);
  const heap = new Heap(Math.min(k, items));
  for (let b = 0; b < count; b++) {
    for (const row of exclude?.items(b) ?? []) excluded[row] = b + 1;
    const base = b * items;
    let worst = heap.worst;
    for (let row = 0; row < items; row++) {
      const score = scores[base + row] as number;
      // Rows ascend, so a score equal to the worst one kept loses to it. NaN passes this test.
      if (score <= worst) continue;
      if (Number.isNaN(score)) throw badScores(b, row);
      if (excluded[row] === b + 1) continue;
      heap.push(row, score);
      worst = heap.worst;
    }
    heap.drain(out.items, out.scores, b * k);
  }
  return out;
}

/** The best `capacity` (row, score) pairs seen, the worst of them on top. */
class Heap {
  readonly #rows: Int32Array;
  readonly #scores: Float64Array;
  #size = 0;

  constructor(readonly capacity: number) {
    this.#rows = new Int32Array(capacity);
    this.#scores = new Float64Array(capacity);
  }

  /** What a score must exceed to be kept. */
  get worst(): number {
    return this.#size < this.capacity ? -Infinity : (this.#scores[0] as number);
  }

  push(row: number, score: number): void {
    if (this.#size === this.capacity) {
      this.#set(0, row, score);
      this.#sink();
      return;
    }
    let at = this.#size++;
    for (; at > 0; ) {
      const parent = (at - 1) >> 1;
      const [r, s] = [this.#rows[parent] as number, this.#scores[parent] as number];
      if (!(score < s || (score === s && row > r))) break;
      this.#set(at, r, s);
      at = parent;
    }
    this.#set(at, row, score);
  }

  /** Moves the pairs to `rows` and `scores` from `start` on, best first. */
  drain(rows: Int32Array, scores: Float32Array, start: number): void {
    while (this.#size > 0) {
      const last = --this.#size;
      rows[start + last] = this.#rows[0] as number;
      scores[start + last] = this.#scores[0] as number;
      this.#set(0, this.#rows[last] as number, this.#scores[last] as number);
      this.#sink();
    }
  }

  #set(at: number, row: number, score: number): void {
    this.#rows[at] = row;
    this.#scores[at] = score;
  }

  #sink(): void {
    const [row, score] = [this.#rows[0] as number, this.#scores[0] as number];
    let at = 0;
    for (let child = 1; child < this.#size; child = 2 * at + 1) {
      if (child + 1 < this.#size && this.#worse(child + 1, child)) child++;
      const [r, s] = [this.#rows[child] as number, this.#scores[child] as number];
      if (!(s < score || (s === score && r > row))) break;
      this.#set(at, r, s);
      at = child;
    }
    this.#set(at, row, score);
  }

  #worse(a: number, b: number): boolean {
    const [s, t] = [this.#scores[a] as number, this.#scores[b] as number];
    return s < t || (s === t && (this.#rows[a] as number) > (this.#rows[b] as number));
  }
}
