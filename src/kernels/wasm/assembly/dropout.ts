// Dropout masks from the counter hash of src/ops/dropout.ts, bit for bit.

const GOLDEN: u32 = 0x9e3779b9;
const POSITION: u32 = 0x85ebca6b;

/**
 * y = x · mask + plus for `rows` rows of `columns` values; `plus` may be 0, for nothing. The mask of the `spare` rows after
 * them is 0. `sequences` and `positions` hold each row's sequence and position; if they are 0, rows are the positions of
 * sequence 0. `scratch` holds 24 floats.
 */
export function dropout(
  x: usize,
  plus: usize,
  rows: i32,
  spare: i32,
  columns: i32,
  sequences: usize,
  positions: usize,
  firstSequence: i32,
  low: u32,
  high: u32,
  threshold: i32,
  scale: f32,
  y: usize,
  scratch: usize,
): void {
  const stride: usize = columns << 2;
  const whole: usize = (columns & ~7) << 2;
  const limit = i32x4.splat(threshold);
  const kept = f32x4.splat(scale);
  for (let row = 0; row < rows; row++) {
    const sequence = sequences ? firstSequence + load<i32>(sequences + (row << 2)) : 0;
    const position = positions ? load<i32>(positions + (row << 2)) : row;
    const hash = dropoutRow(low, high, sequence, position);
    let words = wordsFrom(hash);
    let at: usize = 0;
    for (; at < whole; at += 32) {
      const word = mix4(words);
      const even = v128.and(i32x4.ge_s(v128.and(word, i32x4.splat(0xffff)), limit), kept);
      const odd = v128.and(i32x4.ge_s(i32x4.shr_u(word, 16), limit), kept);
      let left = f32x4.mul(v128.load(x + at), v128.shuffle<i32>(even, odd, 0, 4, 1, 5));
      let right = f32x4.mul(v128.load(x + at, 16), v128.shuffle<i32>(even, odd, 2, 6, 3, 7));
      if (plus) {
        left = f32x4.add(left, v128.load(plus + at));
        right = f32x4.add(right, v128.load(plus + at, 16));
      }
      v128.store(y + at, left);
      v128.store(y + at, right, 16);
      words = i32x4.add(words, i32x4.splat(4 * GOLDEN));
    }
    if (at < stride) {
      let mask = dropoutMask(scratch, hash, columns & ~7, columns & 7, threshold, scale);
      for (; at < stride; at += 4) {
        const value = load<f32>(x + at) * load<f32>(mask);
        store<f32>(y + at, plus ? value + load<f32>(plus + at) : value);
        mask += 4;
      }
    }
    x += stride;
    y += stride;
    if (plus) plus += stride;
  }
  if (plus) memory.copy(y, plus, <usize>spare * stride);
  else memory.fill(y, 0, <usize>spare * stride);
}

/** The hash of one row of a mask. */
export function dropoutRow(low: u32, high: u32, sequence: i32, position: i32): u32 {
  return mix(mix(low + <u32>sequence * GOLDEN) ^ (high + <u32>position * POSITION));
}

/**
 * Writes the mask (0 or `scale`) of `count` columns from `column` on into `scratch` (count + 16 floats), rounded up to
 * eight columns, and returns where in it `column` stands.
 */
export function dropoutMask(scratch: usize, row: u32, column: i32, count: i32, threshold: i32, scale: f32): usize {
  // One word decides on an even column and the odd one after it.
  const odd: usize = column & 1;
  const limit = i32x4.splat(threshold);
  const kept = f32x4.splat(scale);
  const end = scratch + ((odd + ((count + 7) & ~7)) << 2);
  let words = wordsFrom(row + (<u32>column >>> 1) * GOLDEN);
  for (let at = scratch; at < end; at += 32) {
    const word = mix4(words);
    const low = v128.and(i32x4.ge_s(v128.and(word, i32x4.splat(0xffff)), limit), kept);
    const high = v128.and(i32x4.ge_s(i32x4.shr_u(word, 16), limit), kept);
    v128.store(at, v128.shuffle<i32>(low, high, 0, 4, 1, 5));
    v128.store(at, v128.shuffle<i32>(low, high, 2, 6, 3, 7), 16);
    words = i32x4.add(words, i32x4.splat(4 * GOLDEN));
  }
  return scratch + (odd << 2);
}

/** What the words of eight columns are mixed from. */
@inline
function wordsFrom(first: u32): v128 {
  return i32x4.add(i32x4.splat(first), i32x4.mul(i32x4.splat(GOLDEN), i32x4(0, 1, 2, 3)));
}

/** lowbias32, as in src/core/rng.ts. */
function mix(x: u32): u32 {
  let h = (x ^ (x >>> 16)) * 0x7feb352d;
  h = (h ^ (h >>> 15)) * 0x846ca68b;
  return h ^ (h >>> 16);
}

@inline
function mix4(x: v128): v128 {
  let h = i32x4.mul(v128.xor(x, i32x4.shr_u(x, 16)), i32x4.splat(0x7feb352d));
  h = i32x4.mul(v128.xor(h, i32x4.shr_u(h, 15)), i32x4.splat(0x846ca68b));
  return v128.xor(h, i32x4.shr_u(h, 16));
}
