/** Reference of `linearAttention`. */
import type { Layout } from '../../src/core/layout.ts';
import { addTo, at } from './array.ts';

export interface LinearAttention {
  queries: Layout;
  keys: Layout;
  heads: number;
  width: number;
  causal: boolean;
}

export function linearAttention(
  q: Float64Array,
  k: Float64Array,
  v: Float64Array,
  { queries, keys, heads, width, causal }: LinearAttention,
): Float64Array {
  const out = new Float64Array(queries.capacity * width);
  const size = width / heads;
  for (let row = 0; row < queries.rows; row++) {
    for (let key = 0; key < keys.rows; key++) {
      if (queries.sequences[row] !== keys.sequences[key]) continue;
      if (causal && at(keys.positions, key) > at(queries.positions, row)) continue;
      for (let first = 0; first < width; first += size) {
        let product = 0;
        for (let j = first; j < first + size; j++) product += at(q, row * width + j) * at(k, key * width + j);
        for (let j = first; j < first + size; j++) addTo(out, row * width + j, product * at(v, key * width + j));
      }
    }
  }
  return out;
}
