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
    const statistics = statisticsOf(x, width, epsilon);
    const first = v128.shuffle<i32>(statistics, statistics, 0, 0, 0, 0);
    const second = v128.shuffle<i32>(statistics, statistics, 1, 1, 1, 1);
    const inverse = v128.shuffle<i32>(statistics, statistics, 2, 2, 2, 2);
    let at: usize = 0;
    for (; at < whole; at += 16) {
      const normal = normal4(v128.load(x + at), first, second, inverse);
      v128.store(y + at, madd(normal, v128.load(weight + at), v128.load(bias + at)));
    }
    for (; at < stride; at += 4) {
      store<f32>(y + at, normal1(load<f32>(x + at), statistics) * load<f32>(weight + at) + load<f32>(bias + at));
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
    const statistics = statisticsOf(x, width, epsilon);
    const first = v128.shuffle<i32>(statistics, statistics, 0, 0, 0, 0);
    const second = v128.shuffle<i32>(statistics, statistics, 1, 1, 1, 1);
    const inverse = v128.shuffle<i32>(statistics, statistics, 2, 2, 2, 2);
    // With g = dy · weight: dx = inverse · (g - mean(g) - normal · mean(g · normal)).
    let sums = f32x4.splat(0);
    let alongs = f32x4.splat(0);
    let at: usize = 0;
    for (; at < whole; at += 16) {
      const upstream = v128.load(dy + at);
      const normal = normal4(v128.load(x + at), first, second, inverse);
      v128.store(dx + at, normal);
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
      const normal = normal1(load<f32>(x + at), statistics);
      store<f32>(dx + at, normal);
      store<f32>(dWeight + at, upstream * normal + load<f32>(dWeight + at));
      store<f32>(dBias + at, upstream + load<f32>(dBias + at));
      const g = upstream * load<f32>(weight + at);
      sum += g;
      along += g * normal;
    }
    sum /= <f32>width;
    along /= <f32>width;
    const shift = f32x4.splat(-sum);
    const slope = f32x4.splat(-along);
    for (at = 0; at < whole; at += 16) {
      const centred = madd(v128.load(dy + at), v128.load(weight + at), shift);
      v128.store(dx + at, f32x4.mul(inverse, madd(v128.load(dx + at), slope, centred)));
    }
    for (; at < stride; at += 4) {
      const centred = load<f32>(dy + at) * load<f32>(weight + at) - sum;
      store<f32>(dx + at, f32x4.extract_lane(statistics, 2) * (centred - load<f32>(dx + at) * along));
    }
    x += stride;
    dy += stride;
    dx += stride;
  }
}

/**
 * The mean of a row in two parts, and 1 / √(variance + epsilon), in the first three lanes. In two parts, since the mean
 * of a constant row is off by a rounding, which an epsilon of 1e-12 would magnify 10^6 times.
 */
function statisticsOf(x: usize, width: i32, epsilon: f32): v128 {
  const end: usize = width << 2;
  const whole: usize = (width & ~3) << 2;
  // Two vectors at a time: an addition takes four cycles, and the next one waits for it.
  const pairs: usize = (width & ~7) << 2;
  let sums = f32x4.splat(0);
  let others = f32x4.splat(0);
  let at: usize = 0;
  for (; at < pairs; at += 32) {
    sums = f32x4.add(sums, v128.load(x + at));
    others = f32x4.add(others, v128.load(x + at, 16));
  }
  if (at < whole) {
    sums = f32x4.add(sums, v128.load(x + at));
    at += 16;
  }
  let sum = sumLanes(f32x4.add(sums, others));
  for (; at < end; at += 4) sum += load<f32>(x + at);
  const first = sum / <f32>width;

  const shift = f32x4.splat(first);
  let squares = f32x4.splat(0);
  let otherSquares = f32x4.splat(0);
  sums = f32x4.splat(0);
  others = f32x4.splat(0);
  for (at = 0; at < pairs; at += 32) {
    const value = f32x4.sub(v128.load(x + at), shift);
    const other = f32x4.sub(v128.load(x + at, 16), shift);
    sums = f32x4.add(sums, value);
    others = f32x4.add(others, other);
    squares = madd(value, value, squares);
    otherSquares = madd(other, other, otherSquares);
  }
  if (at < whole) {
    const value = f32x4.sub(v128.load(x + at), shift);
    sums = f32x4.add(sums, value);
    squares = madd(value, value, squares);
    at += 16;
  }
  sum = sumLanes(f32x4.add(sums, others));
  let square = sumLanes(f32x4.add(squares, otherSquares));
  for (; at < end; at += 4) {
    const value = load<f32>(x + at) - first;
    sum += value;
    square += value * value;
  }
  const second = sum / <f32>width;
  // The second part is a rounding of the first, so nothing is lost in this difference.
  const variance = max<f32>(square / <f32>width - second * second, 0);
  return f32x4(first, second, 1 / sqrt<f32>(variance + epsilon), 0);
}

@inline
function normal4(x: v128, first: v128, second: v128, inverse: v128): v128 {
  return f32x4.mul(f32x4.sub(f32x4.sub(x, first), second), inverse);
}

@inline
function normal1(x: f32, statistics: v128): f32 {
  const centred = x - f32x4.extract_lane(statistics, 0) - f32x4.extract_lane(statistics, 1);
  return centred * f32x4.extract_lane(statistics, 2);
}
