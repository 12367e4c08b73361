/** Reference of `AttentionPooling`: one row at a time. */
import { addTo, at } from './array.ts';
import { linear } from './linear.ts';

export interface PoolingCase {
  /** Where each sequence begins, and the end. */
  offsets: Int32Array;
  width: number;
  activation: (x: number) => number;
  softmax: boolean;
}

export interface PoolingWeights {
  key: { weight: Float64Array; bias: Float64Array };
  query?: { weight: Float64Array; bias: Float64Array; row: Float64Array } | undefined;
  score: Float64Array;
}

/** `x` [N or more, D]; the query has a row for each sequence → [B, D] */
export function attentionPooling(
  x: Float64Array,
  { key, query, score }: PoolingWeights,
  { offsets, width, activation, softmax }: PoolingCase,
): Float64Array {
  const keys = linear(x, key.weight, key.bias, width);
  const asked = query && linear(query.row, query.weight, query.bias, width);
  const out = new Float64Array((offsets.length - 1) * width);
  for (let b = 0; b + 1 < offsets.length; b++) {
    const rows = Array.from({ length: at(offsets, b + 1) - at(offsets, b) }, (_, i) => at(offsets, b) + i);
    let weights = rows.map((row) => {
      let sum = 0;
      for (let j = 0; j < width; j++) {
        sum += at(score, j) * activation(at(keys, row * width + j) + (asked ? at(asked, b * width + j) : 0));
      }
      return sum;
    });
    if (softmax) {
      const powers = weights.map((weight) => Math.exp(weight - Math.max(...weights)));
      weights = powers.map((power) => power / powers.reduce((sum, p) => sum + p, 0));
    }
    rows.forEach((row, i) => {
      for (let j = 0; j < width; j++) addTo(out, b * width + j, at(weights, i) * at(x, row * width + j));
    });
  }
  return out;
}
