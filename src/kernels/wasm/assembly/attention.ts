// Attention over ragged rows, sequence by sequence and head by head. Scores exist for a tile of four queries at a time
// and are computed again in the backward pass, so memory grows with the length of a sequence, not with its square.
//
// Within scratch space every row of a head is padded with zeros to a multiple of 8 columns, and every row of scores to a
// multiple of 8 keys; so the loops below need no case for what is left over.
import { addTo } from './add-to';
import { dropoutMask, dropoutRow } from './dropout';
import { expNegative4, madd, sumLanes } from './math';
import { tileOf4 } from './tiles';

/** Queries in a tile. */
export const TILE = 4;

/** Bytes of scratch space for sequences of at most `keys` keys and heads of `width` columns. */
export function attentionScratch(keys: i32, width: i32): usize {
  const paddedKeys = padded(keys);
  const paddedWidth = padded(width);
  const rows = 5 * paddedKeys * paddedWidth;
  const scores = 2 * TILE * paddedKeys + paddedKeys + 16;
  const tiles = 3 * TILE * paddedWidth;
  return (<usize>(rows + scores + tiles + TILE)) << 2;
}

/**
 * Of the layouts: `queryOffsets`, `keyOffsets` (count + 1 values) and `queryStarts`, `keyStarts` (count). `dropoutKeys`
 * holds the two words of each head's rng, or is 0 for no dropout. `bias` holds a table [positions, positions] for each
 * head, `tableBytes` apart (0: one for all), or is 0 for none. Rows of `out` past the last sequence are not written.
 */
export function attentionForward(
  q: usize,
  k: usize,
  v: usize,
  out: usize,
  queryOffsets: usize,
  queryStarts: usize,
  keyOffsets: usize,
  keyStarts: usize,
  count: i32,
  heads: i32,
  width: i32,
  causal: bool,
  dropoutKeys: usize,
  firstSequence: i32,
  threshold: i32,
  dropoutScale: f32,
  bias: usize,
  positions: i32,
  tableBytes: usize,
  scratch: usize,
): void {
  const row: usize = (heads * width) << 2;
  const wide: usize = padded(width) << 2;
  const scale: f32 = 1 / sqrt<f32>(<f32>width);
  for (let b = 0; b < count; b++) {
    const firstQuery = at(queryOffsets, b);
    const queries = at(queryOffsets, b + 1) - firstQuery;
    const firstKey = at(keyOffsets, b);
    const keys = at(keyOffsets, b + 1) - firstKey;
    const keyStart = at(keyStarts, b);
    const firstUnseen = at(queryStarts, b) - keyStart + 1;
    const scoreRow: usize = padded(keys) << 2;
    const keyPanels = scratch;
    const values = keyPanels + scoreRow * <usize>width;
    const scores = values + scoreRow * (wide >> 2);
    const mask = scores + <usize>TILE * scoreRow;
    const tile = mask + scoreRow + 64;
    const result = tile + <usize>TILE * wide;
    for (let head = 0; head < heads; head++) {
      const column: usize = (head * width) << 2;
      packPanels(k + <usize>firstKey * row + column, row, keys, width, keyPanels);
      loadRows(v + <usize>firstKey * row + column, row, keys, width, 1, values, wide);
      for (let i = 0; i < queries; i += TILE) {
        const here = min(TILE, queries - i);
        const most = visible(causal, firstUnseen + i + here - 1, keys);
        loadTile(q + <usize>(firstQuery + i) * row + column, row, here, width, scale, tile, wide);
        multiplyPanels(tile, wide, width, keyPanels, most, scores, scoreRow);
        for (let r = 0; r < TILE; r++) {
          const seen = r < here ? visible(causal, firstUnseen + i + r, keys) : 0;
          const weights = scores + <usize>r * scoreRow;
          if (bias && seen > 0) addTo(weights, bias + biasPlace(tableBytes, head, at(queryStarts, b) + i + r, positions, keyStart), seen);
          softmaxRow(weights, seen, padded(most));
          if (dropoutKeys && seen > 0) {
            const hash = rowHash(dropoutKeys, head, firstSequence + b, at(queryStarts, b) + i + r);
            const factors = dropoutMask(mask, hash, keyStart, seen, threshold, dropoutScale);
            multiplyRow(weights, factors, padded(seen));
          }
        }
        multiplyRows(scores, scoreRow, most, values, wide, result, wide);
        storeRows(result, wide, here, width, 1, out + <usize>(firstQuery + i) * row + column, row);
      }
    }
  }
}

