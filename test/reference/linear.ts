/** Reference of `linear` and `product`. */
import { addTo, at } from './array.ts';

/** `a` [n, k] × `b` [k, m]. */
export function product(a: Float64Array, b: Float64Array, [n, k, m]: readonly [number, number, number]): Float64Array {
  const out = new Float64Array(n * m);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < m; j++) {
      for (let l = 0; l < k; l++) addTo(out, i * m + j, at(a, i * k + l) * at(b, l * m + j));
    }
  }
  return out;
}

/** `x` [n, width], `weight` [outputs, width], `bias` [outputs]. */
export function linear(
  x: Float64Array,
  weight: Float64Array,
  bias: Float64Array | undefined,
  width: number,
): Float64Array {
  const outputs = weight.length / width;
  const rows = x.length / width;
  const out = new Float64Array(rows * outputs);
  for (let i = 0; i < rows; i++) {
    for (let o = 0; o < outputs; o++) {
      let sum = bias ? at(bias, o) : 0;
      for (let j = 0; j < width; j++) sum += at(x, i * width + j) * at(weight, o * width + j);
      out[i * outputs + o] = sum;
    }
  }
  return out;
}
