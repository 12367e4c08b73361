/** Reference of `attention`: one pair at a time, straight from the definition. */
import { addTo, at } from './array.ts';

/** Sequences laid end to end. */
export interface Rows {
  offsets: Int32Array;
  /** The position of each sequence's first row. */
  starts: Int32Array;
  /** Rows of the arrays; those past the last offset belong to no sequence. */
  capacity: number;
}

export interface AttentionCase {
  queries: Rows;
  keys: Rows;
  heads: number;
  width: number;
  causal: boolean;
  /** `[1 | heads, positions, positions]` */
  bias?: { values: Float64Array; positions: number } | undefined;
  /** What the weight of one pair is multiplied by after the softmax: dropout. */
  factor?: ((head: number, sequence: number, queryPosition: number, keyPosition: number) => number) | undefined;
}

export function attention(q: Float64Array, k: Float64Array, v: Float64Array, it: AttentionCase): Float64Array {
  const { heads, width, keys } = it;
  const size = width / heads;
  const out = new Float64Array(it.queries.capacity * width);
  forEachQuery(q, k, it, (head, b, row, position, weights) => {
    weights.forEach((weight, j) => {
      const key = at(keys.offsets, b) + j;
      const factor = it.factor?.(head, b, position, at(keys.starts, b) + j) ?? 1;
      for (let c = head * size; c < (head + 1) * size; c++)
        addTo(out, row * width + c, weight * factor * at(v, key * width + c));
    });
  });
  return out;
}

/** For each sequence the weights `[heads, queries, keys]`. */
export function attentionWeights(q: Float64Array, k: Float64Array, it: AttentionCase): Float64Array[] {
  const length = ({ offsets }: Rows, b: number) => at(offsets, b + 1) - at(offsets, b);
  const out = Array.from(it.queries.starts, (_, b) => {
    return new Float64Array(it.heads * length(it.queries, b) * length(it.keys, b));
  });
  forEachQuery(q, k, it, (head, b, row, _position, weights) => {
    const query = head * length(it.queries, b) + row - at(it.queries.offsets, b);
    out[b]?.set(weights, query * length(it.keys, b));
  });
  return out;
}

/** Visits each head and query row with the weights of the keys of its sequence, 0 for those it does not see. */
function forEachQuery(
  q: Float64Array,
  k: Float64Array,
  { queries, keys, heads, width, causal, bias }: AttentionCase,
  visit: (head: number, sequence: number, row: number, position: number, weights: number[]) => void,
): void {
  const size = width / heads;
  for (let b = 0; b + 1 < queries.offsets.length; b++) {
    for (let head = 0; head < heads; head++) {
      for (let row = at(queries.offsets, b); row < at(queries.offsets, b + 1); row++) {
        const position = at(queries.starts, b) + row - at(queries.offsets, b);
        const scores: number[] = [];
        for (let key = at(keys.offsets, b); key < at(keys.offsets, b + 1); key++) {
          const keyPosition = at(keys.starts, b) + key - at(keys.offsets, b);
          let score = 0;
          for (let c = head * size; c < (head + 1) * size; c++)
            score += at(q, row * width + c) * at(k, key * width + c);
          score /= Math.sqrt(size);
          if (bias) {
            const { values, positions } = bias;
            const table = values.length === positions ** 2 ? 0 : head;
            score += at(values, (table * positions + position) * positions + keyPosition);
          }
          scores.push(causal && keyPosition > position ? -Infinity : score);
        }
        const highest = Math.max(...scores);
        const exponentials = scores.map((score) => (score === -Infinity ? 0 : Math.exp(score - highest)));
        const total = exponentials.reduce((sum, value) => sum + value, 0);
        visit(
          head,
          b,
          row,
          position,
          exponentials.map((value) => (total > 0 ? value / total : 0)),
        );
      }
    }
  }
}
