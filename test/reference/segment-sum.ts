/** References of `segmentSum` and of the lookups `embedding` and `gatherRows`. */
import { addTo, at } from './array.ts';

/** `values` [rows.length, width] summed into `count` rows. */
export function segmentSum(values: Float64Array, rows: Int32Array, count: number): Float64Array {
  const width = rows.length === 0 ? 0 : values.length / rows.length;
  const out = new Float64Array(count * width);
  rows.forEach((row, i) => {
    for (let j = 0; j < width; j++) addTo(out, row * width + j, at(values, i * width + j));
  });
  return out;
}

/** `table[rows[i]]`. */
export function lookup(table: Float64Array, rows: Int32Array, width: number): Float64Array {
  const out = new Float64Array(rows.length * width);
  rows.forEach((row, i) => {
    out.set(table.subarray(row * width, (row + 1) * width), i * width);
  });
  return out;
}
