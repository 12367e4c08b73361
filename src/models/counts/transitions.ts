/** Weighted counts of which item followed which context. */

import { doubled, PairIndex } from '../../core/pair-index.ts';
import { FileFormatError } from '../../io/error.ts';
import type { ExpectedTensor } from '../../io/match-tensors.ts';
import type { TensorData } from '../../io/safetensors.ts';

/**
 * The weight of every transition from a context (any integer from 0) to an item. The items of a context keep the order
 * in which they were first seen.
 */
export class Transitions {
  readonly #pairs = new PairIndex();
  /** Of each transition. */
  #weights = new Float64Array(16);
  /** The next transition of the same context, -1 for the last. */
  #following = new Int32Array(16);
  /** The first and last transition of each context, -1 for none, and the sum of their weights. */
  #head = new Int32Array(16).fill(-1);
  #tail = new Int32Array(16).fill(-1);
  #totals = new Float64Array(16);
  /** The contexts in the order in which they were first seen. */
  readonly contexts: number[] = [];

  /** The number of different transitions. */
  get size(): number {
    return this.#pairs.size;
  }

  add(context: number, item: number, weight: number): void {
    while (context >= this.#head.length) this.#growContexts();
    const number = this.#pairs.add(context, item);
    if (number === this.#weights.length) {
      this.#weights = doubled(this.#weights);
      this.#following = doubled(this.#following);
    }
    if (this.#weights[number] === 0) this.#append(context, number);
    this.#weights[number] = (this.#weights[number] as number) + weight;
    this.#totals[context] = (this.#totals[context] as number) + weight;
  }

  /** The sum of the weights from `context`, 0 if it was never seen. */
  total(context: number): number {
    return this.#totals[context] ?? 0;
  }

  /** Visits the items that followed `context`, in the order in which they were first seen. */
  each(context: number, visit: (item: number, weight: number) => void): void {
    for (let at = this.#head[context] ?? -1; at >= 0; at = this.#following[at] as number) {
      visit(this.#pairs.second(at), this.#weights[at] as number);
    }
  }

  /** Arrays for a file, contexts in order: those of context c are `offsets[c] … offsets[c + 1] - 1`. */
  state(): Map<string, TensorData> {
    const [offsets, next] = [new Int32Array(this.contexts.length + 1), new Int32Array(this.size)];
    const weight = new Float64Array(this.size);
    let at = 0;
    this.contexts.forEach((context, c) => {
      this.each(context, (item, itemWeight) => {
        next[at] = item;
        weight[at++] = itemWeight;
      });
      offsets[c + 1] = at;
    });
    return new Map<string, TensorData>([
      ['offsets', { dtype: 'I32', shape: [offsets.length], data: offsets }],
      ['next', { dtype: 'I32', shape: [next.length], data: next }],
      ['weight', { dtype: 'F64', shape: [weight.length], data: weight }],
    ]);
  }

  /**
   * The inverse of {@link state}.
   *
   * @param items    the number of items in the catalogue
   * @param contexts the contexts in order
   * @throws FileFormatError when the arrays do not fit together
   */
  static restore(tensors: ReadonlyMap<string, TensorData>, items: number, contexts: ArrayLike<number>): Transitions {
    const offsets = tensors.get('offsets')?.data as Int32Array;
    const next = tensors.get('next')?.data as Int32Array;
    const weight = tensors.get('weight')?.data as Float64Array;
    const out = new Transitions();
    const fault = (what: string) => new FileFormatError(`The file's transitions are damaged: ${what}.`);
    if (offsets.length !== contexts.length + 1 || weight.length !== next.length) {
      throw fault(
        `${contexts.length} contexts, ${offsets.length} offsets, ${next.length} items and ${weight.length} weights`,
      );
    }
    if (offsets[0] !== 0 || offsets.at(-1) !== next.length) throw fault('the offsets do not span the items');
    for (let c = 0; c < contexts.length; c++) {
      const [begin, end] = [offsets[c] as number, offsets[c + 1] as number];
      if (begin >= end || end > next.length) throw fault(`the offsets go from ${begin} to ${end}`);
      for (let i = begin; i < end; i++) {
        const [item, itemWeight] = [next[i] as number, weight[i] as number];
        if (item < 0 || item >= items) throw fault(`row ${item} is not one of the ${items} items`);
        if (!(itemWeight > 0 && itemWeight < Infinity)) throw fault(`a weight is ${itemWeight}`);
        out.add(contexts[c] as number, item, itemWeight);
      }
      if (out.size !== end || out.contexts.length !== c + 1) throw fault('a transition is there twice');
    }
    return out;
  }

  /** {@link state} of contexts that are catalogue rows, these included. */
  rowState(): Map<string, TensorData> {
    const contexts = Int32Array.from(this.contexts);
    return this.state().set('contexts', { dtype: 'I32', shape: [contexts.length], data: contexts });
  }

  /** The inverse of {@link rowState}. */
  static restoreRows(tensors: ReadonlyMap<string, TensorData>, items: number): Transitions {
    const contexts = tensors.get('contexts')?.data as Int32Array;
    const bad = contexts.find((row) => row < 0 || row >= items);
    if (bad !== undefined)
      throw new FileFormatError(`A rule must start at a row of the catalogue, the file has ${bad}.`);
    return Transitions.restore(tensors, items, contexts);
  }

  #append(context: number, number: number): void {
    const tail = this.#tail[context] as number;
    if (tail >= 0) this.#following[tail] = number;
    else {
      this.#head[context] = number;
      this.contexts.push(context);
    }
    this.#tail[context] = number;
    this.#following[number] = -1;
  }

  #growContexts(): void {
    const half = this.#head.length;
    this.#head = doubled(this.#head).fill(-1, half);
    this.#tail = doubled(this.#tail).fill(-1, half);
    this.#totals = doubled(this.#totals);
  }
}

/** What {@link Transitions.state} holds, for `matchTensors`. */
export const TRANSITION_TENSORS = [
  ['offsets', { dtype: 'I32', shape: [-1] }],
  ['next', { dtype: 'I32', shape: [-1] }],
  ['weight', { dtype: 'F64', shape: [-1] }],
] as const;

/** What {@link Transitions.rowState} holds. */
export const RULE_TENSORS: readonly (readonly [string, ExpectedTensor])[] = [
  ...TRANSITION_TENSORS,
  ['contexts', { dtype: 'I32', shape: [-1] }],
];
