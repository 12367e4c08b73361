// Rows of length 1, and shares over the rows of a sequence.
import { elu4, expNegative4, madd, sumLanes } from './math';

/** Below this a row is divided by it instead of by its length. */
const EPSILON: f32 = 1e-12;

/** y = x over its length, or `elu` of x over the length of that, for rows of `width` values; and the `lengths`. */
export function normalizeRows(x: usize, rows: i32, width: i32, elu: bool, y: usize, lengths: usize): void {
  const stride: usize = width << 2;
  const whole: usize = (width & ~3) << 2;
  for (let row = 0; row < rows; row++) {
    let sums = f32x4.splat(0);
    let rest = sums;
    for (let at: usize = 0; at < stride; ) {
      const four = at < whole;
      let value = four ? v128.load(x + at) : v128.load_splat<f32>(x + at);
      if (elu) value = elu4(value);
      if (four) {
        v128.store(y + at, value);
        sums = madd(value, value, sums);
      } else {
        v128.store_lane<f32>(y + at, value, 0);
        rest = madd(value, value, rest);
      }
      at += four ? 16 : 4;
    }
    const length = max(sqrt<f32>(sumLanes(sums) + f32x4.extract_lane(rest, 0)), EPSILON);
    store<f32>(lengths + (row << 2), length);
    const factor: f32 = 1 / length;
    let at: usize = 0;
    for (; at < whole; at += 16) v128.store(y + at, f32x4.mul(v128.load(y + at), f32x4.splat(factor)));
    for (; at < stride; at += 4) store<f32>(y + at, load<f32>(y + at) * factor);
    x += stride;
    y += stride;
  }
}

/** The gradient by x, of the results and the lengths. */
export function normalizeRowsGradient(
  y: usize,
  lengths: usize,
  dy: usize,
  rows: i32,
  width: i32,
  elu: bool,
  dx: usize,
): void {
  const stride: usize = width << 2;
  const whole: usize = (width & ~3) << 2;
  const one = f32x4.splat(1);
  for (let row = 0; row < rows; row++) {
    let sums = f32x4.splat(0);
    let at: usize = 0;
    for (; at < whole; at += 16) sums = madd(v128.load(y + at), v128.load(dy + at), sums);
    let along = sumLanes(sums);
    for (; at < stride; at += 4) along += load<f32>(y + at) * load<f32>(dy + at);
    const length = load<f32>(lengths + (row << 2));
    for (at = 0; at < whole; at += 16) {
      const value = v128.load(y + at);
      const across = f32x4.sub(v128.load(dy + at), f32x4.mul(value, f32x4.splat(along)));
      // The slope of elu is 1 above 0 and elu + 1 below.
      const slope = elu ? madd(f32x4.pmin(value, f32x4.splat(0)), f32x4.splat(length), one) : one;
      v128.store(dx + at, f32x4.mul(f32x4.div(across, f32x4.splat(length)), slope));
    }
    for (; at < stride; at += 4) {
      const value = load<f32>(y + at);
      const slope: f32 = elu ? min(value, 0) * length + 1 : 1;
      store<f32>(dx + at, ((load<f32>(dy + at) - value * along) / length) * slope);
    }
    y += stride;
    dy += stride;
    dx += stride;
  }
}

/**
 * Every column of every sequence made positive with the sum 1; at least 4 `columns`. The sequences are those of `offsets`,
 * `count` + 1 values.
 */
export function softmaxOverTime(x: usize, offsets: usize, count: i32, columns: i32, y: usize): void {
  const stride: usize = columns << 2;
  for (let b = 0; b < count; b++) {
    const begin = <usize>load<i32>(offsets + (b << 2)) * stride;
    const end = <usize>load<i32>(offsets + (b << 2), 4) * stride;
    for (let column = 0; column < columns; column += 4) {
      // The last four columns may be some of those before.
      const shift: usize = min(column, columns - 4) << 2;
      let largest = f32x4.splat(-Infinity);
      for (let at = begin + shift; at < end; at += stride) largest = f32x4.pmax(largest, v128.load(x + at));
      let sums = f32x4.splat(0);
      for (let at = begin + shift; at < end; at += stride) {
        const power = expNegative4(f32x4.sub(v128.load(x + at), largest));
        sums = f32x4.add(sums, power);
        v128.store(y + at, power);
      }
      const factor = f32x4.div(f32x4.splat(1), sums);
      for (let at = begin + shift; at < end; at += stride) v128.store(y + at, f32x4.mul(v128.load(y + at), factor));
    }
  }
}
