import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as tf from '@tensorflow/tfjs-core';
import { adam, evaluate, Interactions, leaveLastOut, ndcg, SASRec } from 'seqrec';
import { beforeAll, describe, expect, test } from 'vitest';
import { backends, use } from '../../support/backends.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const log = Interactions.from(
  Array.from({ length: 64 }, (_, user) =>
    Array.from({ length: 3 + (user % 9) }, (_, t) => ({ user, item: (user * 5 + t) % 40, time: t })),
  ).flat(),
);
const { train, test: held } = leaveLastOut(log);

/** Bytes in use after collection: of JavaScript, its buffers, and tfjs' own count. */
async function memory(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers + tf.memory().numBytes;
}

/** The size of WebAssembly's memory. */
function heapBytes(): number {
  return (tf.backend() as { wasm?: { HEAPU8: Uint8Array } }).wasm?.HEAPU8.byteLength ?? 0;
}

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => use(backend));

  // The plain-JavaScript backend is slow.
  const many = backend === 'cpu' ? 500 : 1000;
  test(`${many} steps, recommendations and an evaluation leave memory where it was`, {
    timeout: 180_000,
  }, async () => {
    using model = new SASRec({ items: log.items, maxLength: 8, dim: 8, layers: 1 });
    const work = async (steps: number) => {
      await model.fit(train, { epochs: steps / 4, batchSize: 16, optimizer: adam() });
      for (let i = 0; i < steps / 2; i++) await model.recommend([i % 40, (i + 7) % 40], { k: 5 });
      await evaluate(model, held, { metrics: [ndcg(10)] });
    };
    await work(100); // compiles code and fills caches
    const before = { tensors: tf.memory().numTensors, bytes: await memory() };
    const heap = heapBytes();
    await work(many);
    expect(heapBytes()).toBe(heap);
    expect(tf.memory().numTensors).toBe(before.tensors);
    expect((await memory()) / before.bytes).toBeLessThan(1.05);
  });
});
