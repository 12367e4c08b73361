/** References of `pairProducts` and `pairSums`. */
import type { Layout } from '../../src/core/layout.ts';
import { addTo, at } from './array.ts';

export interface Pairs {
  queries: Layout;
  keys: Layout;
  heads: number;
  width: number;
  causal: boolean;
}

/** Calls `visit` for every pair of the same sequence, in order. */
function eachPair(
  { queries, keys, causal }: Pairs,
  visit: (pair: number, query: number, key: number, seen: boolean) => void,
): number {
  let pair = 0;
  for (let query = 0; query < queries.rows; query++) {
    for (let key = 0; key < keys.rows; key++) {
      if (queries.sequences[query] !== keys.sequences[key]) continue;
      visit(pair++, query, key, !causal || at(keys.positions, key) <= at(queries.positions, query));
    }
  }
  return pair;
}

export function countPairs(it: Pairs): number {
  return eachPair(it, () => {});
}

/** @param plus for each pair, added to all heads */
export function pairProducts(q: Float64Array, k: Float64Array, it: Pairs, plus?: Float64Array): Float64Array {
  const out = new Float64Array(countPairs(it) * it.heads);
  const size = it.width / it.heads;
  eachPair(it, (pair, query, key, seen) => {
    for (let column = 0; column < it.width; column++) {
      const product = at(q, query * it.width + column) * at(k, key * it.width + column);
      if (seen) addTo(out, pair * it.heads + Math.floor(column / size), product);
    }
    for (let head = 0; head < it.heads; head++) if (plus) addTo(out, pair * it.heads + head, at(plus, pair));
  });
  return out;
}

export function pairSums(weights: Float64Array, v: Float64Array, it: Pairs): Float64Array {
  const out = new Float64Array(it.queries.capacity * it.width);
  const size = it.width / it.heads;
  eachPair(it, (pair, query, key, seen) => {
    if (!seen) return;
    for (let column = 0; column < it.width; column++) {
      const weight = at(weights, pair * it.heads + Math.floor(column / size));
      addTo(out, query * it.width + column, weight * at(v, key * it.width + column));
    }
  });
  return out;
}
