/**
 * States against the rows of a table, as both lie in memory: all scores, the best of each state, or the ranks of
 * targets. A score is scale · (state · row + bias). Its sum is taken in the same order wherever it is computed, so that
 * all three agree to the bit.
 *
 * Items are taken in blocks, whose rows stay in the cache while all states meet them; the scores of a block are looked
 * at while they are in the nearest cache, and then forgotten.
 */
import { madd } from './math';

/** Items of a block. */
const BLOCK = 512;
/** States that share the loads of a row. */
const STATES = 3;
/** Marks an item that is no candidate: every comparison with it is false. */
const NONE: f32 = NaN;

/** The scratch space of {@link topScores} and {@link targetRanks} in bytes. */
export function itemScoresScratch(states: i32): usize {
  return (STATES * BLOCK + (<usize>states)) << 2;
}

/** `out` [count, items] = all scores. */
export function itemScores(
  states: usize,
  count: i32,
  width: i32,
  table: usize,
  items: i32,
  bias: usize,
  scale: f32,
  out: usize,
): void {
  const stride: usize = width << 2;
  for (let first = 0; first < items; first += BLOCK) {
    const size = min(BLOCK, items - first);
    const from: usize = (<usize>first) << 2;
    const rows = table + (<usize>first) * stride;
    for (let b = 0; b < count; b += STATES) {
      const to = out + (((<usize>b) * items) << 2) + from;
      const group = min(STATES, count - b);
      scoreBlock(states + b * stride, group, width, rows, size, bias ? bias + from : 0, scale, to, (<usize>items) << 2);
    }
  }
}

/**
 * The best `k` items of each state, best first, equal scores by ascending row; a score of -Infinity is never taken.
 *
 * @param excluded        rows that are no candidates, those of state b from excludedOffsets[b] on (0: none)
 * @param rows            [count, k] i32: -1 where there are no more; -2 - row first if the score of that row is NaN
 * @param scores          [count, k]: -Infinity where there are no more
 */
export function topScores(
  states: usize,
  count: i32,
  width: i32,
  table: usize,
  items: i32,
  bias: usize,
  scale: f32,
  excluded: usize,
  excludedOffsets: usize,
  k: i32,
  rows: usize,
  scores: usize,
  scratch: usize,
): void {
  const stride: usize = width << 2;
  const list: usize = (<usize>k) << 2;
  const sizes = scratch + ((STATES * BLOCK) << 2);
  for (let b = 0; b < count; b++) store<i32>(sizes + (b << 2), 0);
  for (let first = 0; first < items; first += BLOCK) {
    const size = min(BLOCK, items - first);
    const from: usize = (<usize>first) << 2;
    for (let b = 0; b < count; b += STATES) {
      const group = min(STATES, count - b);
      const block = table + (<usize>first) * stride;
      scoreBlock(states + b * stride, group, width, block, size, bias ? bias + from : 0, scale, scratch, BLOCK << 2);
      for (let s = 0; s < group; s++) {
        const at = sizes + ((b + s) << 2);
        const kept = load<i32>(at);
        if (kept < 0) continue;
        const row = scratch + ((s * BLOCK) << 2);
        const bad = firstNaN(row, size);
        if (bad >= 0) {
          store<i32>(at, -2 - first - bad);
          continue;
        }
        if (excluded) exclude(row, first, size, excluded, excludedOffsets + ((b + s) << 2));
        store<i32>(at, keepBest(row, first, size, k, kept, rows + (b + s) * list, scores + (b + s) * list));
      }
    }
  }
  for (let b = 0; b < count; b++) {
    const kept = load<i32>(sizes + (b << 2));
    sortBest(rows, scores, max(kept, 0));
    for (let i: usize = (<usize>max(kept, 0)) << 2; i < list; i += 4) {
      store<i32>(rows + i, -1);
      store<f32>(scores + i, -Infinity);
    }
    if (kept < 0) store<i32>(rows, kept);
    rows += list;
    scores += list;
  }
}

/**
 * `ranks` [targets] i32 = for each target the number of candidates with its score or a higher one, itself among them; the
 * excluded rows must not hold it. It is -1 - row if the score of that row is NaN.
 *
 * @param targets       rows, those of state b from targetOffsets[b] on
 * @param targetScores  [targets], space for the scores of the targets
 */
