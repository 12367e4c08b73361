// Layer normalisation of rows of any width D: four columns at a time, then the last D mod 4 one by one.
//
// The mean of a row is kept in two parts, since that of a constant row is off by a rounding, which an epsilon of 1e-12
// would magnify 10^6 times.
import { madd, sumLanes } from './math';

/** Bytes of the statistics of four rows: first and second parts of their means, and 1 / √(variance + epsilon). */
const GROUP: usize = 48;

/**
 * y = normal(x) · weight + bias for `rows` rows of `width` values. `statistics` holds 12 numbers for every four rows, which
 * the backward pass reads.
 */
export function layerNormForward(
  x: usize,
  rows: i32,
  width: i32,
  weight: usize,
  bias: usize,
  epsilon: f32,
  y: usize,
  statistics: usize,
): void {
  const stride: usize = width << 2;
  const whole: usize = (width & ~3) << 2;
  for (let row = 0; row < rows; row += 4) {
    const here = min(4, rows - row);
    writeStatistics(x, here, width, epsilon, statistics);
    for (let r = 0; r < here; r++) {
      const first = v128.load_splat<f32>(statistics + (r << 2));
      const inverse = v128.load_splat<f32>(statistics + (r << 2), 32);
      const shift = f32x4.mul(v128.load_splat<f32>(statistics + (r << 2), 16), f32x4.neg(inverse));
      let at: usize = 0;
      for (; at < whole; at += 16) {
        const normal = madd(f32x4.sub(v128.load(x + at), first), inverse, shift);
        v128.store(y + at, madd(normal, v128.load(weight + at), v128.load(bias + at)));
      }
      for (; at < stride; at += 4) {
        const normal = normal1(load<f32>(x + at), first, inverse, shift);
        store<f32>(y + at, normal * load<f32>(weight + at) + load<f32>(bias + at));
      }
      x += stride;
      y += stride;
    }
    statistics += GROUP;
  }
}

/**
 * The gradients by x (`rows` rows), weight and bias (one row each), with the `statistics` of the forward pass. `scratch`
 * holds two rows.
 */
export function layerNormBackward(
  x: usize,
  rows: i32,
  width: i32,
  weight: usize,
  statistics: usize,
  dy: usize,
  dx: usize,
  dWeight: usize,
  dBias: usize,
  scratch: usize,
): void {
  const stride: usize = width << 2;
  memory.fill(dWeight, 0, stride);
  memory.fill(dBias, 0, stride);
  memory.fill(scratch, 0, stride);
  for (let row = 0; row < rows; row += 2) {
    // Two rows at a time, which halves the traffic to dWeight and dBias; the partner of an odd last row is one of zeros.
    const both = row + 1 < rows;
    const here = statistics + <usize>(row >> 2) * GROUP + ((row & 2) << 2);
    backwardPair(
      x,
      both ? x + stride : x,
      width,
      weight,
      here,
      dy,
      both ? dy + stride : scratch,
      dx,
      both ? dx + stride : scratch + stride,
      dWeight,
      dBias,
    );
    x += 2 * stride;
    dy += 2 * stride;
    dx += 2 * stride;
  }
}

