/** The product of a sparse matrix, given as edges, and rows. */
import { madd } from './math';

/** Adds weights[e] · x[from[e]] to y[to[e]] for every edge e; `width` values of rows that are `stride` bytes apart. */
export function neighborSums(
  x: usize,
  from: usize,
  to: usize,
  weights: usize,
  edges: i32,
  width: i32,
  stride: usize,
  y: usize,
): void {
  const whole: usize = (width & ~3) << 2;
  const end: usize = width << 2;
  for (let edge: usize = 0; edge < (<usize>edges) << 2; edge += 4) {
    const source = x + <usize>load<i32>(from + edge) * stride;
    const target = y + <usize>load<i32>(to + edge) * stride;
    const weight = load<f32>(weights + edge);
    const factor = f32x4.splat(weight);
    let j: usize = 0;
    for (; j < whole; j += 16) v128.store(target + j, madd(factor, v128.load(source + j), v128.load(target + j)));
    for (; j < end; j += 4) store<f32>(target + j, load<f32>(target + j) + weight * load<f32>(source + j));
  }
}
