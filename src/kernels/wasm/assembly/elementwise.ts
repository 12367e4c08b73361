// What TensorFlow.js computes in networks between our own kernels, so that a recording holds nothing else: the same bits.

/** out = x + y */
export function add(x: usize, y: usize, count: i32, out: usize): void {
  const whole: usize = (count & ~3) << 2;
  const end: usize = count << 2;
  let i: usize = 0;
  for (; i < whole; i += 16) v128.store(out + i, f32x4.add(v128.load(x + i), v128.load(y + i)));
  for (; i < end; i += 4) store<f32>(out + i, load<f32>(x + i) + load<f32>(y + i));
}

/** out = x · y */
export function multiply(x: usize, y: usize, count: i32, out: usize): void {
  const whole: usize = (count & ~3) << 2;
  const end: usize = count << 2;
  let i: usize = 0;
  for (; i < whole; i += 16) v128.store(out + i, f32x4.mul(v128.load(x + i), v128.load(y + i)));
  for (; i < end; i += 4) store<f32>(out + i, load<f32>(x + i) * load<f32>(y + i));
}
