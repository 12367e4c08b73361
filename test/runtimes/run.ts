/**
 * seqrec in Node, Deno and Bun: `npm run test:runtimes`. The runtimes come from npm (package.json beside this file);
 * where the registry cannot be reached, what needs them is skipped.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildTests } from '../support/portable-build.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');
const modules = join(here, 'node_modules');
const files = mkdtempSync(join(tmpdir(), 'seqrec-runtimes-'));
const counts = { passed: 0, failed: 0, skipped: 0 };

interface Result {
  name: string;
  chosenBy: string;
  refused: { backend: string; why: string }[];
  details: Record<string, unknown>;
  losses: number[];
  metrics: Record<string, number>;
  recoveries: { from: string; to: string }[];
  items: { item: string; score: number }[];
}

class Skip extends Error {}

/** Runs a program and returns what it printed. */
function run(program: readonly string[], args: readonly string[], env: Record<string, string> = {}): string {
  const [command, ...first] = program as [string, ...string[]];
  const { status, stdout, stderr, error } = spawnSync(command, [...first, ...args], {
    cwd: here,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 600_000,
  });
  if (status !== 0) throw new Error(`${error ?? ''}${stdout}${stderr}`.slice(-4000));
  return stdout.trim();
}

function check(name: string, test: () => string): void {
  const start = Date.now();
  const report = (verdict: string, text: string) =>
    console.log(
      `${verdict.padEnd(5)} ${name.padEnd(34)} ${String(Math.round((Date.now() - start) / 1000)).padStart(3)}s  ${text}`,
    );
  try {
    report('ok', test());
    counts.passed++;
  } catch (error) {
    const skip = error instanceof Skip;
    counts[skip ? 'skipped' : 'failed']++;
    report(skip ? 'skip' : 'FAIL', (error as Error).message);
  }
}

function expectEqual(found: unknown, expected: unknown, what: string): void {
  if (JSON.stringify(found) !== JSON.stringify(expected)) {
    throw new Error(`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(found)}`);
  }
}

function expectClose(found: readonly number[], expected: readonly number[], tolerance: number, what: string): void {
  const off = found.findIndex((value, i) => !(Math.abs(value - (expected[i] as number)) <= tolerance));
  if (off >= 0) throw new Error(`${what}: expected ${expected[off]}, got ${found[off]} at ${off}`);
}

/** The program of an npm package that holds one binary for each platform. */
function binary(scope: string, path: string): string[] {
  const folder = join(modules, scope);
  const found = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name, path)) : [];
  return found.filter(existsSync).slice(0, 1);
}

check('install', () => {
  const { status, stderr } = spawnSync('npm', ['ci', '--ignore-scripts', '--prefer-offline'], {
    cwd: here,
    encoding: 'utf8',
  });
  if (status === 0) return 'deno, bun and webgpu from npm';
  if (/ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ENETUNREACH|ETIMEDOUT/.test(stderr)) throw new Skip('no package registry');
  throw new Error(stderr);
});
// As an application has it installed; TensorFlow.js is found further up.
for (const path of ['package.json', 'dist'])
  cpSync(join(root, path), join(modules, 'seqrec', path), { recursive: true });
await buildTests(join(modules, '.seqrec/tests.js'), 'node');

const node = [process.execPath];
const deno = binary('@deno', process.platform === 'win32' ? 'deno.exe' : 'deno');
const bun = binary('@oven', process.platform === 'win32' ? 'bin/bun.exe' : 'bin/bun');
const runtimes = { node, deno: deno.length > 0 ? [...deno, 'run', '--allow-all'] : [], bun };

/** Chromium's software renderer, which Dawn accepts. */
const swiftShader = '/usr/lib/chromium/vk_swiftshader_icd.json';
/** Mesa's, which Deno accepts and Dawn does not. */
const lavapipe = '/usr/share/vulkan/icd.d/lvp_icd.x86_64.json';

/** Where a WebGPU adapter may come from when there is no GPU, for the runtimes that have WebGPU here. */
const adapters: Record<string, string> = {
  node: swiftShader,
  deno: existsSync(lavapipe) ? lavapipe : swiftShader,
  bun: swiftShader,
};

function app(runtime: string, task: string, file: string, env: Record<string, string> = {}): Result {
  const program = runtimes[runtime as keyof typeof runtimes];
  if (program.length === 0) throw new Skip('not installed');
  return JSON.parse(
    run(program, ['app.mjs', task, join(files, file)], env)
      .split('\n')
      .at(-1) as string,
  );
}

