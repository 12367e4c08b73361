import * as tf from '@tensorflow/tfjs-core';
import { clipByGlobalNorm, type Gradient } from 'seqrec';
import { expect, test } from 'vitest';
import { expectClose, onEachBackend } from '../ops/check.ts';

onEachBackend(() => {
  /** Norm 13: 3, 4 and, in rows, 12. */
  const make = () =>
    new Map<string, Gradient>([
      [
        'w',
        tf.tensor2d([
          [3, 0],
          [0, 4],
        ]),
      ],
      ['table', { rows: Int32Array.of(5), values: tf.tensor2d([[0, -12]]) }],
    ]);
  const tensorOf = (gradient: Gradient) => (gradient instanceof tf.Tensor ? gradient : gradient.values);
  const values = (gradient: Gradient | undefined) => tensorOf(gradient as Gradient).data();
  const free = (gradients: ReadonlyMap<string, Gradient>) => tf.dispose([...gradients.values()].map(tensorOf));

  test('one norm over dense and row gradients; torch: max / (norm + 1e-6)', async () => {
    const before = tf.memory().numTensors;
    const given = make();
    const { gradients, norm } = clipByGlobalNorm(given, 1);
    expectClose(await norm.data(), [13], 'norm');
    expectClose(
      await values(gradients.get('w')),
      [3, 0, 0, 4].map((x) => x / 13.000001),
      'w',
    );
    expectClose(await values(gradients.get('table')), [0, -12 / 13.000001], 'table');
    expect((gradients.get('table') as { rows: Int32Array }).rows).toEqual(Int32Array.of(5));
    expectClose(await values(given.get('w')), [3, 0, 0, 4], 'the given ones');
    free(given);
    free(gradients);
    norm.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('a smaller norm changes nothing', async () => {
    const given = make();
    const { gradients, norm } = clipByGlobalNorm(given, 20);
    expect(await values(gradients.get('w'))).toEqual(await values(given.get('w')));
    free(given);
    free(gradients);
    norm.dispose();
  });

  test('Infinity: the gradients themselves, and their norm', async () => {
    const given = make();
    const { gradients, norm } = clipByGlobalNorm(given, Infinity);
    expect(gradients).toEqual(given);
    expectClose(await norm.data(), [13], 'norm');
    free(given);
    norm.dispose();
  });

  test('no gradients: norm 0', async () => {
    const { gradients, norm } = clipByGlobalNorm(new Map(), 1);
    expect(gradients.size).toBe(0);
    expect([...(await norm.data())]).toEqual([0]);
    norm.dispose();
  });
});
