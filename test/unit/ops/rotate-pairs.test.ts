import * as tf from '@tensorflow/tfjs-core';
import { rotatePairs } from 'seqrec';
import { expect, test } from 'vitest';
import { checkOp, normals, onEachBackend, tensor } from './check.ts';

/** Sines and cosines of an angle for each row and pair. */
function turnsOf(rows: number, width: number): Float32Array {
  return Float32Array.from({ length: rows * width }, (_, i) => {
    const angle = 0.7 * Math.floor(i / 2) + 0.1;
    return i % 2 ? Math.cos(angle) : Math.sin(angle);
  });
}

onEachBackend(() => {
  test.each([
    [0, 1, 2],
    [1, 1, 2],
    [3, 1, 6],
    [5, 3, 4],
    [2, 2, 10],
    [17, 4, 16],
  ])('%i rows of %i heads of %i', async (rows, heads, width) => {
    const turns = turnsOf(rows, width);
    const turned = tf.tensor2d(turns, [rows, width]);
    await checkOp(
      [normals([rows, heads * width], 1)],
      (x) => rotatePairs(x, turned, heads),
      (x) =>
        (x as Float64Array).map((value, i) => {
          const at = Math.floor(i / (heads * width)) * width + ((i % width) & ~1);
          const [sin, cos] = [turns[at] as number, turns[at + 1] as number];
          const other = (x as Float64Array)[i ^ 1] as number;
          return i % 2 ? value * cos + other * sin : value * cos - other * sin;
        }),
    );
    turned.dispose();
  });

  test('names what does not fit', () => {
    const x = tensor(normals([2, 6]));
    expect(() => rotatePairs(x, tensor(normals([2, 3])), 2)).toThrow(
      'heads of an even width, got 6 columns for 2 heads',
    );
    expect(() => rotatePairs(x, tensor(normals([2, 4])), 1)).toThrow('must have the shape [2, 6], got [2, 4]');
  });
});
