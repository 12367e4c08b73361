/**
 * Compares seqrec with a directory of golden cases: `npm run golden -- DIR [--backend cpu|wasm|webgpu] [--case PATTERN …]`.
 *
 * One line a case: name, reading of the pads, counts of compared results, verdict. The exit code is 1 if any case failed.
 */
import { parseArgs } from 'node:util';
// Registers the gradients of the tf ops that join our blocks, as an application does that writes its own model.
import '@tensorflow/tfjs';
import { listCases, type Result, runCase, summary } from './runner.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { backend: { type: 'string', default: 'cpu' }, case: { type: 'string', multiple: true, default: ['*'] } },
});
const [directory] = positionals;
if (directory === undefined || positionals.length > 1) {
  console.error('Usage: npm run golden -- DIR [--backend cpu|wasm|webgpu] [--case PATTERN …]');
  process.exit(2);
}
const backends = ['cpu', 'wasm', 'webgpu'];
if (!backends.includes(values.backend)) {
  console.error(`--backend must be ${backends.join(', ')}, got '${values.backend}'.`);
  process.exit(2);
}

if (values.backend === 'webgpu') await (await import('../support/node-webgpu.ts')).provideWebgpu();
// The import chooses the backend, so it comes before the adapters.
await import(`seqrec/${values.backend}`);
const { ready, backendInfo } = await import('seqrec');
await ready();
console.log(`backend ${backendInfo()?.name}`);
const { adapters } = await import('./adapters/index.ts');

const results: Result[] = [];
for (const name of new Set(values.case.flatMap((pattern) => listCases(directory, pattern)))) {
  const result = await runCase(directory, name, adapters);
  results.push(result);
  console.log(result.line);
}
console.log(summary(results));
process.exitCode = results.length === 0 || results.some(({ status }) => status === 'FAIL') ? 1 : 0;
