import { crossEntropy } from 'seqrec';
import { test } from 'vitest';
import '../../../src/backend/gradients.ts';
import * as reference from '../../reference/cross-entropy.ts';
import { checkOp, normals, onEachBackend } from '../ops/check.ts';
import { targets, weights } from './cases.ts';

onEachBackend(() => {
  test.each([
    { scale: 1, labelSmoothing: 0 },
    { scale: 2, labelSmoothing: 0.1 },
  ])('scale $scale multiplies product and bias, label smoothing $labelSmoothing', async ({ scale, labelSmoothing }) => {
    const it = { targets, weights, scale, labelSmoothing };
    await checkOp(
      [normals([5, 3], 1), normals([11, 3], 2), normals([11], 3)],
      (x, weight, bias) =>
        crossEntropy({ labelSmoothing }).forward(x, { weight, bias, scale }, { item: targets, weight: weights }),
      (x, w, b) =>
        Float64Array.of(
          reference.crossEntropy(
            x as Float64Array,
            w as Float64Array,
            b?.map((value) => value * scale),
            it,
          ),
        ),
    );
  });
});