/** The gradients by q, k and v, and by the bias added to `dBias`; the arguments are those of {@link attentionForward}. */
export function attentionBackward(
  q: usize,
  k: usize,
  v: usize,
  dOut: usize,
  dq: usize,
  dk: usize,
  dv: usize,
  dBias: usize,
  queryOffsets: usize,
  queryStarts: usize,
  keyOffsets: usize,
  keyStarts: usize,
  count: i32,
  heads: i32,
  width: i32,
  causal: bool,
  dropoutKeys: usize,
  firstSequence: i32,
  threshold: i32,
  dropoutScale: f32,
  bias: usize,
  positions: i32,
  tableBytes: usize,
  scratch: usize,
): void {
  const row: usize = (heads * width) << 2;
  const wide: usize = padded(width) << 2;
  const scale: f32 = 1 / sqrt<f32>(<f32>width);
  for (let b = 0; b < count; b++) {
    const firstQuery = at(queryOffsets, b);
    const queries = at(queryOffsets, b + 1) - firstQuery;
    const firstKey = at(keyOffsets, b);
    const keys = at(keyOffsets, b + 1) - firstKey;
    const keyStart = at(keyStarts, b);
    const firstUnseen = at(queryStarts, b) - keyStart + 1;
    const scoreRow: usize = padded(keys) << 2;
    const rows = scoreRow * (wide >> 2);
    const keyPanels = scratch;
    const valuePanels = keyPanels + scoreRow * <usize>width;
    const keyRows = valuePanels + scoreRow * <usize>width;
    const keySums = keyRows + rows;
    const valueSums = keySums + rows;
    const weights = valueSums + rows;
    const gradients = weights + <usize>TILE * scoreRow;
    const mask = gradients + <usize>TILE * scoreRow;
    const tile = mask + scoreRow + 64;
    const upstream = tile + <usize>TILE * wide;
    const result = upstream + <usize>TILE * wide;
    for (let head = 0; head < heads; head++) {
      const column: usize = (head * width) << 2;
      const ofQueries = <usize>firstQuery * row + column;
      const ofKeys = <usize>firstKey * row + column;
      packPanels(k + ofKeys, row, keys, width, keyPanels);
      packPanels(v + ofKeys, row, keys, width, valuePanels);
      loadRows(k + ofKeys, row, keys, width, 1, keyRows, wide);
      setZero(keySums, keySums + 2 * rows);
      for (let i = 0; i < queries; i += TILE) {
        const here = min(TILE, queries - i);
        const most = visible(causal, firstUnseen + i + here - 1, keys);
        loadTile(q + ofQueries + <usize>i * row, row, here, width, scale, tile, wide);
        loadTile(dOut + ofQueries + <usize>i * row, row, here, width, 1, upstream, wide);
        multiplyPanels(tile, wide, width, keyPanels, most, weights, scoreRow);
        multiplyPanels(upstream, wide, width, valuePanels, most, gradients, scoreRow);
        for (let r = 0; r < TILE; r++) {
          const seen = r < here ? visible(causal, firstUnseen + i + r, keys) : 0;
          const weightRow = weights + <usize>r * scoreRow;
          const gradientRow = gradients + <usize>r * scoreRow;
          const biased = biasPlace(tableBytes, head, at(queryStarts, b) + i + r, positions, keyStart);
          if (bias && seen > 0) addTo(weightRow, bias + biased, seen);
          softmaxRow(weightRow, seen, padded(most));
          // Of the weights before dropout: from here on `gradients` are those of the scores, `weights` have dropout.
          if (dropoutKeys && seen > 0) {
            const hash = rowHash(dropoutKeys, head, firstSequence + b, at(queryStarts, b) + i + r);
            const factors = dropoutMask(mask, hash, keyStart, seen, threshold, dropoutScale);
            multiplyRow(gradientRow, factors, padded(seen));
            softmaxGradientRow(weightRow, gradientRow, padded(most));
            multiplyRow(weightRow, factors, padded(seen));
          } else {
            softmaxGradientRow(weightRow, gradientRow, padded(most));
          }
          if (bias && seen > 0) addTo(dBias + biased, gradientRow, seen);
        }
        multiplyRows(gradients, scoreRow, most, keyRows, wide, result, wide);
        storeRows(result, wide, here, width, scale, dq + ofQueries + <usize>i * row, row);
        addProducts(gradients, scoreRow, most, tile, wide, keySums);
        addProducts(weights, scoreRow, most, upstream, wide, valueSums);
      }
      storeRows(keySums, wide, keys, width, 1, dk + ofKeys, row);
      storeRows(valueSums, wide, keys, width, 1, dv + ofKeys, row);
    }
  }
}

/** Sets `bytes` bytes to 0. */
export function clear(address: usize, bytes: usize): void {
  memory.fill(address, 0, bytes);
}

