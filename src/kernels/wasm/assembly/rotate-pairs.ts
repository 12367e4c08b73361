// Rotation of pairs of columns, for rotary positions.

/**
 * y: the columns 2i and 2i + 1 of each head of x, turned by the angle of their row. `turns` holds `width` values a row,
 * sines in even and cosines in odd columns, for each of the heads; `width` is even. `sign` -1 turns back.
 */
export function rotatePairs(
  x: usize,
  turns: usize,
  rows: i32,
  heads: i32,
  width: i32,
  sign: f32,
  y: usize,
): void {
  const stride: usize = width << 2;
  const whole: usize = (width & ~3) << 2;
  const signs = f32x4(-sign, sign, -sign, sign);
  for (let row = 0; row < rows; row++) {
    for (let head = 0; head < heads; head++) {
      let at: usize = 0;
      for (; at < whole; at += 16) {
        const pair = v128.load(x + at);
        const turn = v128.load(turns + at);
        const cos = v128.shuffle<f32>(turn, turn, 1, 1, 3, 3);
        const sin = f32x4.mul(v128.shuffle<f32>(turn, turn, 0, 0, 2, 2), signs);
        const swapped = v128.shuffle<f32>(pair, pair, 1, 0, 3, 2);
        v128.store(y + at, f32x4.add(f32x4.mul(pair, cos), f32x4.mul(swapped, sin)));
      }
      if (at < stride) {
        const a = load<f32>(x + at);
        const b = load<f32>(x + at, 4);
        const sin = sign * load<f32>(turns + at);
        const cos = load<f32>(turns + at, 4);
        store<f32>(y + at, a * cos - b * sin);
        store<f32>(y + at, b * cos + a * sin, 4);
      }
      x += stride;
      y += stride;
    }
    turns += stride;
  }
}
