// The sum of squares of a tensor, for norms.

/** `sum` = x₀² + x₁² + …, added in double precision. */
export function sumOfSquares(x: usize, count: usize, sum: usize): void {
  const bytes = count << 2;
  const whole = bytes & ~15;
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  let i: usize = 0;
  for (; i < whole; i += 16) {
    const four = v128.load(x + i);
    const a = f64x2.promote_low_f32x4(four);
    const b = f64x2.promote_low_f32x4(v128.shuffle<u64>(four, four, 1, 1));
    low = f64x2.add(low, f64x2.mul(a, a));
    high = f64x2.add(high, f64x2.mul(b, b));
  }
  const both = f64x2.add(low, high);
  let total = f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1);
  for (; i < bytes; i += 4) {
    const one = <f64>load<f32>(x + i);
    total += one * one;
  }
  store<f32>(sum, <f32>total);
}
