/** Every test file starts as in Node (../setup.ts), with the .wasm files where the server has them. */

import { afterEach, beforeEach } from 'vitest';
import { configureWasm } from '../../src/backend/wasm-options.ts';

// Files that share a page have one backend: it is told once.
if (!('SEQREC_TEST_BACKENDS' in globalThis)) configureWasm({ paths: '/' });
Object.assign(globalThis, (import.meta as unknown as { env: object }).env);

await import('../setup.ts');
const { expectNoDeviceError } = await import('../support/backends.ts');
const { skipExceptions } = await import('../support/exceptions.ts');
beforeEach(skipExceptions);
afterEach(expectNoDeviceError);
