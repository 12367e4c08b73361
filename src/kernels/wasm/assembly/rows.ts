// Rows of a table by their number: lookup, and its gradient. A number that is none of the table's never reaches memory.
import { madd } from './math';

/**
 * y[i] = scale · table[rows[i]] + plus[i], for `count` rows of `width` values; `plus` may be 0, for nothing. Returns
 * the first i whose row the table does not have, where it stops, or -1.
 */
export function takeRows(
  table: usize,
  tableRows: i32,
  width: i32,
  rows: usize,
  count: i32,
  scale: f32,
  plus: usize,
  y: usize,
): i32 {
  const stride: usize = width << 2;
  const whole: usize = (width & ~3) << 2;
  const factor = f32x4.splat(scale);
  for (let i = 0; i < count; i++) {
    const row = load<i32>(rows + (i << 2));
    if (<u32>row >= <u32>tableRows) return i;
    const from = table + <usize>row * stride;
    let at: usize = 0;
    if (plus) {
      for (; at < whole; at += 16) v128.store(y + at, madd(factor, v128.load(from + at), v128.load(plus + at)));
      for (; at < stride; at += 4) store<f32>(y + at, scale * load<f32>(from + at) + load<f32>(plus + at));
      plus += stride;
    } else {
      for (; at < whole; at += 16) v128.store(y + at, f32x4.mul(factor, v128.load(from + at)));
      for (; at < stride; at += 4) store<f32>(y + at, scale * load<f32>(from + at));
    }
    y += stride;
  }
  return -1;
}

/** sums[rows[i]] += x[i] from sums of 0 on, for `count` rows of `width` values, in order; other segments are left out. */
export function sumRows(x: usize, rows: usize, count: i32, width: i32, sums: usize, sumCount: i32): void {
  const stride: usize = width << 2;
  const whole: usize = (width & ~3) << 2;
  memory.fill(sums, 0, <usize>sumCount * stride);
  for (let i = 0; i < count; i++) {
    const row = load<i32>(rows + (i << 2));
    if (<u32>row < <u32>sumCount) {
      const to = sums + <usize>row * stride;
      let at: usize = 0;
      for (; at < whole; at += 16) v128.store(to + at, f32x4.add(v128.load(to + at), v128.load(x + at)));
      for (; at < stride; at += 4) store<f32>(to + at, load<f32>(to + at) + load<f32>(x + at));
    }
    x += stride;
  }
}
