/** An application that sets 'wasm' itself, which in a page with cross-origin isolation comes with threads and shared memory. */
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { backendInfo, Interactions, ready, SASRec } from 'seqrec';
import { expect, test } from 'vitest';

const log = Interactions.from(
  Array.from({ length: 120 }, (_, i) => ({ user: i % 12, item: `i${(i % 12) + Math.floor(i / 12)}`, time: i })),
);

async function trained() {
  const model = new SASRec({ items: log.items, maxLength: 8, dim: 8, layers: 1, dropout: 0.2 });
  const report = await model.fit(log, { epochs: 2, batchSize: 6, seed: 1 });
  const answers = [];
  // The second and later ones repeat the recorded kernels.
  for (let i = 0; i < 4; i++) answers.push(await model.recommend(['i3', 'i4'], { k: 5 }));
  return { losses: report.epochs.map(({ loss }) => loss), answers };
}

test('the kernels work on its memory, also when that grows', async () => {
  expect(globalThis.crossOriginIsolated).toBe(true);
  const expected = await trained(); // on cpu, which the set-up chose
  await tf.setBackend('wasm');
  expect(await tf.env().getAsync('WASM_HAS_MULTITHREAD_SUPPORT')).toBe(true);
  await ready();
  expect(backendInfo()).toMatchObject({ name: 'wasm', chosenBy: 'host' });
  expect(backendInfo()?.details.kernels).toMatch(/^(relaxed )?SIMD$/);
  const { wasm } = tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } };
  expect(wasm.HEAPU8.buffer).toBeInstanceOf(SharedArrayBuffer);
  const before = wasm.HEAPU8.byteLength;
  for (const run of ['before it grows', 'afterwards']) {
    const found = await trained();
    for (const [e, loss] of found.losses.entries()) expect(loss, run).toBeCloseTo(expected.losses[e] as number, 4);
    const items = found.answers.map((answer) => answer.map(({ item }) => item));
    expect(items, run).toEqual(expected.answers.map((answer) => answer.map(({ item }) => item)));
    tf.zeros([before / 4]);
  }
  expect(wasm.HEAPU8.byteLength).toBeGreaterThan(before);
});
