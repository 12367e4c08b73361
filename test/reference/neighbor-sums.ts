/** Reference of `neighborSums`: the product with a dense matrix for each relation. */
import { addTo, at } from './array.ts';

export interface Relation {
  from: Int32Array;
  to: Int32Array;
  weights: Float32Array;
}

/** `x` [rows, columns] → [rows, columns] */
export function neighborSums(x: Float64Array, rows: number, relations: readonly Relation[]): Float64Array {
  const columns = x.length / rows;
  const width = columns / relations.length;
  const out = new Float64Array(x.length);
  for (const [r, { from, to, weights }] of relations.entries()) {
    const matrix = new Float64Array(rows * rows);
    for (const [e, weight] of weights.entries()) addTo(matrix, at(to, e) * rows + at(from, e), weight);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < rows; j++) {
        for (let c = r * width; c < (r + 1) * width; c++) {
          addTo(out, i * columns + c, at(matrix, i * rows + j) * at(x, j * columns + c));
        }
      }
    }
  }
  return out;
}
