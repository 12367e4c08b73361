import { fromPadded, Layout, toPadded } from 'seqrec';
import { expect, test } from 'vitest';
import * as reference from '../../reference/padded.ts';
import { checkOp, normals, onEachBackend, tensor } from './check.ts';

onEachBackend(() => {
  test.each([
    ['left', [0, 2, 2, 5, 6], 3, 6],
    ['right', [0, 2, 2, 5, 6], 4, 6],
    ['left', [0, 1, 3], 2, 8],
    ['right', [0, 2, 4], 2, 4],
  ] as const)('%s, offsets %j in windows of %i, capacity %i', async (side, list, length, capacity) => {
    const offsets = Int32Array.from(list);
    const layout = new Layout(offsets, { capacity });
    const width = 3;
    const pad = (x: Float64Array) => reference.toPadded(x, offsets, width, length, side);
    await checkOp([normals([capacity, width])], (x) => toPadded(x, layout, { length, side }), pad);

    // The places of the rows: pad their numbers, counted from 1.
    const numbers = new Float64Array(capacity).map((_, i) => i + 1);
    const rowAt = reference.toPadded(numbers, offsets, 1, length, side);
    await checkOp(
      [normals([layout.count, length, width])],
      (x) => fromPadded(x, layout, { side }),
      (x) => {
        const out = new Float64Array(capacity * width);
        rowAt.forEach((row, place) => {
          if (row > 0) out.set(x?.subarray(place * width, (place + 1) * width) ?? [], (row - 1) * width);
        });
        return out;
      },
    );
    layout.dispose();
  });

  test('refuses a window that is too short', () => {
    const layout = new Layout(Int32Array.of(0, 3));
    expect(() => toPadded(tensor(normals([3, 2])), layout, { length: 2, side: 'left' })).toThrow(
      'Sequence 0 has 3 rows, which do not fit a window of 2: keep its last 2 rows.',
    );
    layout.dispose();
  });
});
