/**
 * tfjs-node with its native binding built here: `npm run test:tfjs-node [-- PATTERN OF TEST FILES]`, on Linux on x64 with
 * g++, and python3 with pip. Its install script loads files of a host that may be out of reach; the library and its headers
 * are in the TensorFlow wheel of PyPI as well (230 MB, kept in .cache), and the sources of the binding in the npm package.
 * The application of the other runtimes runs on it, and the tests of ops, blocks and models.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildTests } from '../../support/portable-build.ts';

/** tfjs-node 4.22 was made for 2.9; the C interface, all that it uses, is the same. */
const TENSORFLOW = '2.18.1';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../../..');
const project = join(root, '.cache/tfjs-node');
const wheel = join(project, 'wheel');
const library = join(project, 'library');
const binding = join(project, 'node_modules/@tensorflow/tfjs-node');

function run(command: string, args: readonly string[], env: Record<string, string> = {}): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: project,
    encoding: 'utf8',
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2', ...env },
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`${command} ${args[0]}: ${error ?? ''}${stdout}${stderr}`.slice(-8000));
  return stdout.trim();
}

function step(name: string, action: () => string | undefined): void {
  const start = Date.now();
  try {
    const text = action() ?? '';
    console.log(`ok    ${name.padEnd(20)} ${String(Math.round((Date.now() - start) / 1000)).padStart(4)}s  ${text}`);
  } catch (error) {
    console.log(`FAIL  ${name}\n${(error as Error).message}\nWhat comes after it was not run.`);
    process.exit(1);
  }
}

if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.log(`skip  the wheel and the names of its libraries are those of Linux on x64, not ${process.platform}`);
  process.exit(0);
}

mkdirSync(wheel, { recursive: true });
for (const file of ['package.json', 'package-lock.json']) cpSync(join(here, file), join(project, file));
for (const file of ['app.mjs', 'tests.mjs']) cpSync(join(here, '..', file), join(project, file));

step('npm packages', () => {
  run('npm', ['ci', '--ignore-scripts', '--prefer-offline']);
  return 'without install scripts';
});
step('TensorFlow wheel', () => {
  if (readdirSync(wheel).length === 0) {
    const platform = ['--only-binary=:all:', '--platform=manylinux_2_17_x86_64', '--python-version=3.11'];
    run('python3', ['-m', 'pip', 'download', '--no-deps', ...platform, `tensorflow-cpu==${TENSORFLOW}`, '-d', wheel]);
  }
  return readdirSync(wheel)[0];
});
step('library and headers', () => {
  if (existsSync(library)) return 'unpacked before';
  const unpack = `
import sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
for name in wheel.namelist():
    if name.startswith('tensorflow/libtensorflow') or name.endswith('.h') and ('/c/' in name or '/ctstring' in name):
        wheel.extract(name, sys.argv[2])`;
  run('python3', ['-c', unpack, join(wheel, readdirSync(wheel)[0] as string), library]);
  return undefined;
});
step('binding', () => {
  const [libraries, target] = [join(binding, 'deps/lib'), join(binding, 'lib/napi-v8')];
  for (const folder of [libraries, target]) mkdirSync(folder, { recursive: true });
  const names = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];
  for (const name of names) {
    rmSync(join(libraries, name), { force: true });
    symlinkSync(join(library, 'tensorflow', name), join(libraries, name));
  }
  const include = [
    binding,
    join(library, 'tensorflow/include'),
    join(project, 'node_modules/node-api-headers/include'),
  ];
  run('g++', [
    ...['-std=c++17', '-O2', '-fPIC', '-shared', '-DNAPI_VERSION=8', ...include.map((path) => `-I${path}`)],
    ...['tfjs_backend.cc', 'tfjs_binding.cc'].map((file) => join(binding, 'binding', file)),
    ...[`-L${libraries}`, ...names.map((name) => `-l:${name}`), '-Wl,-rpath,$ORIGIN/../../deps/lib'],
    ...['-o', join(target, 'tfjs_binding.node')],
  ]);
  return undefined;
});

for (const path of ['package.json', 'dist'])
  cpSync(join(root, path), join(project, 'node_modules/seqrec', path), { recursive: true });
await buildTests(join(project, 'node_modules/.seqrec/tests.js'), 'node');

interface Result {
  name: string;
  chosenBy: string;
  details: Record<string, unknown>;
  losses: number[];
  items: { item: string; score: number }[];
}

const app = (task: string, env: Record<string, string> = {}): Result =>
  JSON.parse(run(process.execPath, ['app.mjs', task, 'model.safetensors'], env).split('\n').at(-1) as string);

step('trains, saves', () => {
  const { name, chosenBy, details, losses } = app('train');
  if (name !== 'tensorflow' || chosenBy !== 'automatic') throw new Error(`${name} was chosen by ${chosenBy}`);
  const on = app('serve').items;
  const beside = app('serve', { SEQREC_BACKEND: 'wasm' });
  if (beside.name !== 'wasm') throw new Error(`${beside.name} was chosen instead of wasm`);
  const off = on.filter(({ item, score }, i) => {
    const other = beside.items[i] as { item: string; score: number };
    return item !== other.item || !(Math.abs(score - other.score) < 1e-4);
  });
  if (off.length > 0)
    throw new Error(`wasm recommends ${JSON.stringify(beside.items)}, tensorflow ${JSON.stringify(on)}`);
  const [first, last] = [losses[0] as number, losses.at(-1) as number];
  if (details.tensorflow !== TENSORFLOW || details.gpu !== false) throw new Error(JSON.stringify(details));
  return `TensorFlow ${details.tensorflow}, loss ${first.toFixed(3)} -> ${last.toFixed(3)}; wasm recommends the same from its file`;
});
step('tests', () =>
  run(process.execPath, ['tests.mjs', 'tensorflow', process.argv[2] ?? '.'])
    .split('\n')
    .at(-1),
);
