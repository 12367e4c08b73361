// Products and sums over the pairs of a query and a key, sequence by sequence and head by head, in tiles of four queries as
// attention has them. The numbers of a pair stand [query, key, head], those of a sequence after those before it.
import {
  addProducts,
  at,
  loadRows,
  loadTile,
  multiplyPanels,
  multiplyRows,
  packPanels,
  padded,
  setZero,
  storeRows,
  TILE,
  visible,
} from './attention';

/** Bytes of scratch space for sequences of at most `keys` keys and heads of `width` columns. */
export function pairsScratch(keys: i32, width: i32): usize {
  return (<usize>(padded(keys) * (padded(width) + TILE) + 2 * TILE * padded(width))) << 2;
}

/**
 * out = q · k + plus, where `plus` holds a number for each pair or is 0, and a product that a causal query does not see is
 * 0. Of the layouts: `queryOffsets`, `keyOffsets` (count + 1 values) and `queryStarts`, `keyStarts` (count).
 */
export function pairProducts(
  q: usize,
  k: usize,
  plus: usize,
  out: usize,
  queryOffsets: usize,
  queryStarts: usize,
  keyOffsets: usize,
  keyStarts: usize,
  count: i32,
  heads: i32,
  width: i32,
  causal: bool,
  scratch: usize,
): void {
  const row: usize = (heads * width) << 2;
  const wide: usize = padded(width) << 2;
  const step: usize = heads << 2;
  for (let b = 0; b < count; b++) {
    const firstQuery = at(queryOffsets, b);
    const queries = at(queryOffsets, b + 1) - firstQuery;
    const firstKey = at(keyOffsets, b);
    const keys = at(keyOffsets, b + 1) - firstKey;
    const firstUnseen = at(queryStarts, b) - at(keyStarts, b) + 1;
    const scoreRow: usize = padded(keys) << 2;
    const scores = scratch + scoreRow * <usize>width;
    const tile = scores + <usize>TILE * scoreRow;
    for (let head = 0; head < heads; head++) {
      const column: usize = (head * width) << 2;
      packPanels(k + <usize>firstKey * row + column, row, keys, width, scratch);
      let to = out + (head << 2);
      let more = plus;
      for (let i = 0; i < queries; i += TILE) {
        const here = min(TILE, queries - i);
        loadTile(q + <usize>(firstQuery + i) * row + column, row, here, width, 1, tile, wide);
        const most = visible(causal, firstUnseen + i + here - 1, keys);
        multiplyPanels(tile, wide, width, scratch, most, scores, scoreRow);
        for (let r = 0; r < here; r++) {
          const seen = visible(causal, firstUnseen + i + r, keys);
          const from = scores + <usize>r * scoreRow;
          for (let j = 0; j < keys; j++) {
            let value: f32 = j < seen ? load<f32>(from + (j << 2)) : 0;
            if (plus) value += load<f32>(more + (j << 2));
            store<f32>(to, value);
            to += step;
          }
          more += keys << 2;
        }
      }
    }
    out += <usize>(queries * keys) * step;
    if (plus) plus += (queries * keys) << 2;
  }
}

/**
 * For every query Σ weight · v over the keys that it sees or, `ofKeys`, for every key Σ weight · v over the queries that see
 * it; v are rows of the other side. The other arguments are those of {@link pairProducts}.
 */
export function pairSums(
  weights: usize,
  v: usize,
  out: usize,
  ofKeys: bool,
  queryOffsets: usize,
  queryStarts: usize,
  keyOffsets: usize,
  keyStarts: usize,
  count: i32,
  heads: i32,
  width: i32,
  causal: bool,
  scratch: usize,
): void {
  const row: usize = (heads * width) << 2;
  const wide: usize = padded(width) << 2;
  const step: usize = heads << 2;
  for (let b = 0; b < count; b++) {
    const firstQuery = at(queryOffsets, b);
    const queries = at(queryOffsets, b + 1) - firstQuery;
    const firstKey = at(keyOffsets, b);
    const keys = at(keyOffsets, b + 1) - firstKey;
    const firstUnseen = at(queryStarts, b) - at(keyStarts, b) + 1;
    const scoreRow: usize = padded(keys) << 2;
    const scores = scratch + scoreRow * (wide >> 2);
    const tile = scores + <usize>TILE * scoreRow;
    const result = tile + <usize>TILE * wide;
    for (let head = 0; head < heads; head++) {
      const column: usize = (head * width) << 2;
      const ofSequence = <usize>firstKey * row + column;
      if (ofKeys) setZero(scratch, scores);
      else loadRows(v + ofSequence, row, keys, width, 1, scratch, wide);
      let from = weights + (head << 2);
      for (let i = 0; i < queries; i += TILE) {
        const here = min(TILE, queries - i);
        const most = visible(causal, firstUnseen + i + here - 1, keys);
        for (let r = 0; r < TILE; r++) {
          const to = scores + <usize>r * scoreRow;
          const seen = r < here ? visible(causal, firstUnseen + i + r, keys) : 0;
          for (let j = 0; j < most; j++) {
            store<f32>(to + (j << 2), j < seen ? load<f32>(from + <usize>j * step) : 0);
          }
          if (r < here) from += <usize>keys * step;
        }
        const rows = <usize>(firstQuery + i) * row + column;
        if (ofKeys) {
          loadTile(v + rows, row, here, width, 1, tile, wide);
          addProducts(scores, scoreRow, most, tile, wide, scratch);
        } else {
          multiplyRows(scores, scoreRow, most, scratch, wide, result, wide);
          storeRows(result, wide, here, width, 1, out + rows, row);
        }
      }
      if (ofKeys) storeRows(scratch, wide, keys, width, 1, out + ofSequence, row);
    }
    weights += <usize>(queries * keys) * step;
  }
}
