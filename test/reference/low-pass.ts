/** Reference of `lowPass`: the complex transform, the cut and the inverse of a real signal. */
import type { Layout } from '../../src/core/layout.ts';
import { addTo, at } from './array.ts';

export function lowPass(x: Float64Array, layout: Layout, bins: number): Float64Array {
  const out = new Float64Array(x.length);
  const width = x.length / Math.max(1, layout.capacity);
  for (let b = 0; b < layout.count; b++) {
    const [first, length] = [at(layout.offsets, b), layout.length(b)];
    for (let column = 0; column < width; column++) {
      for (let k = 0; k < length; k++) {
        // Coefficient k of a real signal is the conjugate of coefficient length - k.
        if (Math.min(k, length - k) >= bins) continue;
        let [real, imaginary] = [0, 0];
        for (let t = 0; t < length; t++) {
          const angle = (-2 * Math.PI * k * t) / length;
          real += at(x, (first + t) * width + column) * Math.cos(angle);
          imaginary += at(x, (first + t) * width + column) * Math.sin(angle);
        }
        for (let t = 0; t < length; t++) {
          const angle = (2 * Math.PI * k * t) / length;
          addTo(out, (first + t) * width + column, (real * Math.cos(angle) - imaginary * Math.sin(angle)) / length);
        }
      }
    }
  }
  return out;
}
