/** Answers to requests of the same size by repeating what the first of them did. */
import type * as tf from '@tensorflow/tfjs-core';
import { type Recording, record } from '../../backend/recording.ts';

type Values = Float32Array | Int32Array;

interface Known {
  readonly recording: Recording;
  /** The inputs that were recorded. */
  readonly first: readonly Int32Array[];
  /** Whether it has given the right answer to other inputs. */
  checked: boolean;
}

/** Recordings kept at most, and their bytes. */
const MAX_RECORDINGS = 256;
const MAX_BYTES = 64 * 2 ** 20;

/**
 * The recordings of one model, by the sizes of their inputs. Each must first give, to the bit, the answer of the ordinary
 * way to inputs that are not those it was made from; a model for which one does not is answered in the ordinary way only.
 */
export class RecordedRequests {
  readonly #known = new Map<string, Known>();
  #bytes = 0;
  #refused = false;

  /**
   * The values of the tensors that `work` makes of `inputs`.
   *
   * @param key   the sizes of the inputs and all else that `work` depends on, but for the weights
   * @param work  synchronous; makes tensors of the inputs themselves, not of copies
   */
  async answer(key: string, inputs: readonly Int32Array[], work: () => tf.Tensor[]): Promise<Values[]> {
    const known = this.#find(key);
    if (known && (known.checked || inputs.every((input, i) => sameValues(input, known.first[i] as Int32Array)))) {
      return known.recording.repeat(inputs);
    }
    if (known) {
      const found = known.recording.repeat(inputs);
      const expected = await read(work());
      if (expected.every((values, i) => sameValues(values, found[i] as Values))) known.checked = true;
      else this.#refuse();
      return expected;
    }
    if (this.#refused) return read(work());
    const { tensors, recording } = record(inputs, work);
    if (recording) this.#add(key, { recording, first: inputs.map((input) => input.slice()), checked: false });
    else this.#refuse();
    return read(tensors);
  }

  #refuse(): void {
    this.#refused = true;
    this.clear();
  }

  /** Frees all recordings. */
  clear(): void {
    for (const { recording } of this.#known.values()) recording.dispose();
    this.#known.clear();
    this.#bytes = 0;
  }

  #find(key: string): Known | undefined {
    const known = this.#known.get(key);
    if (!known || known.recording.valid) return known;
    // The weights are others now, or a kernel has moved its scratch space: then none of the recordings holds.
    this.clear();
    return undefined;
  }

  #add(key: string, known: Known): void {
    while (this.#known.size >= MAX_RECORDINGS || this.#bytes + known.recording.bytes > MAX_BYTES) {
      const [oldest] = this.#known;
      if (!oldest) break;
      this.#bytes -= oldest[1].recording.bytes;
      oldest[1].recording.dispose();
      this.#known.delete(oldest[0]);
    }
    this.#known.set(key, known);
    this.#bytes += known.recording.bytes;
  }
}

/** The values of tensors, which are freed. */
export async function read(tensors: readonly tf.Tensor[]): Promise<Values[]> {
  try {
    return (await Promise.all(tensors.map((tensor) => tensor.data()))) as Values[];
  } finally {
    for (const tensor of tensors) tensor.dispose();
  }
}

/** The same bits, or both NaN. */
function sameValues(a: Values, b: Values): boolean {
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
}
