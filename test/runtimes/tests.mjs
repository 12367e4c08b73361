/** Runs the bundled tests of ops, blocks and models: `tests.mjs BACKEND PATTERN`. */
import process from 'node:process';

const [backend, pattern] = process.argv.slice(2);
globalThis.SEQREC_TEST_BACKENDS = backend;
const { run } = await import('./node_modules/.seqrec/tests.js');
const { passed, skipped, failed } = await run(new RegExp(pattern));
for (const failure of failed) console.log(`FAIL ${failure}`);
console.log(`${passed} passed, ${failed.length} failed, ${skipped} skipped`);
process.exit(failed.length > 0 || passed === 0 ? 1 : 0);
