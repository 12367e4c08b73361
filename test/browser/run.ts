/** What runs in Chromium: `npm run test:browser [-- ARGUMENTS OF VITEST]`. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { preparePublic } from './public.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

await preparePublic();
const vitest = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '-c', join(root, 'test/browser/vitest.config.ts')];
const { status } = spawnSync(process.execPath, [...vitest, ...process.argv.slice(2)], { stdio: 'inherit' });
process.exitCode = status ?? 1;
