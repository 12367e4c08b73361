/** The check of row numbers on the host: a backend may wrap, drop or read past a number out of range. */

/** Above this, WebGPU computes with numbers of rows that it has rounded: its integers go through float32. */
const MOST_ROWS = 2 ** 24;

/** Throws unless every number in `rows` is 0 … count-1, and no more than float32 can tell apart. */
export function checkRows(rows: Int32Array, count: number, what: string): void {
  if (count > MOST_ROWS) throw new RangeError(`${what} may have at most ${MOST_ROWS} rows, got ${count}.`);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    if (row < 0 || row >= count) {
      throw new RangeError(`${what} takes rows from 0 to ${count - 1}, got ${row} at index ${i}.`);
    }
  }
}
