// The rows of a softmax cross-entropy: from logits to the loss and to the loss's gradient by the logits, row by row, so
// that a row is still in the cache when it is needed again.
import { exp1, expNegative4, log1, madd, maxLanes, sumLanes } from './math';

/** Bytes of a row summed in single precision before the sum goes to a double, which keeps long rows exact. */
const BLOCK: usize = 4096;

/**
 * `loss` = the weighted sum of the rows' losses. With `gradient` ≠ 0 the logits are overwritten by the gradient
 * weight · (softmax - (1 - smoothing) [is target] - smoothing / items), else by numbers without a meaning.
 *
 * @param logits  [rows, items]
 * @param targets [rows], i32
 * @param weights [rows]
 */
export function softmaxRows(
  logits: usize,
  targets: usize,
  weights: usize,
  rows: i32,
  items: i32,
  smoothing: f32,
  gradient: i32,
  loss: usize,
): void {
  const bytes = (<usize>items) << 2;
  let sum: f64 = 0;
  for (let i = 0; i < rows; i++) {
    const target = logits + ((<usize>load<i32>(targets)) << 2);
    const weight = load<f32>(weights);
    const highest = rowMax(logits, bytes);
    let fit = <f64>(load<f32>(target) - highest);
    if (smoothing != 0) fit = (1 - <f64>smoothing) * fit + <f64>smoothing * meanAbove(logits, bytes, highest);
    const total = exponentials(logits, bytes, highest);
    sum += <f64>weight * (<f64>log1(<f32>total) - fit);
    if (gradient) {
      scaleRow(logits, bytes, <f32>(<f64>weight / total), (-weight * smoothing) / <f32>items);
      store<f32>(target, load<f32>(target) - weight * (1 - smoothing));
    }
    logits += bytes;
    targets += 4;
    weights += 4;
  }
  store<f32>(loss, <f32>sum);
}

/** A NaN may be passed over here: it will make the exponentials NaN. */
function rowMax(x: usize, bytes: usize): f32 {
  const four = bytes & ~63;
  let a = f32x4.splat(-Infinity);
  let b = a;
  let c = a;
  let d = a;
  let i: usize = 0;
  for (; i < four; i += 64) {
    a = f32x4.pmax(a, v128.load(x + i));
    b = f32x4.pmax(b, v128.load(x + i, 16));
    c = f32x4.pmax(c, v128.load(x + i, 32));
    d = f32x4.pmax(d, v128.load(x + i, 48));
  }
  let highest = maxLanes(f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, d)));
  for (; i < bytes; i += 4) highest = max(highest, load<f32>(x + i));
  return highest;
}

/** The mean of x - highest. */
function meanAbove(x: usize, bytes: usize, highest: f32): f64 {
  let sum: f64 = 0;
  for (let i: usize = 0; i < bytes; i += 4) sum += <f64>(load<f32>(x + i) - highest);
  return sum / <f64>(bytes >> 2);
}

/** x ← e^(x - highest); returns the sum. */
function exponentials(x: usize, bytes: usize, highest: f32): f64 {
  const shift = f32x4.splat(highest);
  const whole = bytes & ~15;
  let total: f64 = 0;
  let i: usize = 0;
  while (i < whole) {
    const end = min(i + BLOCK, whole);
    let sum = f32x4.splat(0);
    for (; i < end; i += 16) {
      const e = expNegative4(f32x4.sub(v128.load(x + i), shift));
      v128.store(x + i, e);
      sum = f32x4.add(sum, e);
    }
    total += <f64>sumLanes(sum);
  }
  for (; i < bytes; i += 4) {
    const e = exp1(load<f32>(x + i) - highest);
    store<f32>(x + i, e);
    total += <f64>e;
  }
  return total;
}

/** x ← factor · x + shift */
function scaleRow(x: usize, bytes: usize, factor: f32, shift: f32): void {
  const whole = bytes & ~15;
  let i: usize = 0;
  for (; i < whole; i += 16) {
    v128.store(x + i, madd(f32x4.splat(factor), v128.load(x + i), f32x4.splat(shift)));
  }
  for (; i < bytes; i += 4) store<f32>(x + i, factor * load<f32>(x + i) + shift);
}
