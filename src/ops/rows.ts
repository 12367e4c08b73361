/** The check of row numbers on the host: a backend may wrap, drop or read past a number out of range. */

/** Throws unless every number in `rows` is 0 … count-1. */
export function checkRows(rows: Int32Array, count: number, what: string): void {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    if (row < 0 || row >= count) {
      throw new RangeError(`${what} takes rows from 0 to ${count - 1}, got ${row} at index ${i}.`);
    }
  }
}
