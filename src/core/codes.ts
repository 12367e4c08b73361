/** The codes of a side feature for N rows: what a table of embeddings is looked up with. */
import { describe } from './shape.ts';

/** Several codes a row: those of row i are `values[offsets[i]] … values[offsets[i + 1] - 1]`. */
export interface CodeLists {
  /** `[N + 1]` */
  readonly offsets: Int32Array;
  readonly values: Int32Array;
}

/** One code a row, -1 where there is none; or several. */
export type Codes = Int32Array | CodeLists;

/** The number of rows of `codes`. */
export function countCodes(codes: Codes): number {
  return codes instanceof Int32Array ? codes.length : codes.offsets.length - 1;
}

/** The codes of the named rows, in that order; a row may be named twice. */
export function takeCodes(codes: Codes, rows: ArrayLike<number>): Codes {
  if (codes instanceof Int32Array) return Int32Array.from(rows, (row) => codes[row] as number);
  const offsets = new Int32Array(rows.length + 1);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    offsets[i + 1] = (offsets[i] as number) + (codes.offsets[row + 1] as number) - (codes.offsets[row] as number);
  }
  const values = new Int32Array(offsets[rows.length] as number);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    values.set(codes.values.subarray(codes.offsets[row], codes.offsets[row + 1]), offsets[i]);
  }
  return { offsets, values };
}

/**
 * @param what  begins the sentence of the error
 * @param count the number of rows
 * @param size  the number of different codes
 * @throws TypeError | RangeError unless `codes` are `count` rows of codes below `size`
 */
export function checkCodes(codes: Codes, what: string, count: number, size: number): void {
  if (!(codes instanceof Int32Array)) {
    const { offsets, values } = (codes ?? {}) as Partial<CodeLists>;
    if (!(offsets instanceof Int32Array && values instanceof Int32Array)) {
      throw new TypeError(`${what} must be an Int32Array, or two as { offsets, values }, got ${describe(codes)}.`);
    }
    let ok = offsets[0] === 0 && offsets.at(-1) === values.length;
    for (let i = 1; ok && i < offsets.length; i++) ok = (offsets[i - 1] as number) <= (offsets[i] as number);
    if (!ok) throw new RangeError(`The offsets of ${what} must rise from 0 to ${values.length}, the number of values.`);
  }
  if (countCodes(codes) !== count) {
    throw new RangeError(`${what} must have ${count} rows, got ${countCodes(codes)}.`);
  }
  const [values, least] = codes instanceof Int32Array ? [codes, -1] : [codes.values, 0];
  const bad = values.find((code) => code < least || code >= size);
  if (bad !== undefined) throw new RangeError(`${what} must have codes from ${least} to ${size - 1}, got ${bad}.`);
}
