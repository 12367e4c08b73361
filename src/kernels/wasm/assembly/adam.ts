// One pass of Adam over a parameter: fifteen elementwise operations on values that are read and written once.
import { madd } from './math';

/**
 * m ← β1·m + (1-β1)·g, v ← β2·v + (1-β2)·g², value ← shrink·value - rate · m / (√v + epsilon), with g the gradient plus
 * l2·value. The new numbers go to `newValue`, `newM` and `newV`. With `max`, the largest v so far, that is divided by in
 * place of v, and goes to `newMax` (AMSGrad); 0 for none.
 */
export function adam(
  value: usize,
  gradient: usize,
  m: usize,
  v: usize,
  max: usize,
  newValue: usize,
  newM: usize,
  newV: usize,
  newMax: usize,
  count: usize,
  rate: f32,
  beta1: f32,
  rest1: f32,
  beta2: f32,
  rest2: f32,
  epsilon: f32,
  l2: f32,
  shrink: f32,
): void {
  const bytes = count << 2;
  const whole = bytes & ~15;
  let i: usize = 0;
  for (; i < whole; i += 16) {
    const w = v128.load(value + i);
    const g = madd(f32x4.splat(l2), w, v128.load(gradient + i));
    const mean = madd(f32x4.splat(rest1), g, f32x4.mul(f32x4.splat(beta1), v128.load(m + i)));
    const square = madd(f32x4.splat(rest2), f32x4.mul(g, g), f32x4.mul(f32x4.splat(beta2), v128.load(v + i)));
    let divisor = square;
    if (max) {
      divisor = f32x4.max(square, v128.load(max + i));
      v128.store(newMax + i, divisor);
    }
    const step = f32x4.div(mean, f32x4.add(f32x4.sqrt(divisor), f32x4.splat(epsilon)));
    v128.store(newM + i, mean);
    v128.store(newV + i, square);
    v128.store(newValue + i, madd(f32x4.splat(-rate), step, f32x4.mul(f32x4.splat(shrink), w)));
  }
  for (; i < bytes; i += 4) {
    const w = load<f32>(value + i);
    const g = load<f32>(gradient + i) + l2 * w;
    const mean = beta1 * load<f32>(m + i) + rest1 * g;
    const square = beta2 * load<f32>(v + i) + rest2 * (g * g);
    let divisor = square;
    if (max) {
      divisor = square > load<f32>(max + i) ? square : load<f32>(max + i);
      store<f32>(newMax + i, divisor);
    }
    store<f32>(newM + i, mean);
    store<f32>(newV + i, square);
    store<f32>(newValue + i, shrink * w - rate * (mean / (sqrt<f32>(divisor) + epsilon)));
  }
}
