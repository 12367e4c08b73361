/**
 * seqrec in Node, Deno and Bun: `npm run test:runtimes`. The runtimes come from npm (package.json beside this file);
 * where the registry cannot be reached, what needs them is skipped.
 */
import { execFile, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
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
async function run(
  program: readonly string[],
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  const [command, ...first] = program as [string, ...string[]];
  const options = { cwd: here, env: { ...process.env, ...env }, timeout: 1_200_000 };
  try {
    const { stdout } = await promisify(execFile)(command, [...first, ...args], options);
    return stdout.trim();
  } catch (error) {
    const { message, stdout = '', stderr = '' } = error as Error & { stdout?: string; stderr?: string };
    throw new Error(`${message.split('\n', 1)[0]}\n${stdout}${stderr}`.slice(-4000));
  }
}

async function check(name: string, test: () => string | Promise<string>): Promise<void> {
  const start = Date.now();
  const report = (verdict: string, text: string) =>
    console.log(
      `${verdict.padEnd(5)} ${name.padEnd(34)} ${String(Math.round((Date.now() - start) / 1000)).padStart(3)}s  ${text}`,
    );
  try {
    report('ok', await test());
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

await check('install', () => {
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

async function app(runtime: string, task: string, file: string, env: Record<string, string> = {}): Promise<Result> {
  const program = runtimes[runtime as keyof typeof runtimes];
  if (program.length === 0) throw new Skip('not installed');
  return JSON.parse((await run(program, ['app.mjs', task, join(files, file)], env)).split('\n').at(-1) as string);
}

/** The variables that choose WebGPU on the software adapter of a runtime. */
function software(runtime: string): { SEQREC_BACKEND: string; VK_ICD_FILENAMES: string } {
  const driver = process.env.VK_ICD_FILENAMES ?? (adapters[runtime] as string);
  if (!existsSync(driver.split(':')[0] as string)) throw new Skip('no Vulkan driver for a software adapter');
  return { SEQREC_BACKEND: 'webgpu', VK_ICD_FILENAMES: driver };
}

async function tests(
  runtime: keyof typeof runtimes,
  backend: string,
  pattern: string,
  env: Record<string, string> = {},
): Promise<string> {
  const program = runtimes[runtime];
  if (program.length === 0) throw new Skip('not installed');
  return (await run(program, ['tests.mjs', backend, pattern], env)).split('\n').at(-1) as string;
}

// Takes as long as all others together, which run beside it.
const longest = check('node: the tests on webgpu', () => {
  if (!existsSync(join(modules, 'webgpu'))) throw new Skip('not installed');
  return tests('node', 'webgpu', '.', software('node'));
});

const wasmOf: Record<string, Result> = {};
for (const runtime of ['node', 'deno', 'bun']) {
  await check(`${runtime}: chooses, trains, saves`, async () => {
    const result = await app(runtime, 'train', runtime);
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
  await check(`${server}: serves the files of all`, async () => {
    const trainers = ['node', 'deno', 'bun'].filter((trainer) => wasmOf[trainer]);
    for (const trainer of trainers) {
      const { items } = await app(server, 'serve', trainer);
      const own = (await app('node', 'serve', trainer)).items;
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
    return `${trainers.length} files, the items and scores that Node gives`;
  });
}

for (const runtime of ['deno', 'bun'] as const) {
  await check(`${runtime}: the tests on wasm`, () => tests(runtime, 'wasm', '.'));
}

/** Numbers of other implementations, a few for each kind of model and kernel; all of them take minutes. */
const golden = ['layer_mha', 'loss_scores', 'optimizers', 'bert4rec_seed0', 'sasrec_pmixer_prenorm'];

await check('node: golden cases on webgpu', async () => {
  if (!existsSync(join(modules, 'webgpu'))) throw new Skip('not installed');
  const program = [join(root, 'test/golden/run.ts'), join(root, 'test/golden/cases'), '--backend', 'webgpu'];
  const lines = await run(node, [...program, ...golden.flatMap((name) => ['--case', name])], software('node'));
  expectEqual(lines.split('\n').at(-1), `${golden.length} passed, 0 failed, 0 skipped`, 'golden cases');
  return golden.join(', ');
});

for (const runtime of Object.keys(adapters)) {
  await check(`${runtime}: trains on webgpu, which is lost`, async () => {
    const env = software(runtime);
    const { name, chosenBy, details, losses, recoveries } = await app(runtime, 'lose', 'webgpu', env);
    expectEqual([name, chosenBy], ['webgpu', 'environment'], 'backend');
    expectEqual(
      recoveries.map(({ from, to }) => [from, to]),
      [['webgpu', 'webgpu']],
      'devices',
    );
    expectClose(losses, (wasmOf.node as Result).losses, 1e-3, 'losses beside those on wasm');
    const { items } = await app('node', 'serve', 'webgpu');
    const served = await app(runtime, 'serve', 'webgpu', env);
    expectClose(
      items.map(({ score }) => score),
      served.items.map(({ score }) => score),
      1e-3,
      'scores',
    );
    return `${details.adapter}, buffers of at most ${Number(details.maxBufferBytes) / 2 ** 20} MiB; the losses and scores of wasm`;
  });
}
await check('deno: tests of ops on webgpu', () =>
  tests('deno', 'webgpu', 'linear|lookup|layer-norm|cross-entropy|adam', software('deno')),
);
await longest;

rmSync(files, { recursive: true });
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed > 0 ? 1 : 0;