/** With g = dy · weight: dx = inverse · (g - mean(g) - normal · mean(g · normal)). */
function backwardPair(
  x0: usize,
  x1: usize,
  width: i32,
  weight: usize,
  statistics: usize,
  dy0: usize,
  dy1: usize,
  dx0: usize,
  dx1: usize,
  dWeight: usize,
  dBias: usize,
): void {
  const stride: usize = width << 2;
  const whole: usize = (width & ~3) << 2;
  const first0 = v128.load_splat<f32>(statistics);
  const first1 = v128.load_splat<f32>(statistics, 4);
  const inverse0 = v128.load_splat<f32>(statistics, 32);
  const inverse1 = v128.load_splat<f32>(statistics, 36);
  const shift0 = f32x4.mul(v128.load_splat<f32>(statistics, 16), f32x4.neg(inverse0));
  const shift1 = f32x4.mul(v128.load_splat<f32>(statistics, 20), f32x4.neg(inverse1));

  let sums0 = f32x4.splat(0);
  let sums1 = sums0;
  let alongs0 = sums0;
  let alongs1 = sums0;
  let at: usize = 0;
  for (; at < whole; at += 16) {
    const scale = v128.load(weight + at);
    let g = f32x4.mul(v128.load(dy0 + at), scale);
    sums0 = f32x4.add(sums0, g);
    alongs0 = madd(g, madd(f32x4.sub(v128.load(x0 + at), first0), inverse0, shift0), alongs0);
    g = f32x4.mul(v128.load(dy1 + at), scale);
    sums1 = f32x4.add(sums1, g);
    alongs1 = madd(g, madd(f32x4.sub(v128.load(x1 + at), first1), inverse1, shift1), alongs1);
  }
  let sum0 = sumLanes(sums0);
  let sum1 = sumLanes(sums1);
  let along0 = sumLanes(alongs0);
  let along1 = sumLanes(alongs1);
  for (; at < stride; at += 4) {
    const scale = load<f32>(weight + at);
    const g0 = load<f32>(dy0 + at) * scale;
    const g1 = load<f32>(dy1 + at) * scale;
    sum0 += g0;
    sum1 += g1;
    along0 += g0 * normal1(load<f32>(x0 + at), first0, inverse0, shift0);
    along1 += g1 * normal1(load<f32>(x1 + at), first1, inverse1, shift1);
  }

  const mean0 = f32x4.splat(-sum0 / <f32>width);
  const mean1 = f32x4.splat(-sum1 / <f32>width);
  const slope0 = f32x4.splat(-along0 / <f32>width);
  const slope1 = f32x4.splat(-along1 / <f32>width);
  for (at = 0; at < whole; at += 16) {
    const scale = v128.load(weight + at);
    let upstream = v128.load(dy0 + at);
    let normal = madd(f32x4.sub(v128.load(x0 + at), first0), inverse0, shift0);
    let weights = madd(upstream, normal, v128.load(dWeight + at));
    let biases = f32x4.add(upstream, v128.load(dBias + at));
    v128.store(dx0 + at, f32x4.mul(inverse0, madd(normal, slope0, madd(upstream, scale, mean0))));
    upstream = v128.load(dy1 + at);
    normal = madd(f32x4.sub(v128.load(x1 + at), first1), inverse1, shift1);
    weights = madd(upstream, normal, weights);
    biases = f32x4.add(upstream, biases);
    v128.store(dx1 + at, f32x4.mul(inverse1, madd(normal, slope1, madd(upstream, scale, mean1))));
    v128.store(dWeight + at, weights);
    v128.store(dBias + at, biases);
  }
  for (; at < stride; at += 4) {
    const scale = load<f32>(weight + at);
    const up0 = load<f32>(dy0 + at);
    const up1 = load<f32>(dy1 + at);
    const n0 = normal1(load<f32>(x0 + at), first0, inverse0, shift0);
    const n1 = normal1(load<f32>(x1 + at), first1, inverse1, shift1);
    store<f32>(dWeight + at, load<f32>(dWeight + at) + up0 * n0 + up1 * n1);
    store<f32>(dBias + at, load<f32>(dBias + at) + up0 + up1);
    store<f32>(dx0 + at, lane0(inverse0) * (up0 * scale + lane0(mean0) + n0 * lane0(slope0)));
    store<f32>(dx1 + at, lane0(inverse1) * (up1 * scale + lane0(mean1) + n1 * lane0(slope1)));
  }
}

