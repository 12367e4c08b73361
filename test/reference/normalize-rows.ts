/** Reference of `normalizeRows`. */
export function normalizeRows(x: Float64Array, width: number): Float64Array {
  const out = new Float64Array(x.length);
  for (let row = 0; row < x.length; row += width) {
    const values = x.subarray(row, row + width);
    const length = Math.hypot(...values);
    out.set(
      values.map((value) => value / length),
      row,
    );
  }
  return out;
}
