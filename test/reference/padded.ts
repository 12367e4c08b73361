/** Reference of `toPadded`. */
import { at } from './array.ts';

/** Sequences cut by `offsets` in windows of `length` places, zeros elsewhere. */
export function toPadded(
  x: Float64Array,
  offsets: Int32Array,
  width: number,
  length: number,
  side: 'left' | 'right',
): Float64Array {
  const count = offsets.length - 1;
  const out = new Float64Array(count * length * width);
  for (let b = 0; b < count; b++) {
    const rows = at(offsets, b + 1) - at(offsets, b);
    for (let t = 0; t < rows; t++) {
      const place = b * length + (side === 'left' ? length - rows + t : t);
      for (let j = 0; j < width; j++) out[place * width + j] = at(x, (at(offsets, b) + t) * width + j);
    }
  }
  return out;
}
