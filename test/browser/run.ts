/** What runs in Chromium, bundled applications and the page: `npm run test:browser [-- ARGUMENTS OF VITEST | -- page]`. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { testBundlers } from '../bundlers/run.ts';
import { testPage } from './page/run.ts';
import { preparePublic } from './public.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

if (process.argv[2] === 'page') process.exit((await testPage(process.argv[3])) ? 0 : 1);

await preparePublic();
const vitest = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '-c', join(root, 'test/browser/vitest.config.ts')];
const asked = process.argv.slice(2);
const { status } = spawnSync(process.execPath, [...vitest, ...asked], { stdio: 'inherit' });
// With arguments, a part of the tests is meant.
const rest = asked.length > 0 || [await testBundlers(), await testPage()].every(Boolean);
process.exit(rest ? (status ?? 1) : 1);
