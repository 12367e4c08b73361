/** Reference of `layerNorm`. */
import { at } from './array.ts';

export function layerNorm(x: Float64Array, weight: Float64Array, bias: Float64Array, epsilon: number): Float64Array {
  const width = weight.length;
  const out = new Float64Array(x.length);
  for (let row = 0; row < x.length; row += width) {
    const values = x.subarray(row, row + width);
    const mean = values.reduce((sum, value) => sum + value, 0) / width;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width;
    for (let j = 0; j < width; j++) {
      out[row + j] = ((at(values, j) - mean) / Math.sqrt(variance + epsilon)) * at(weight, j) + at(bias, j);
    }
  }
  return out;
}
