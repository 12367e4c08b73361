/** Reference of `gru`: one sequence, one row, one unit at a time. */
import { at } from './array.ts';

export interface GruCase {
  /** Where each sequence begins, and the end. */
  offsets: Int32Array;
  /** Rows of the result; those past the last offset are 0. */
  capacity: number;
  /** H */
  width: number;
  reset: 'after' | 'before';
}

/** `x` [capacity, 3H], `weight` [3H, H], `bias` [3H], `initial` [B, H] → [capacity, H] */
export function gru(
  x: Float64Array,
  weight: Float64Array,
  bias: Float64Array | undefined,
  initial: Float64Array | undefined,
  { offsets, capacity, width, reset }: GruCase,
): Float64Array {
  const out = new Float64Array(capacity * width);
  for (let b = 0; b + 1 < offsets.length; b++) {
    let state = Array.from({ length: width }, (_, j) => (initial ? at(initial, b * width + j) : 0));
    for (let row = at(offsets, b); row < at(offsets, b + 1); row++) {
      const input = (gate: number, j: number) => at(x, (row * 3 + gate) * width + j);
      const product = (gate: number, j: number, h: number[]) => {
        const unit = gate * width + j;
        return h.reduce((sum, value, k) => sum + at(weight, unit * width + k) * value, bias ? at(bias, unit) : 0);
      };
      const units = state.map((_, j) => j);
      const r = units.map((j) => sigmoid(input(0, j) + product(0, j, state)));
      const z = units.map((j) => sigmoid(input(1, j) + product(1, j, state)));
      const reduced = state.map((value, j) => at(r, j) * value);
      const n = units.map((j) =>
        Math.tanh(input(2, j) + (reset === 'after' ? at(r, j) * product(2, j, state) : product(2, j, reduced))),
      );
      state = state.map((value, j) => (1 - at(z, j)) * at(n, j) + at(z, j) * value);
      out.set(state, row * width);
    }
  }
  return out;
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