export function targetRanks(
  states: usize,
  count: i32,
  width: i32,
  table: usize,
  items: i32,
  bias: usize,
  scale: f32,
  targets: usize,
  targetOffsets: usize,
  excluded: usize,
  excludedOffsets: usize,
  ranks: usize,
  targetScores: usize,
  scratch: usize,
): void {
  const stride: usize = width << 2;
  for (let b = 0; b < count; b++) {
    const end: usize = load<i32>(targetOffsets + (b << 2), 4) << 2;
    for (let t: usize = load<i32>(targetOffsets + (b << 2)) << 2; t < end; t += 4) {
      const row: usize = load<i32>(targets + t);
      const sum = dot(states + b * stride, table + row * stride, width);
      store<f32>(targetScores + t, scale * (bias ? sum + load<f32>(bias + (row << 2)) : sum));
      store<i32>(ranks + t, 0);
    }
  }
  for (let first = 0; first < items; first += BLOCK) {
    const size = min(BLOCK, items - first);
    const from: usize = (<usize>first) << 2;
    for (let b = 0; b < count; b += STATES) {
      const group = min(STATES, count - b);
      const block = table + (<usize>first) * stride;
      scoreBlock(states + b * stride, group, width, block, size, bias ? bias + from : 0, scale, scratch, BLOCK << 2);
      for (let s = 0; s < group; s++) {
        const row = scratch + ((s * BLOCK) << 2);
        const bad = firstNaN(row, size);
        if (excluded) exclude(row, first, size, excluded, excludedOffsets + ((b + s) << 2));
        const own = targetOffsets + ((b + s) << 2);
        const end: usize = load<i32>(own, 4) << 2;
        for (let t: usize = load<i32>(own) << 2; t < end; t += 4) {
          const rank = load<i32>(ranks + t);
          if (rank < 0) continue;
          const more = bad >= 0 ? -1 - first - bad - rank : atLeast(row, size, load<f32>(targetScores + t));
          store<i32>(ranks + t, rank + more);
        }
      }
    }
  }
}

/** The scores of `count` ≤ 3 states for `items` rows, to rows of `out` that are `outRow` bytes apart. */
function scoreBlock(
  states: usize,
  count: i32,
  width: i32,
  table: usize,
  items: i32,
  bias: usize,
  scale: f32,
  out: usize,
  outRow: usize,
): void {
  const stride: usize = width << 2;
  let item = 0;
  if (count === STATES) {
    for (; item + 4 <= items; item += 4) {
      dots3x4(states, table + item * stride, width, out + (item << 2), outRow);
    }
  } else {
    for (; item + 8 <= items; item += 8) {
      for (let s = 0; s < count; s++) {
        dots1x8(states + s * stride, table + item * stride, width, out + s * outRow + (item << 2));
      }
    }
  }
  for (; item < items; item++) {
    for (let s = 0; s < count; s++) {
      store<f32>(out + s * outRow + (item << 2), dot(states + s * stride, table + item * stride, width));
    }
  }
  if (!bias && scale === 1) return;
  const bytes: usize = items << 2;
  for (let s = 0; s < count; s++) {
    for (let i: usize = 0; i < bytes; i += 4) {
      const sum = load<f32>(out + i);
      store<f32>(out + i, scale * (bias ? sum + load<f32>(bias + i) : sum));
    }
    out += outRow;
  }
}

/** Sums four columns at a time, each in a lane of its own, then the lanes, then the last columns one by one. */
function dot(x: usize, row: usize, width: i32): f32 {
  const whole: usize = (width & ~3) << 2;
  let sums = f32x4.splat(0);
  for (let i: usize = 0; i < whole; i += 16) sums = madd(v128.load(x + i), v128.load(row + i), sums);
  const left = f32x4.extract_lane(sums, 0) + f32x4.extract_lane(sums, 2);
  const right = f32x4.extract_lane(sums, 1) + f32x4.extract_lane(sums, 3);
  return addRest(left + right, x, row, width);
}

@inline
function addRest(sum: f32, x: usize, row: usize, width: i32): f32 {
  const end: usize = width << 2;
  for (let i: usize = (width & ~3) << 2; i < end; i += 4) sum += load<f32>(x + i) * load<f32>(row + i);
  return sum;
}

/** The sums over the lanes of four vectors, in the order of {@link dot}. */
@inline
function sumLanes4(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
}

