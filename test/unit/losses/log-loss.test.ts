import * as tf from '@tensorflow/tfjs-core';
import { logLoss } from 'seqrec';
import { expect, test } from 'vitest';
import '../../../src/backend/gradients.ts';
import { checkOp, normals, onEachBackend } from '../ops/check.ts';

const label = Float32Array.of(1, 0, 0, 1, 0.25);
const weight = Float32Array.of(1, 1, 0, 2, 0.5);
const targets = { item: new Int32Array(5), weight, label };

onEachBackend(() => {
  test.each([1, 40])(
    'is the weighted sum of cross-entropies, values and gradients, for states of size %s',
    async (size) => {
      await checkOp(
        [normals([5, 3], 1, size), normals([1, 3], 2), normals([1], 3)],
        (x, w, b) => logLoss().forward(x, { weight: w, bias: b, scale: 2 }, targets),
        (x, w, b) => {
          let sum = 0;
          for (let m = 0; m < 5; m++) {
            const product = [0, 1, 2].reduce((s, d) => s + (x?.[3 * m + d] as number) * (w?.[d] as number), 0);
            const score = 2 * (product + (b?.[0] as number));
            // ln(1 + eˣ) without overflow
            const softplus = Math.max(score, 0) + Math.log1p(Math.exp(-Math.abs(score)));
            sum += (weight[m] as number) * (softplus - score * (label[m] as number));
          }
          return Float64Array.of(sum);
        },
      );
    },
  );

  test('says what is missing', () => {
    const [x, wide] = [tf.zeros<tf.Rank.R2>([5, 3]), tf.zeros<tf.Rank.R2>([4, 3])];
    expect(() => logLoss().forward(x, { weight: wide }, targets)).toThrow(
      /trained with logLoss must have the shape \[1, any\]/,
    );
    expect(() => logLoss().forward(x, { weight: wide }, { ...targets, label: undefined })).toThrow(/needs labels/);
    tf.dispose([x, wide]);
  });
});
