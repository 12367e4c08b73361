/** The tests of ops, blocks and models again, in a Web Worker. */
import { expect, test } from 'vitest';
import type { Outcome } from '../support/portable.ts';

const settings = (import.meta as unknown as { env: Record<string, string> }).env;
const { SEQREC_TEST_BACKENDS: backends, SEQREC_TEST_WORKER: pattern } = settings;

test(`in a worker on ${backends}`, { timeout: 300_000 }, async () => {
  const worker = new Worker('/worker.js', { type: 'module' });
  const outcome = await new Promise<Outcome>((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage({ backends, pattern });
  });
  worker.terminate();
  expect(outcome.failed).toEqual([]);
  expect(outcome.passed).toBeGreaterThan(30);
  console.log(`in a worker on ${backends}: ${outcome.passed} passed, ${outcome.skipped} skipped`);
});