/** Four rows at a time, one in each lane, so that none waits for the sums and roots of another. */
function writeStatistics(x: usize, rows: i32, width: i32, epsilon: f32, statistics: usize): void {
  const stride: usize = width << 2;
  const whole: usize = (width & ~3) << 2;
  const count = f32x4.splat(<f32>width);
  // Lanes of rows that there are not repeat the last one.
  const x1 = x + <usize>min(1, rows - 1) * stride;
  const x2 = x + <usize>min(2, rows - 1) * stride;
  const x3 = x + <usize>min(3, rows - 1) * stride;

  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  let at: usize = 0;
  for (; at < whole; at += 16) {
    s0 = f32x4.add(s0, v128.load(x + at));
    s1 = f32x4.add(s1, v128.load(x1 + at));
    s2 = f32x4.add(s2, v128.load(x2 + at));
    s3 = f32x4.add(s3, v128.load(x3 + at));
  }
  let sums = sumRows(s0, s1, s2, s3);
  for (; at < stride; at += 4) sums = f32x4.add(sums, column(x + at, x1 + at, x2 + at, x3 + at));
  const first = f32x4.div(sums, count);

  const first0 = v128.shuffle<i32>(first, first, 0, 0, 0, 0);
  const first1 = v128.shuffle<i32>(first, first, 1, 1, 1, 1);
  const first2 = v128.shuffle<i32>(first, first, 2, 2, 2, 2);
  const first3 = v128.shuffle<i32>(first, first, 3, 3, 3, 3);
  s0 = f32x4.splat(0);
  s1 = s0;
  s2 = s0;
  s3 = s0;
  let q0 = s0;
  let q1 = s0;
  let q2 = s0;
  let q3 = s0;
  for (at = 0; at < whole; at += 16) {
    let value = f32x4.sub(v128.load(x + at), first0);
    s0 = f32x4.add(s0, value);
    q0 = madd(value, value, q0);
    value = f32x4.sub(v128.load(x1 + at), first1);
    s1 = f32x4.add(s1, value);
    q1 = madd(value, value, q1);
    value = f32x4.sub(v128.load(x2 + at), first2);
    s2 = f32x4.add(s2, value);
    q2 = madd(value, value, q2);
    value = f32x4.sub(v128.load(x3 + at), first3);
    s3 = f32x4.add(s3, value);
    q3 = madd(value, value, q3);
  }
  sums = sumRows(s0, s1, s2, s3);
  let squares = sumRows(q0, q1, q2, q3);
  for (; at < stride; at += 4) {
    const value = f32x4.sub(column(x + at, x1 + at, x2 + at, x3 + at), first);
    sums = f32x4.add(sums, value);
    squares = madd(value, value, squares);
  }
  const second = f32x4.div(sums, count);
  // The second part is a rounding of the first, so nothing is lost in this difference.
  const difference = f32x4.sub(f32x4.div(squares, count), f32x4.mul(second, second));
  const variance = f32x4.max(difference, f32x4.splat(0));
  v128.store(statistics, first);
  v128.store(statistics, second, 16);
  v128.store(statistics, f32x4.div(f32x4.splat(1), f32x4.sqrt(f32x4.add(variance, f32x4.splat(epsilon)))), 32);
}

/** The sums of four vectors, one in each lane. */
@inline
function sumRows(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<i64>(ab, cd, 0, 2), v128.shuffle<i64>(ab, cd, 1, 3));
}

/** One value of each of four rows. */
@inline
function column(a: usize, b: usize, c: usize, d: usize): v128 {
  let x = v128.load_splat<f32>(a);
  x = v128.load_lane<f32>(b, x, 1);
  x = v128.load_lane<f32>(c, x, 2);
  return v128.load_lane<f32>(d, x, 3);
}

@inline
function lane0(x: v128): f32 {
  return f32x4.extract_lane(x, 0);
}

@inline
function normal1(x: f32, first: v128, inverse: v128, shift: v128): f32 {
  return (x - lane0(first)) * lane0(inverse) + lane0(shift);
}