/** {@link dot} of one state with eight rows. */
function dots1x8(x: usize, table: usize, width: i32, out: usize): void {
  const stride: usize = width << 2;
  const whole: usize = (width & ~3) << 2;
  const row1 = table + stride;
  const row2 = row1 + stride;
  const row3 = row2 + stride;
  const row4 = row3 + stride;
  const row5 = row4 + stride;
  const row6 = row5 + stride;
  const row7 = row6 + stride;
  let c0 = f32x4.splat(0);
  let c1 = c0;
  let c2 = c0;
  let c3 = c0;
  let c4 = c0;
  let c5 = c0;
  let c6 = c0;
  let c7 = c0;
  for (let i: usize = 0; i < whole; i += 16) {
    const left = v128.load(x + i);
    c0 = madd(left, v128.load(table + i), c0);
    c1 = madd(left, v128.load(row1 + i), c1);
    c2 = madd(left, v128.load(row2 + i), c2);
    c3 = madd(left, v128.load(row3 + i), c3);
    c4 = madd(left, v128.load(row4 + i), c4);
    c5 = madd(left, v128.load(row5 + i), c5);
    c6 = madd(left, v128.load(row6 + i), c6);
    c7 = madd(left, v128.load(row7 + i), c7);
  }
  v128.store(out, sumLanes4(c0, c1, c2, c3));
  v128.store(out, sumLanes4(c4, c5, c6, c7), 16);
  if (whole < stride) addRests(x, table, width, 8, out);
}

/** {@link dot} of three states with four rows. */
function dots3x4(x: usize, table: usize, width: i32, out: usize, outRow: usize): void {
  const stride: usize = width << 2;
  const whole: usize = (width & ~3) << 2;
  const y = x + stride;
  const z = y + stride;
  const row1 = table + stride;
  const row2 = row1 + stride;
  const row3 = row2 + stride;
  let x0 = f32x4.splat(0);
  let x1 = x0;
  let x2 = x0;
  let x3 = x0;
  let y0 = x0;
  let y1 = x0;
  let y2 = x0;
  let y3 = x0;
  let z0 = x0;
  let z1 = x0;
  let z2 = x0;
  let z3 = x0;
  for (let i: usize = 0; i < whole; i += 16) {
    const a = v128.load(x + i);
    const b = v128.load(y + i);
    const c = v128.load(z + i);
    let right = v128.load(table + i);
    x0 = madd(a, right, x0);
    y0 = madd(b, right, y0);
    z0 = madd(c, right, z0);
    right = v128.load(row1 + i);
    x1 = madd(a, right, x1);
    y1 = madd(b, right, y1);
    z1 = madd(c, right, z1);
    right = v128.load(row2 + i);
    x2 = madd(a, right, x2);
    y2 = madd(b, right, y2);
    z2 = madd(c, right, z2);
    right = v128.load(row3 + i);
    x3 = madd(a, right, x3);
    y3 = madd(b, right, y3);
    z3 = madd(c, right, z3);
  }
  v128.store(out, sumLanes4(x0, x1, x2, x3));
  v128.store(out + outRow, sumLanes4(y0, y1, y2, y3));
  v128.store(out + 2 * outRow, sumLanes4(z0, z1, z2, z3));
  if (whole === stride) return;
  for (let s = 0; s < STATES; s++) addRests(x + s * stride, table, width, 4, out + s * outRow);
}

/** Adds the last columns to `rows` sums of one state. */
function addRests(x: usize, table: usize, width: i32, rows: i32, out: usize): void {
  for (let i = 0; i < rows; i++) {
    store<f32>(out + (i << 2), addRest(load<f32>(out + (i << 2)), x, table + ((i * width) << 2), width));
  }
}

/** The place of the first NaN of `size` scores, -1 if there is none. */
function firstNaN(scores: usize, size: i32): i32 {
  const whole = size & ~3;
  let found = f32x4.splat(0);
  for (let i = 0; i < whole; i += 4) {
    const x = v128.load(scores + (i << 2));
    found = v128.or(found, f32x4.ne(x, x));
  }
  if (!v128.any_true(found) && whole === size) return -1;
  for (let i = 0; i < size; i++) if (isNaN(load<f32>(scores + (i << 2)))) return i;
  return -1;
}

