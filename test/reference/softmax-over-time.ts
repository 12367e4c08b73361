/** Reference of `softmaxOverTime`. */
import type { Layout } from '../../src/core/layout.ts';
import { at } from './array.ts';

export function softmaxOverTime(x: Float64Array, layout: Layout): Float64Array {
  const out = new Float64Array(x.length);
  const columns = layout.capacity === 0 ? 0 : x.length / layout.capacity;
  for (let b = 0; b < layout.count; b++) {
    for (let column = 0; column < columns; column++) {
      const places = Array.from({ length: layout.length(b) }, (_, i) => (at(layout.offsets, b) + i) * columns + column);
      const largest = Math.max(...places.map((place) => at(x, place)));
      const sum = places.reduce((total, place) => total + Math.exp(at(x, place) - largest), 0);
      for (const place of places) out[place] = Math.exp(at(x, place) - largest) / sum;
    }
  }
  return out;
}
