/** Numbers for pairs of integers, in order of first appearance. */
import { mix } from './rng.ts';

/**
 * A hash table from pairs of 32-bit integers to 0, 1, 2 … on typed arrays: a `Map` stops at 2^24 entries and needs
 * several times the memory.
 */
export class PairIndex {
  #first = new Int32Array(16);
  #second = new Int32Array(16);
  /** Number + 1 of the pair in each slot, 0 where it is free; a power of two of slots, at most half of them taken. */
  #slots = new Int32Array(32);
  #size = 0;

  /** The number of different pairs. */
  get size(): number {
    return this.#size;
  }

  /** The number of the pair, or -1. */
  find(first: number, second: number): number {
    return (this.#slots[this.#slot(first, second)] as number) - 1;
  }

  /** The number of the pair, a new one if it has none. */
  add(first: number, second: number): number {
    const slot = this.#slot(first, second);
    const found = this.#slots[slot] as number;
    if (found > 0) return found - 1;
    if (this.#size === this.#first.length) this.#grow();
    const number = this.#size++;
    this.#first[number] = first;
    this.#second[number] = second;
    // Growing has moved the slots.
    this.#slots[this.#slot(first, second)] = number + 1;
    return number;
  }

  first(number: number): number {
    return this.#first[number] as number;
  }

  second(number: number): number {
    return this.#second[number] as number;
  }

  /** The slot of the pair, or the free one where it belongs. */
  #slot(first: number, second: number): number {
    const slots = this.#slots;
    const last = slots.length - 1;
    for (let slot = mix(mix(first) ^ second) & last; ; slot = (slot + 1) & last) {
      const number = (slots[slot] as number) - 1;
      if (number < 0 || (this.#first[number] === first && this.#second[number] === second)) return slot;
    }
  }

  #grow(): void {
    this.#first = doubled(this.#first);
    this.#second = doubled(this.#second);
    this.#slots = new Int32Array(this.#slots.length * 2);
    for (let number = 0; number < this.#size; number++) {
      this.#slots[this.#slot(this.first(number), this.second(number))] = number + 1;
    }
  }
}

/** `array` in one of twice its length. */
export function doubled<T extends Int32Array | Float64Array>(array: T): T {
  const out = new (array.constructor as new (length: number) => T)(array.length * 2);
  out.set(array as never);
  return out;
}
