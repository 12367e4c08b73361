/** The tests of the ops that have fused kernels again, as in a runtime without relaxed SIMD. */
import { expect, test } from 'vitest';
import { relaxed } from '../../../src/kernels/wasm/binary.ts';

const relaxedBytes = Buffer.from(relaxed, 'base64');
const { validate } = WebAssembly;
let refused = 0;
WebAssembly.validate = (bytes) => {
  if (!relaxedBytes.equals(bytes as Uint8Array)) return validate(bytes);
  refused++;
  return false;
};

// The variant makes no difference elsewhere.
Object.assign(globalThis, { SEQREC_TEST_BACKENDS: 'wasm' });

await import('./activations.test.ts');
await import('./adam-update.test.ts');
await import('./attention.test.ts');
await import('./cross-entropy.test.ts');
await import('./sampled-loss.test.ts');
await import('./dropout.test.ts');
await import('./gru.test.ts');
await import('./layer-norm.test.ts');
await import('./linear.test.ts');
await import('./properties.test.ts');
await import('./lookup.test.ts');
await import('./neighbor-sums.test.ts');
await import('./normalize-rows.test.ts');
await import('./pairs.test.ts');
await import('./softmax-over-time.test.ts');
await import('../models/serving.test.ts');

test('the relaxed variant was refused', () => {
  expect(refused).toBe(1);
});
