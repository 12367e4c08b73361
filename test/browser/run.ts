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
const { status } = spawnSync(process.execPath, [...vitest, ...asked], { stdio: 'inherit' });
// With arguments, a part of the tests is meant.
const bundled = asked.length > 0 || (await testBundlers());
process.exit(bundled ? (status ?? 1) : 1);