@inline
export function at(values: usize, index: i32): i32 {
  return load<i32>(values + (index << 2));
}

@inline
export function padded(n: i32): i32 {
  return (n + 7) & ~7;
}

/** The number of keys that a query sees, of whose position `firstUnseen` is the first key that is too late. */
@inline
export function visible(causal: bool, firstUnseen: i32, keys: i32): i32 {
  return causal ? max(0, min(firstUnseen, keys)) : keys;
}

@inline
function rowHash(dropoutKeys: usize, head: i32, sequence: i32, position: i32): u32 {
  return dropoutRow(at(dropoutKeys, 2 * head), at(dropoutKeys, 2 * head + 1), sequence, position);
}

/** Where the bias of a query and of the first key stands. */
@inline
function biasPlace(tableBytes: usize, head: i32, query: i32, positions: i32, key: i32): usize {
  return tableBytes * <usize>head + ((<usize>query * <usize>positions + <usize>key) << 2);
}

/** Rows of `from` times `scale`, followed by zeros up to the padded width. */
export function loadRows(from: usize, stride: usize, rows: i32, width: i32, scale: f32, to: usize, wide: usize): void {
  const scales = f32x4.splat(scale);
  const whole: usize = (width & ~3) << 2;
  const end: usize = width << 2;
  for (let i = 0; i < rows; i++) {
    let j: usize = 0;
    for (; j < whole; j += 16) v128.store(to + j, f32x4.mul(v128.load(from + j), scales));
    for (; j < end; j += 4) store<f32>(to + j, load<f32>(from + j) * scale);
    for (; j < wide; j += 4) store<f32>(to + j, 0);
    from += stride;
    to += wide;
  }
}

/** {@link loadRows} for a tile: rows that there are not are 0. */
export function loadTile(from: usize, stride: usize, rows: i32, width: i32, scale: f32, to: usize, wide: usize): void {
  loadRows(from, stride, rows, width, scale, to, wide);
  setZero(to + <usize>rows * wide, to + <usize>TILE * wide);
}

/** The opposite of {@link loadRows}. */
export function storeRows(from: usize, wide: usize, rows: i32, width: i32, scale: f32, to: usize, stride: usize): void {
  const scales = f32x4.splat(scale);
  const whole: usize = (width & ~3) << 2;
  const end: usize = width << 2;
  for (let i = 0; i < rows; i++) {
    let j: usize = 0;
    for (; j < whole; j += 16) v128.store(to + j, f32x4.mul(v128.load(from + j), scales));
    for (; j < end; j += 4) store<f32>(to + j, load<f32>(from + j) * scale);
    from += wide;
    to += stride;
  }
}

/** Panels `[width, 8]`, each the transpose of eight rows; rows that there are not are 0. */
export function packPanels(from: usize, stride: usize, rows: i32, width: i32, panels: usize): void {
  const whole = width & ~3;
  const panel: usize = width << 5;
  for (let j = 0; j < padded(rows); j += 4) {
    let to = panels + <usize>(j >> 3) * panel + ((j & 4) << 2);
    let p = 0;
    if (j + 4 <= rows) {
      const row = from + <usize>j * stride;
      for (; p < whole; p += 4) {
        const column: usize = p << 2;
        const a = v128.load(row + column);
        const b = v128.load(row + stride + column);
        const c = v128.load(row + 2 * stride + column);
        const d = v128.load(row + 3 * stride + column);
        const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
        const cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
        const ab2 = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
        const cd2 = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
        v128.store(to, v128.shuffle<i64>(ab, cd, 0, 2));
        v128.store(to, v128.shuffle<i64>(ab, cd, 1, 3), 32);
        v128.store(to, v128.shuffle<i64>(ab2, cd2, 0, 2), 64);
        v128.store(to, v128.shuffle<i64>(ab2, cd2, 1, 3), 96);
        to += 128;
      }
    }
    for (; p < width; p++) {
      for (let lane = 0; lane < 4; lane++) {
        const value: f32 = j + lane < rows ? load<f32>(from + <usize>(j + lane) * stride + (p << 2)) : 0;
        store<f32>(to + (lane << 2), value);
      }
      to += 32;
    }
  }
}

/** c = tile · panels for the first `columns` columns, rounded up to whole panels. */
export function multiplyPanels(a: usize, aRow: usize, depth: i32, panels: usize, columns: i32, c: usize, cRow: usize): void {
  tileOf4((columns + 7) >> 3, depth, a, aRow, panels, 32, depth << 5, 0, 0, c, cRow);
}

