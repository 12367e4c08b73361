/** References of Caser's convolutions: one window, one filter at a time. */
import { at } from './array.ts';

export interface WindowCase {
  /** Events of a window, L. */
  length: number;
  /** Width of an event, D. */
  dim: number;
  activation: (x: number) => number;
}

/** `windows` [B, L, D], for each height h a `weight` [F, h · D] and a `bias` [F] → [B, heights · F] */
export function horizontal(
  windows: Float64Array,
  filters: readonly { height: number; weight: Float64Array; bias: Float64Array }[],
  { length, dim, activation }: WindowCase,
): Float64Array {
  const out: number[] = [];
  for (let b = 0; b < windows.length / (length * dim); b++) {
    for (const { height, weight, bias } of filters) {
      bias.forEach((shift, filter) => {
        let largest = -Infinity;
        for (let time = 0; time + height <= length; time++) {
          let sum = shift;
          for (let i = 0; i < height * dim; i++) {
            sum += at(weight, filter * height * dim + i) * at(windows, (b * length + time) * dim + i);
          }
          largest = Math.max(largest, activation(sum));
        }
        out.push(largest);
      });
    }
  }
  return Float64Array.from(out);
}

/** `windows` [B, L, D], `weight` [F, L], `bias` [F] → [B, F · D] */
export function vertical(
  windows: Float64Array,
  weight: Float64Array,
  bias: Float64Array,
  { length, dim, activation }: WindowCase,
): Float64Array {
  const out: number[] = [];
  for (let b = 0; b < windows.length / (length * dim); b++) {
    bias.forEach((shift, filter) => {
      for (let column = 0; column < dim; column++) {
        let sum = shift;
        for (let place = 0; place < length; place++) {
          sum += at(weight, filter * length + place) * at(windows, (b * length + place) * dim + column);
        }
        out.push(activation(sum));
      }
    });
  }
  return Float64Array.from(out);
}
