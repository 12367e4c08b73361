// Sums that grow in place.

/** `sum` += `x`, value by value. */
export function addTo(sum: usize, x: usize, count: usize): void {
  const bytes = count << 2;
  const whole = bytes & ~15;
  let i: usize = 0;
  for (; i < whole; i += 16) v128.store(sum + i, f32x4.add(v128.load(sum + i), v128.load(x + i)));
  for (; i < bytes; i += 4) store<f32>(sum + i, load<f32>(sum + i) + load<f32>(x + i));
}
