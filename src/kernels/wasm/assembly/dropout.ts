// Dropout masks from the counter hash of src/ops/dropout.ts, bit for bit.

const GOLDEN: u32 = 0x9e3779b9;
const POSITION: u32 = 0x85ebca6b;

/**
 * y = x · mask for `rows` rows of `columns` values. `sequences` and `positions` hold each row's sequence and position;
 * if they are 0, rows are the positions of sequence 0. `scratch` holds columns + 16 floats.
 */
export function dropout(
  x: usize,
  rows: i32,
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
  const whole: usize = (columns & ~3) << 2;
  for (let row = 0; row < rows; row++) {
    const sequence = sequences ? firstSequence + load<i32>(sequences + (row << 2)) : 0;
    const position = positions ? load<i32>(positions + (row << 2)) : row;
    const mask = dropoutMask(scratch, dropoutRow(low, high, sequence, position), 0, columns, threshold, scale);
    let at: usize = 0;
    for (; at < whole; at += 16) v128.store(y + at, f32x4.mul(v128.load(x + at), v128.load(mask + at)));
    for (; at < stride; at += 4) store<f32>(y + at, load<f32>(x + at) * load<f32>(mask + at));
    x += stride;
    y += stride;
  }
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
  let words = i32x4.add(i32x4.splat(row + (<u32>column >>> 1) * GOLDEN), i32x4.mul(i32x4.splat(GOLDEN), i32x4(0, 1, 2, 3)));
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
