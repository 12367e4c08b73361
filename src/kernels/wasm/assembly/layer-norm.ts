// Layer normalisation, row by row, any width D: four columns at a time, then the last D mod 4 one by one.
import { madd, sumLanes } from './math';

/** y = normal(x) · weight + bias for `rows` rows of `width` values. */
export function layerNormForward(
  x: usize,
  rows: i32,
  width: i32,
  weight: usize,
  bias: usize,
  epsilon: f32,
  y: usize,
): void {
  const stride: usize = width << 2;
  const whole: usize = (width & ~3) << 2;
  for (let row = 0; row < rows; row++) {
    normaliseRow(x, width, epsilon, y);
    let at: usize = 0;
    for (; at < whole; at += 16) {
      v128.store(y + at, madd(v128.load(y + at), v128.load(weight + at), v128.load(bias + at)));
    }
    for (; at < stride; at += 4) {
      store<f32>(y + at, load<f32>(y + at) * load<f32>(weight + at) + load<f32>(bias + at));
    }
    x += stride;
    y += stride;
  }
}

/** The gradients by x (`rows` rows), weight and bias (one row each); x is normalised again. */
export function layerNormBackward(
  x: usize,
  rows: i32,
  width: i32,
  weight: usize,
  epsilon: f32,
  dy: usize,
  dx: usize,
  dWeight: usize,
  dBias: usize,
): void {
  const stride: usize = width << 2;
  const whole: usize = (width & ~3) << 2;
  memory.fill(dWeight, 0, stride);
  memory.fill(dBias, 0, stride);
  for (let row = 0; row < rows; row++) {
    // With g = dy · weight: dx = inverse · (g - mean(g) - normal · mean(g · normal)). dx holds the normalised row first.
    const inverse = normaliseRow(x, width, epsilon, dx);
    let sums = f32x4.splat(0);
    let alongs = f32x4.splat(0);
    let at: usize = 0;
    for (; at < whole; at += 16) {
      const upstream = v128.load(dy + at);
      const normal = v128.load(dx + at);
      v128.store(dWeight + at, madd(upstream, normal, v128.load(dWeight + at)));
      v128.store(dBias + at, f32x4.add(upstream, v128.load(dBias + at)));
      const g = f32x4.mul(upstream, v128.load(weight + at));
      sums = f32x4.add(sums, g);
      alongs = madd(g, normal, alongs);
    }
    let sum = sumLanes(sums);
    let along = sumLanes(alongs);
    for (; at < stride; at += 4) {
      const upstream = load<f32>(dy + at);
      const normal = load<f32>(dx + at);
      store<f32>(dWeight + at, upstream * normal + load<f32>(dWeight + at));
      store<f32>(dBias + at, upstream + load<f32>(dBias + at));
      const g = upstream * load<f32>(weight + at);
      sum += g;
      along += g * normal;
    }
    sum /= <f32>width;
    along /= <f32>width;
    const inverses = f32x4.splat(inverse);
    const shift = f32x4.splat(-sum);
    const slope = f32x4.splat(-along);
    for (at = 0; at < whole; at += 16) {
      const centred = madd(v128.load(dy + at), v128.load(weight + at), shift);
      v128.store(dx + at, f32x4.mul(inverses, madd(v128.load(dx + at), slope, centred)));
    }
    for (; at < stride; at += 4) {
      const centred = load<f32>(dy + at) * load<f32>(weight + at) - sum;
      store<f32>(dx + at, inverse * (centred - load<f32>(dx + at) * along));
    }
    x += stride;
    dy += stride;
    dx += stride;
  }
}

/** Writes (x - mean) · inverse to `out` and returns inverse = 1 / √(variance + epsilon). */
function normaliseRow(x: usize, width: i32, epsilon: f32, out: usize): f32 {
  const end: usize = width << 2;
  const whole: usize = (width & ~3) << 2;
  // Centred twice: the mean of a constant row is off by a rounding, which an epsilon of 1e-12 would magnify 10^6 times.
  const first = meanOf(x, width);
  const firsts = f32x4.splat(first);
  let at: usize = 0;
  for (; at < whole; at += 16) v128.store(out + at, f32x4.sub(v128.load(x + at), firsts));
  for (; at < end; at += 4) store<f32>(out + at, load<f32>(x + at) - first);

  const second = meanOf(out, width);
  const seconds = f32x4.splat(second);
  let squares = f32x4.splat(0);
  for (at = 0; at < whole; at += 16) {
    const centred = f32x4.sub(v128.load(out + at), seconds);
    squares = madd(centred, centred, squares);
    v128.store(out + at, centred);
  }
  let square = sumLanes(squares);
  for (; at < end; at += 4) {
    const centred = load<f32>(out + at) - second;
    square += centred * centred;
    store<f32>(out + at, centred);
  }

  const inverse: f32 = 1 / sqrt<f32>(square / <f32>width + epsilon);
  const inverses = f32x4.splat(inverse);
  for (at = 0; at < whole; at += 16) v128.store(out + at, f32x4.mul(v128.load(out + at), inverses));
  for (; at < end; at += 4) store<f32>(out + at, load<f32>(out + at) * inverse);
  return inverse;
}

function meanOf(x: usize, width: i32): f32 {
  const end: usize = width << 2;
  const whole: usize = (width & ~3) << 2;
  let sums = f32x4.splat(0);
  let at: usize = 0;
  for (; at < whole; at += 16) sums = f32x4.add(sums, v128.load(x + at));
  let sum = sumLanes(sums);
  for (; at < end; at += 4) sum += load<f32>(x + at);
  return sum / <f32>width;
}