/** c = tile · rows, where the rows are `width` bytes wide. */
export function multiplyRows(a: usize, aRow: usize, depth: i32, rows: usize, width: usize, c: usize, cRow: usize): void {
  tileOf4(<i32>(width >> 5), depth, a, aRow, rows, width, 32, 0, 0, c, cRow);
}

/** c[j] += Σ over the tile of a[r, j] · b[r], for `rows` rows j of c, which are as wide as those of b. */
export function addProducts(a: usize, aRow: usize, rows: i32, b: usize, width: usize, c: usize): void {
  for (let column: usize = 0; column < width; column += 32) {
    const from = b + column;
    const b00 = v128.load(from);
    const b01 = v128.load(from, 16);
    const b10 = v128.load(from + width);
    const b11 = v128.load(from + width, 16);
    const b20 = v128.load(from + 2 * width);
    const b21 = v128.load(from + 2 * width, 16);
    const b30 = v128.load(from + 3 * width);
    const b31 = v128.load(from + 3 * width, 16);
    let a0 = a;
    let a1 = a0 + aRow;
    let a2 = a1 + aRow;
    let a3 = a2 + aRow;
    let to = c + column;
    for (let j = 0; j < rows; j++) {
      let c0 = v128.load(to);
      let c1 = v128.load(to, 16);
      let x = v128.load_splat<f32>(a0);
      c0 = madd(x, b00, c0);
      c1 = madd(x, b01, c1);
      x = v128.load_splat<f32>(a1);
      c0 = madd(x, b10, c0);
      c1 = madd(x, b11, c1);
      x = v128.load_splat<f32>(a2);
      c0 = madd(x, b20, c0);
      c1 = madd(x, b21, c1);
      x = v128.load_splat<f32>(a3);
      c0 = madd(x, b30, c0);
      c1 = madd(x, b31, c1);
      v128.store(to, c0);
      v128.store(to, c1, 16);
      a0 += 4;
      a1 += 4;
      a2 += 4;
      a3 += 4;
      to += width;
    }
  }
}

/** The softmax of the first `seen` scores in place, then zeros up to `end`, a multiple of 8. */
function softmaxRow(scores: usize, seen: i32, end: i32): void {
  const whole = scores + (<usize>(seen & ~3) << 2);
  const rest = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(seen & 3));
  const last = v128.bitselect(v128.load(whole), f32x4.splat(-Infinity), rest);
  // pmax is one instruction, max is seven. It passes over a NaN, which the exponential below does not.
  let largest = last;
  for (let i = scores; i < whole; i += 16) largest = f32x4.pmax(largest, v128.load(i));
  largest = f32x4.pmax(largest, v128.shuffle<i32>(largest, largest, 2, 3, 0, 1));
  largest = f32x4.pmax(largest, v128.shuffle<i32>(largest, largest, 1, 0, 3, 2));
  const lastValue = v128.and(expNegative4(f32x4.sub(last, largest)), rest);
  let sums = lastValue;
  for (let i = scores; i < whole; i += 16) {
    const value = expNegative4(f32x4.sub(v128.load(i), largest));
    sums = f32x4.add(sums, value);
    v128.store(i, value);
  }
  // The largest score adds 1 to the sum.
  const factor = f32x4.splat(1 / sumLanes(sums));
  for (let i = scores; i < whole; i += 16) v128.store(i, f32x4.mul(v128.load(i), factor));
  const limit = scores + (<usize>end << 2);
  if (whole < limit) v128.store(whole, v128.and(f32x4.mul(lastValue, factor), rest));
  setZero(whole + 16, limit);
}

/** Zeros from `begin` to `end`, a multiple of 16 bytes; memory.fill would cost a call out of the module. */
@inline
export function setZero(begin: usize, end: usize): void {
  for (let i = begin; i < end; i += 16) v128.store(i, f32x4.splat(0));
}

/** gradient = weight · (gradient - Σ weight · gradient), for `end` keys, a multiple of 8. */
function softmaxGradientRow(weights: usize, gradients: usize, end: i32): void {
  const bytes: usize = end << 2;
  let sums = f32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) sums = madd(v128.load(weights + i), v128.load(gradients + i), sums);
  const shift = f32x4.splat(sumLanes(sums));
  for (let i: usize = 0; i < bytes; i += 16) {
    const centred = f32x4.sub(v128.load(gradients + i), shift);
    v128.store(gradients + i, f32x4.mul(v128.load(weights + i), centred));
  }
}

/** Values times factors, for `end` of them, a multiple of 4. */
function multiplyRow(values: usize, factors: usize, end: i32): void {
  const bytes: usize = end << 2;
  for (let i: usize = 0; i < bytes; i += 16) {
    v128.store(values + i, f32x4.mul(v128.load(values + i), v128.load(factors + i)));
  }
}
