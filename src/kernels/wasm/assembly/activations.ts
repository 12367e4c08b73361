// Activation functions y = f(x) for `count` values, where y may be x, and their gradients dx = dy · f'(x).
import { expNegative4, madd, sigmoid4 } from './math';

export function relu(x: usize, count: i32, y: usize): void {
  const whole: usize = (count & ~3) << 2;
  const end: usize = count << 2;
  let at: usize = 0;
  // pmax(a, b) is a unless a < b, so a NaN stays.
  for (; at < whole; at += 16) v128.store(y + at, f32x4.pmax(v128.load(x + at), f32x4.splat(0)));
  for (; at < end; at += 4) {
    v128.store_lane<f32>(y + at, f32x4.pmax(v128.load_splat<f32>(x + at), f32x4.splat(0)), 0);
  }
}

/** `x` may also be the results: they are above 0 where their arguments are. */
export function reluGradient(x: usize, dy: usize, count: i32, dx: usize): void {
  const whole: usize = (count & ~3) << 2;
  const end: usize = count << 2;
  let at: usize = 0;
  for (; at < whole; at += 16) {
    v128.store(dx + at, v128.and(v128.load(dy + at), f32x4.gt(v128.load(x + at), f32x4.splat(0))));
  }
  for (; at < end; at += 4) store<f32>(dx + at, load<f32>(x + at) > 0 ? load<f32>(dy + at) : 0);
}

/** x σ(x) */
export function silu(x: usize, count: i32, y: usize): void {
  siluOrGradient(x, 0, count, y);
}

export function siluGradient(x: usize, dy: usize, count: i32, dx: usize): void {
  siluOrGradient(x, dy, count, dx);
}

/** The function, or its gradient if there is `dy`. One loop, four values or one at a time, keeps the module small. */
function siluOrGradient(x: usize, dy: usize, count: i32, to: usize): void {
  const whole: usize = (count & ~3) << 2;
  const end: usize = count << 2;
  for (let at: usize = 0; at < end; ) {
    const four = at < whole;
    const value = four ? v128.load(x + at) : v128.load_splat<f32>(x + at);
    const s = sigmoid4(value);
    let result = f32x4.mul(value, s);
    if (dy) {
      const upstream = four ? v128.load(dy + at) : v128.load_splat<f32>(dy + at);
      // σ + x σ (1 - σ)
      result = f32x4.mul(upstream, madd(result, f32x4.sub(f32x4.splat(1), s), s));
    }
    if (four) v128.store(to + at, result);
    else v128.store_lane<f32>(to + at, result, 0);
    at += four ? 16 : 4;
  }
}

/** x Φ(x) with the normal distribution function Φ. */
export function gelu(x: usize, count: i32, y: usize): void {
  const whole: usize = (count & ~3) << 2;
  const end: usize = count << 2;
  let at: usize = 0;
  for (; at < whole; at += 16) v128.store(y + at, gelu4(v128.load(x + at)));
  for (; at < end; at += 4) v128.store_lane<f32>(y + at, gelu4(v128.load_splat<f32>(x + at)), 0);
}

export function geluGradient(x: usize, dy: usize, count: i32, dx: usize): void {
  const whole: usize = (count & ~3) << 2;
  const end: usize = count << 2;
  let at: usize = 0;
  for (; at < whole; at += 16) {
    v128.store(dx + at, f32x4.mul(v128.load(dy + at), slope4(v128.load(x + at))));
  }
  for (; at < end; at += 4) {
    const slope = slope4(v128.load_splat<f32>(x + at));
    store<f32>(dx + at, load<f32>(dy + at) * f32x4.extract_lane(slope, 0));
  }
}

function gelu4(x: v128): v128 {
  return f32x4.mul(x, normalCdf(x, expNegative4(f32x4.mul(f32x4.mul(x, x), f32x4.splat(-0.5)))));
}

function slope4(x: v128): v128 {
  const bell = expNegative4(f32x4.mul(f32x4.mul(x, x), f32x4.splat(-0.5)));
  // 1 / √(2π) · e^(-x² / 2) is the density.
  return madd(f32x4.mul(x, f32x4.splat(0.39894228)), bell, normalCdf(x, bell));
}

/** Φ(x), given e^(-x² / 2), to 1e-7 (Abramowitz & Stegun, 7.1.26, for the tail that is below ½). */
@inline
function normalCdf(x: v128, bell: v128): v128 {
  const one = f32x4.splat(1);
  // 0.3275911 / √2
  const t = f32x4.div(one, madd(f32x4.abs(x), f32x4.splat(0.231641888), one));
  // Half the coefficients of erfc.
  let p = f32x4.splat(0.5307027145);
  p = madd(p, t, f32x4.splat(-0.7265760135));
  p = madd(p, t, f32x4.splat(0.7107068705));
  p = madd(p, t, f32x4.splat(-0.142248368));
  p = madd(p, t, f32x4.splat(0.127414796));
  const tail = f32x4.mul(f32x4.mul(p, t), bell);
  return v128.bitselect(tail, f32x4.sub(one, tail), f32x4.lt(x, f32x4.splat(0)));
}