const wasmOf: Record<string, Result> = {};
for (const runtime of ['node', 'deno', 'bun']) {
  check(`${runtime}: chooses, trains, saves`, () => {
    const result = app(runtime, 'train', runtime);
    wasmOf[runtime] = result;
    // On a machine with a GPU the choice is another one.
    if (result.name === 'wasm') {
      const refused = result.refused.map(({ backend }) => backend);
      expectEqual(refused, runtime === 'deno' ? ['webgpu'] : ['node', 'webgpu'], 'refused');
    }
    expectEqual(result.chosenBy, 'automatic', 'chosen by');
    const [first, last] = [result.losses[0] as number, result.losses.at(-1) as number];
    if (!(last < first - 0.3)) throw new Error(`the loss fell from ${first} to ${last} only`);
    expectClose(result.losses, (wasmOf.node as Result).losses, 1e-3, 'losses beside those of Node');
    return `${result.name}, kernels ${result.details.kernels}, loss ${first.toFixed(3)} -> ${last.toFixed(3)}; ${result.refused.map(({ why }) => why).join(' ')}`;
  });
}

for (const server of ['node', 'deno', 'bun']) {
  check(`${server}: serves the files of all`, () => {
    const answers = ['node', 'deno', 'bun']
      .filter((trainer) => wasmOf[trainer])
      .map((trainer) => {
        const { items } = app(server, 'serve', trainer);
        return { trainer, items };
      });
    for (const { trainer, items } of answers) {
      const own = app('node', 'serve', trainer).items;
      expectEqual(
        items.map(({ item }) => item),
        own.map(({ item }) => item),
        `items of the file of ${trainer}`,
      );
      expectClose(
        items.map(({ score }) => score),
        own.map(({ score }) => score),
        1e-4,
        `scores of the file of ${trainer}`,
      );
    }
    return `${answers.length} files, the items and scores that Node gives`;
  });
}

for (const runtime of ['deno', 'bun'] as const) {
  check(`${runtime}: the tests on wasm`, () => tests(runtime, 'wasm', '.'));
}

/** Numbers of other implementations, a few for each kind of model and kernel; all of them take minutes. */
const golden = ['layer_mha', 'loss_scores', 'optimizers', 'bert4rec_seed0', 'sasrec_pmixer_prenorm'];

check('node: golden cases on webgpu', () => {
  if (!existsSync(swiftShader) && !process.env.VK_ICD_FILENAMES)
    throw new Skip('no Vulkan driver for a software adapter');
  if (!existsSync(join(modules, 'webgpu'))) throw new Skip('not installed');
  const cases = join(root, 'test/golden/cases');
  for (const name of golden) {
    const program = join(root, 'test/golden/run.ts');
    const lines = run(node, [program, cases, '--backend', 'webgpu', '--case', name]).split('\n');
    expectEqual(lines.at(-1), '1 passed, 0 failed, 0 skipped', name);
  }
  return golden.join(', ');
});

for (const [runtime, driver] of Object.entries(adapters)) {
  const env = { SEQREC_BACKEND: 'webgpu', VK_ICD_FILENAMES: process.env.VK_ICD_FILENAMES ?? driver };
  check(`${runtime}: trains on webgpu, which is lost`, () => {
    if (!existsSync(env.VK_ICD_FILENAMES.split(':')[0] as string))
      throw new Skip('no Vulkan driver for a software adapter');
    const { name, chosenBy, details, losses, recoveries } = app(runtime, 'lose', 'webgpu', env);
    expectEqual([name, chosenBy], ['webgpu', 'environment'], 'backend');
    expectEqual(
      recoveries.map(({ from, to }) => [from, to]),
      [['webgpu', 'webgpu']],
      'devices',
    );
    expectClose(losses, (wasmOf.node as Result).losses, 1e-3, 'losses beside those on wasm');
    const { items } = app('node', 'serve', 'webgpu');
    expectClose(
      items.map(({ score }) => score),
      app(runtime, 'serve', 'webgpu', env).items.map(({ score }) => score),
      1e-3,
      'scores',
    );
    return `${details.adapter}, buffers of at most ${Number(details.maxBufferBytes) / 2 ** 20} MiB; the losses and scores of wasm`;
  });
  if (runtime === 'bun') continue; // Dawn, as in Node
  check(`${runtime}: tests on webgpu`, () => {
    if (!existsSync(env.VK_ICD_FILENAMES.split(':')[0] as string))
      throw new Skip('no Vulkan driver for a software adapter');
    return tests(runtime as 'node' | 'deno', 'webgpu', 'linear|lookup|layer-norm|cross-entropy|adam', env);
  });
}

function tests(
  runtime: keyof typeof runtimes,
  backend: string,
  pattern: string,
  env: Record<string, string> = {},
): string {
  const program = runtimes[runtime];
  if (program.length === 0) throw new Skip('not installed');
  return run(program, ['tests.mjs', backend, pattern], env).split('\n').at(-1) as string;
}

rmSync(files, { recursive: true });
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed > 0 ? 1 : 0;
