// What the kernels share: multiply-add, sums over lanes, and e^x and ln x as polynomials (those of the standard library
// read tables, and a kernel may have no data of its own: it lives in the memory of tfjs-wasm).

/** a · b + c, in one rounding where the variant has relaxed SIMD. */
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** The sum of the four lanes. */
@inline
export function sumLanes(x: v128): f32 {
  return (
    f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3))
  );
}

/** The largest of the four lanes. */
@inline
export function maxLanes(x: v128): f32 {
  return max(
    max(f32x4.extract_lane(x, 0), f32x4.extract_lane(x, 1)),
    max(f32x4.extract_lane(x, 2), f32x4.extract_lane(x, 3)),
  );
}

// The numbers of the exponential, each in all lanes. As constants they would be built anew at every use, in several
// instructions, which took half of the time (V8). index.ts exports them, so that the compiler must take them for variables
// that somebody may set; a use is one load then.
export let log2e: v128 = f32x4(1.44269504, 1.44269504, 1.44269504, 1.44269504);
export let minusLn2High: v128 = f32x4(-0.693359375, -0.693359375, -0.693359375, -0.693359375);
export let minusLn2Low: v128 = f32x4(2.12194440e-4, 2.12194440e-4, 2.12194440e-4, 2.12194440e-4);
export let rounder: v128 = f32x4(12582912, 12582912, 12582912, 12582912);
export let lowest: v128 = f32x4(-87, -87, -87, -87);
export let term5: v128 = f32x4(8.290315e-3, 8.290315e-3, 8.290315e-3, 8.290315e-3);
export let term4: v128 = f32x4(4.189793e-2, 4.189793e-2, 4.189793e-2, 4.189793e-2);
export let term3: v128 = f32x4(1.6667636e-1, 1.6667636e-1, 1.6667636e-1, 1.6667636e-1);
export let term2: v128 = f32x4(4.9999151e-1, 4.9999151e-1, 4.9999151e-1, 4.9999151e-1);
export let term1: v128 = f32x4(9.9999970e-1, 9.9999970e-1, 9.9999970e-1, 9.9999970e-1);
export let term0: v128 = f32x4(1, 1, 1, 1);

/** e^x with a relative error below 3e-7; 0 below -87 or so, where it leaves the normal numbers, ∞ above 88.7; NaN stays. */
@inline
export function exp4(x: v128): v128 {
  // e^x = 2^n · e^r with |r| ≤ ln 2 / 2 (as in Cephes' expf). ln 2 is subtracted in two parts, the first of few bits, so that
  // n · part is exact.
  const limited = f32x4.min(f32x4.max(x, f32x4.splat(-87.3)), f32x4.splat(89));
  const n = f32x4.nearest(f32x4.mul(limited, log2e));
  let r = madd(n, minusLn2High, limited);
  r = madd(n, minusLn2Low, r);
  // Twice 2^(n/2): at n = 128 the exponent of 2^n itself would not fit.
  const whole = i32x4.trunc_sat_f32x4_s(n);
  const half = i32x4.shr_s(whole, 1);
  const scaled = f32x4.mul(f32x4.mul(expNear0(r), power4(half)), power4(i32x4.sub(whole, half)));
  return v128.andnot(scaled, f32x4.lt(x, f32x4.splat(-87.3)));
}

/**
 * e^x for x ≤ 0 with a relative error below 3e-7, in half the steps of {@link exp4}: for softmax, whose largest exponent
 * is 0. Below -87 it stays e^-87, about 1e-38; NaN stays.
 */
@inline
export function expNegative4(x: v128): v128 {
  // pmax(a, b) is a unless a < b, so a NaN stays.
  const limited = f32x4.pmax(x, lowest);
  // Adding 1.5 · 2^23 rounds to an integer and leaves it in the low bits.
  const rounded = madd(limited, log2e, rounder);
  const n = f32x4.sub(rounded, rounder);
  let r = madd(n, minusLn2High, limited);
  r = madd(n, minusLn2Low, r);
  // Adding n to the exponent's bits multiplies by 2^n.
  return i32x4.add(expNear0(r), i32x4.shl(rounded, 23));
}

/** e^x for |x| ≤ ln 2 / 2, by the polynomial of degree 5 whose largest relative error is smallest (9e-8); 1 at 0. */
@inline
function expNear0(x: v128): v128 {
  let p = madd(term5, x, term4);
  p = madd(p, x, term3);
  p = madd(p, x, term2);
  p = madd(p, x, term1);
  return madd(p, x, term0);
}

/** x above 0 and e^x - 1 below, with a small relative error also near 0; NaN stays. */
export function elu4(x: v128): v128 {
  const zero = f32x4.splat(0);
  const below = f32x4.pmin(x, zero);
  const far = f32x4.sub(expNegative4(below), f32x4.splat(1));
  let p = madd(term5, below, term4);
  p = madd(p, below, term3);
  p = madd(p, below, term2);
  p = madd(p, below, term1);
  const value = v128.bitselect(f32x4.mul(p, below), far, f32x4.gt(below, f32x4.splat(-0.34)));
  return v128.bitselect(x, value, f32x4.gt(x, zero));
}

/** 2^n for integers -126 … 127. */
@inline
function power4(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23);
}

/** 1 / (1 + e^-x), from the exponential that is at most 1. */
@inline
export function sigmoid4(x: v128): v128 {
  const one = f32x4.splat(1);
  const e = expNegative4(f32x4.neg(f32x4.abs(x)));
  return f32x4.div(v128.bitselect(e, one, f32x4.lt(x, f32x4.splat(0))), f32x4.add(one, e));
}

/** {@link exp4} of one number. */
export function exp1(x: f32): f32 {
  return f32x4.extract_lane(exp4(f32x4.splat(x)), 0);
}

/** ln x with an error below 2e-7 (relative, or absolute near 1) for normal x > 0. */
export function log1(x: f32): f32 {
  // x = 2^e · m with √½ < m ≤ √2, and ln m = 2 artanh(s) with s = (m - 1) / (m + 1), |s| < 0.172.
  const bits = reinterpret<i32>(x);
  let e = (bits >> 23) - 127;
  let m = reinterpret<f32>((bits & 0x7fffff) | 0x3f800000);
  if (m > <f32>Math.SQRT2) {
    m *= 0.5;
    e++;
  }
  const s = (m - 1) / (m + 1);
  const q = s * s;
  const series: f32 = q * (0.333333333 + q * (0.2 + q * (0.142857143 + q * 0.111111111)));
  return <f32>e * <f32>Math.LN2 + 2 * (s + s * series);
}
