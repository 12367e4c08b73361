/** What runs in Chromium, and bundled applications: `npm run test:browser [-- ARGUMENTS OF VITEST]`. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { testBundlers } from '../bundlers/run.ts';
import { preparePublic } from './public.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

await preparePublic();
const vitest = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '-c', join(root, 'test/browser/vitest.config.ts')];
const asked = process.argv.slice(2);
// On a software adapter the tables of blocks and models take many minutes: `-- --project webgpu` asks for them.
const usual = ['wasm', 'wasm-isolated', 'webgpu-isolated'].flatMap((name) => ['--project', name]);
const { status } = spawnSync(process.execPath, [...vitest, ...(asked.length > 0 ? asked : usual)], {
  stdio: 'inherit',
});
// With arguments, a part of the tests is meant.
const bundled = asked.length > 0 || (await testBundlers());
process.exit(bundled ? (status ?? 1) : 1);
