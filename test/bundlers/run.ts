/**
 * A small application, bundled by Vite, webpack, esbuild and Rollup, loads a model and recommends in Chromium. What the
 * page loads of JavaScript has a budget. The bundlers come from npm (package.json beside this file); where the registry
 * cannot be reached, this is skipped.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { type Browser, chromium as playwright } from 'playwright';
import { chromium } from '../browser/chromium.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');
const modules = join(here, 'node_modules');
const app = join(here, 'app');
const page = join(app, 'page.js');
const output = join(root, '.cache/bundlers');

/** Of all JavaScript that the page loads, gzipped; the .wasm file of TensorFlow.js (about 150 kB) comes on top. */
const BUDGET = 290_000;

/** What the bundlers take, as far as it is used here; their types are not installed with the repository. */
type Bundle = (into: string) => Promise<unknown>;
const fromHere = createRequire(join(here, 'package.json'));
// biome-ignore lint/suspicious/noExplicitAny: see above
const load = async (name: string): Promise<any> => import(pathToFileURL(fromHere.resolve(name)).href);

const bundlers: Record<string, Bundle> = {
  async Vite(into) {
    const { build } = await load('vite');
    await build({ root: app, configFile: false, logLevel: 'error', build: { outDir: into, emptyOutDir: true } });
  },
  async webpack(into) {
    const { default: webpack } = await load('webpack');
    const compiler = webpack({ mode: 'production', entry: page, output: { path: into, filename: 'page.js' } });
    await new Promise<void>((resolve, reject) => {
      // biome-ignore lint/suspicious/noExplicitAny: see above
      compiler.run((error: Error | null, stats: any) => {
        const problem = error ?? (stats.hasErrors() ? new Error(stats.toString('errors-only')) : undefined);
        compiler.close(() => (problem ? reject(problem) : resolve()));
      });
    });
  },
  async esbuild(into) {
    const { build } = await load('esbuild');
    const options = { bundle: true, splitting: true, format: 'esm', minify: true, logLevel: 'error' };
    await build({ entryPoints: [page], outdir: into, ...options });
  },
  async Rollup(into) {
    const { rollup } = await load('rollup');
    const { default: resolve } = await load('@rollup/plugin-node-resolve');
    const { default: commonjs } = await load('@rollup/plugin-commonjs');
    const { transform } = await load('esbuild');
    const minify = { renderChunk: (code: string) => transform(code, { minify: true, format: 'esm' }) };
    const plugins = [resolve({ browser: true }), commonjs(), { name: 'minify', ...minify }];
    const bundle = await rollup({ input: page, plugins, logLevel: 'silent' });
    await bundle.write({ dir: into, format: 'es', entryFileNames: 'page.js' });
    await bundle.close();
  },
};

const types: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };

interface Answer {
  error?: string;
  items: { item: string; score: number }[];
  backend: { name: string };
}

/** Opens the page of a bundle; `scripts` are the files of JavaScript that it asked for. */
async function open(browser: Browser, folder: string): Promise<{ answer: Answer; scripts: Buffer[] }> {
  const scripts: Buffer[] = [];
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0] as string;
    try {
      const body = readFileSync(join(folder, path === '/' ? 'index.html' : path));
      if (extname(path) === '.js') scripts.push(body);
      response
        .writeHead(200, { 'Content-Type': types[extname(path) || '.html'] ?? 'application/octet-stream' })
        .end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const tab = await browser.newPage();
  try {
    await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await tab.waitForFunction('window.result', null, { timeout: 60_000 });
    return { answer: (await tab.evaluate('window.result')) as Answer, scripts };
  } finally {
    await tab.close();
    server.closeAllConnections();
    server.close();
  }
}

/** Trains a model in this process; what the page answers must be what it answers here. */
async function makeModel(file: string): Promise<Answer['items']> {
  const { Interactions, SASRec } = (await import(
    pathToFileURL(join(root, 'dist/index.js')).href
  )) as typeof import('seqrec');
  const rows = Array.from({ length: 120 }, (_, i) => ({
    user: Math.floor(i / 6),
    item: `item-${(Math.floor(i / 6) + (i % 6)) % 12}`,
    time: i,
  }));
  const log = Interactions.from(rows);
  using model = new SASRec({ items: log.items, maxLength: 8, dim: 16, layers: 1, dropout: 0 });
  await model.fit(log, { epochs: 3, batchSize: 8, seed: 1 });
  const { writeFile } = await import('node:fs/promises');
  await writeFile(file, await model.save());
  return (await model.recommend(['item-3', 'item-4'], { k: 5 })) as Answer['items'];
}

/** @returns whether none failed */
export async function testBundlers(): Promise<boolean> {
  const install = spawnSync('npm', ['ci', '--ignore-scripts', '--prefer-offline'], { cwd: here, encoding: 'utf8' });
  if (/ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ENETUNREACH|ETIMEDOUT/.test(install.stderr)) {
    console.log('skip  bundlers: no package registry');
    return true;
  }
  if (install.status !== 0) throw new Error(install.stderr);
  // As an application has it installed; TensorFlow.js is found further up.
  for (const path of ['package.json', 'dist']) {
    cpSync(join(root, path), join(modules, 'seqrec', path), { recursive: true });
  }
  rmSync(output, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });
  const model = join(output, 'model.safetensors');
  const expected = await makeModel(model);
  const browser = await playwright.launch({ executablePath: chromium.path, args: chromium.flags });
  let [passed, failed] = [0, 0];
  for (const [name, bundle] of Object.entries(bundlers)) {
    const folder = join(output, name);
    try {
      await bundle(folder);
      if (name !== 'Vite') cpSync(join(app, 'index.html'), join(folder, 'index.html'));
      cpSync(model, join(folder, 'model.safetensors'));
      const wasm = join(root, 'node_modules/@tensorflow/tfjs-backend-wasm/dist');
      cpSync(wasm, join(folder, 'wasm'), { recursive: true, filter: (path) => !/\.(js|ts|map)$/.test(path) });
      const { answer, scripts } = await open(browser, folder);
      if (answer.error) throw new Error(answer.error);
      const size = scripts.reduce((sum, script) => sum + gzipSync(script).length, 0);
      const items = answer.items.map(({ item }) => item).join(' ');
      const wanted = expected.map(({ item }) => item).join(' ');
      if (items !== wanted) throw new Error(`recommends ${items}, expected ${wanted}`);
      if (answer.backend.name !== 'wasm') throw new Error(`runs on ${answer.backend.name}`);
      if (size > BUDGET) throw new Error(`loads ${size} bytes of gzipped JavaScript, more than ${BUDGET}`);
      console.log(
        `ok    ${name.padEnd(8)} ${scripts.length} scripts of ${Math.round(size / 1000)} kB gzipped; ${items}`,
      );
      passed++;
    } catch (error) {
      console.log(`FAIL  ${name}: ${(error as Error).stack}`);
      failed++;
    }
  }
  await browser.close();
  console.log(`bundlers: ${passed} passed, ${failed} failed`);
  return failed === 0;
}