/** Marks those of the `size` scores from item `first` on that are in the list between offsets[0] and offsets[1]. */
function exclude(scores: usize, first: i32, size: i32, list: usize, offsets: usize): void {
  const end = load<i32>(offsets, 4);
  for (let i = load<i32>(offsets); i < end; i++) {
    const at: u32 = load<i32>(list + (i << 2)) - first;
    if (at < <u32>size) store<f32>(scores + (at << 2), NONE);
  }
}

/** How many of `size` scores are `score` or higher. */
function atLeast(scores: usize, size: i32, score: f32): i32 {
  const whole: usize = (size & ~3) << 2;
  const end: usize = size << 2;
  const limit = f32x4.splat(score);
  let counts = i32x4.splat(0);
  let i: usize = 0;
  // A true comparison is -1.
  for (; i < whole; i += 16) counts = i32x4.sub(counts, f32x4.ge(v128.load(scores + i), limit));
  let count =
    i32x4.extract_lane(counts, 0) +
    i32x4.extract_lane(counts, 1) +
    i32x4.extract_lane(counts, 2) +
    i32x4.extract_lane(counts, 3);
  for (; i < end; i += 4) count += i32(load<f32>(scores + i) >= score);
  return count;
}

/**
 * Takes the scores of the items from `first` on into the best `k`, of which there are `kept` so far: a heap with the
 * worst on top. Rows ascend, so a score that equals the worst one loses to it. Returns how many are kept now.
 */
function keepBest(scores: usize, first: i32, size: i32, k: i32, kept: i32, rows: usize, best: usize): i32 {
  let worst: f32 = kept < k ? -Infinity : load<f32>(best);
  for (let i = 0; i < size; i++) {
    // Most fours hold nothing better.
    while (i + 4 <= size && !v128.any_true(f32x4.gt(v128.load(scores + (i << 2)), f32x4.splat(worst)))) i += 4;
    if (i === size) break;
    const score = load<f32>(scores + (i << 2));
    if (!(score > worst)) continue;
    if (kept < k) raise(rows, best, kept++, first + i, score);
    else sink(rows, best, k, first + i, score);
    if (kept === k) worst = load<f32>(best);
  }
  return kept;
}

/** Whether the first goes below the second in the list. */
@inline
function isWorse(score: f32, row: i32, otherScore: f32, otherRow: i32): bool {
  return score < otherScore || (score === otherScore && row > otherRow);
}

/** Puts an entry at the end of a heap of `size` and moves it up to its place. */
function raise(rows: usize, scores: usize, size: i32, row: i32, score: f32): void {
  let at = size;
  while (at > 0) {
    const above = (at - 1) >> 1;
    const otherRow = load<i32>(rows + (above << 2));
    const otherScore = load<f32>(scores + (above << 2));
    if (!isWorse(score, row, otherScore, otherRow)) break;
    store<i32>(rows + (at << 2), otherRow);
    store<f32>(scores + (at << 2), otherScore);
    at = above;
  }
  store<i32>(rows + (at << 2), row);
  store<f32>(scores + (at << 2), score);
}

/** Puts an entry in place of the top of a heap of `size` and moves it down to its place. */
function sink(rows: usize, scores: usize, size: i32, row: i32, score: f32): void {
  let at = 0;
  while (true) {
    let below = 2 * at + 1;
    if (below >= size) break;
    let otherRow = load<i32>(rows + (below << 2));
    let otherScore = load<f32>(scores + (below << 2));
    if (below + 1 < size) {
      const nextRow = load<i32>(rows + (below << 2), 4);
      const nextScore = load<f32>(scores + (below << 2), 4);
      if (isWorse(nextScore, nextRow, otherScore, otherRow)) {
        below++;
        otherRow = nextRow;
        otherScore = nextScore;
      }
    }
    if (!isWorse(otherScore, otherRow, score, row)) break;
    store<i32>(rows + (at << 2), otherRow);
    store<f32>(scores + (at << 2), otherScore);
    at = below;
  }
  store<i32>(rows + (at << 2), row);
  store<f32>(scores + (at << 2), score);
}

/** Turns a heap into a list, best first. */
function sortBest(rows: usize, scores: usize, size: i32): void {
  for (let last = size - 1; last > 0; last--) {
    const row = load<i32>(rows + (last << 2));
    const score = load<f32>(scores + (last << 2));
    store<i32>(rows + (last << 2), load<i32>(rows));
    store<f32>(scores + (last << 2), load<f32>(scores));
    sink(rows, scores, last, row, score);
  }
}
