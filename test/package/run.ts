/**
 * What a user gets: packs the package, installs the tarball into empty projects with npm and pnpm, without any install
 * script, and uses it there. Needs the package registry; where that cannot be reached, the installs are skipped.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const repository = join(here, '../..');
const temporary = mkdtempSync(join(tmpdir(), 'seqrec-package-'));
const { version, dependencies } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'));
const tarball = join(temporary, `seqrec-${version}.tgz`);
const tfjs = `@tensorflow/tfjs@${dependencies['@tensorflow/tfjs-core']}`;
const counts = { passed: 0, failed: 0, skipped: 0 };

class Unreachable extends Error {}

/** Runs a program; the error holds what it printed. */
function run(folder: string, program: string, args: string[], env: Record<string, string> = {}): string {
  try {
    return execFileSync(program, args, {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      timeout: 240_000,
    });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    const output = `${stdout}${stderr}`.trim() || String(error);
    if (/ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ENETUNREACH|ETIMEDOUT/.test(output))
      throw new Unreachable('no package registry');
    throw new Error(output);
  }
}

const node = (folder: string, file: string, env?: Record<string, string>) => run(folder, process.execPath, [file], env);

function check(name: string, test: () => string): void {
  try {
    const result = test().trim();
    counts.passed++;
    console.log(`ok    ${name}${result ? `: ${result}` : ''}`);
  } catch (error) {
    const skip = error instanceof Unreachable;
    counts[skip ? 'skipped' : 'failed']++;
    console.log(`${skip ? 'skip ' : 'FAIL '} ${name}: ${(error as Error).message}`);
  }
}

function expectEqual(found: readonly string[], expected: readonly string[], what: string): void {
  const extra = found.filter((entry) => !expected.includes(entry));
  const missing = expected.filter((entry) => !found.includes(entry));
  if (extra.length + missing.length > 0) throw new Error(`${what}: extra [${extra}], missing [${missing}]`);
}

function project(name: string): string {
  const folder = join(temporary, name);
  cpSync(join(here, 'project'), folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: `use-${name}`, private: true, type: 'module' }));
  return folder;
}

const npmInstall = (folder: string, ...packages: string[]) =>
  run(folder, 'npm', ['install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', ...packages]);

check('the tarball holds the build and nothing else', () => {
  run(repository, 'npm', ['pack', '--ignore-scripts', '--pack-destination', temporary]);
  const paths = run(temporary, 'tar', ['-tzf', tarball]).trim().split('\n');
  // Chunks carry a hash of their content.
  const found = new Set(paths.map((path) => path.replace(/-[\w-]{8}(\.d\.ts|\.js)$/, '-*$1')));
  expectEqual([...found], readFileSync(join(here, 'files.txt'), 'utf8').trim().split('\n'), 'files');
  return `${paths.length} files`;
});

check('no file of the build names a path that Node cannot resolve', () => {
  const dist = join(repository, 'dist');
  for (const file of readdirSync(dist).filter((name) => name.endsWith('.js'))) {
    const code = readFileSync(join(dist, file), 'utf8');
    const wrong = code.match(
      /(?:from|import)\s*\(?\s*["'](?:@tensorflow\/[^"']*\/dist\/[^"']*|node:[^"']*|[^"']*\.ts)["']/,
    );
    if (wrong) throw new Error(`${file}: ${wrong[0]}`);
  }
  return '';
});

check('npm install --ignore-scripts', () => {
  const folder = project('npm');
  npmInstall(folder, tarball);
  const installed = readdirSync(join(folder, 'node_modules/@tensorflow')).map((name) => `@tensorflow/${name}`);
  expectEqual(
    installed,
    Object.keys(dependencies).filter((name) => name.startsWith('@tensorflow/')),
    'packages',
  );
  const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
  const scripts = Object.entries<{ hasInstallScript?: boolean }>(lock.packages).filter(
    ([, entry]) => entry.hasInstallScript,
  );
  expectEqual(
    scripts.map(([name]) => name),
    [],
    'install scripts',
  );
  return `${Object.keys(lock.packages).length - 1} packages, no install script`;
});

const npm = join(temporary, 'npm');
check('trains on wasm', () => node(npm, 'train.mjs', { SEQREC_BACKEND: 'wasm' }));
check('trains on cpu', () => node(npm, 'train.mjs', { SEQREC_BACKEND: 'cpu' }));
check('gradients of plain ops', () => node(npm, 'gradients.mjs'));
check('CommonJS', () => node(npm, 'require.cjs'));
check('seqrec/core', () => node(npm, 'core.mjs'));

check('TypeScript', () => {
  const tsc = join(repository, 'node_modules/typescript/bin/tsc');
  const strict = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'es2022', '--lib', 'es2022,dom'];
  for (const [module, resolution] of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ] as const) {
    // Without skipLibCheck, so that our declarations are checked; those of tfjs-core have errors of their own.
    const args = [
      tsc,
      ...strict,
      '--module',
      module,
      '--moduleResolution',
      resolution,
      '--pretty',
      'false',
      'types.ts',
    ];
    const { stdout } = spawnSync(process.execPath, args, { cwd: npm, encoding: 'utf8' });
    const ours = stdout.split('\n').filter((line) => /^types\.ts|^node_modules\/seqrec\//.test(line));
    if (ours.length > 0) throw new Error(ours.join('\n'));
  }
  return 'strict, nodenext and bundler';
});

check('a browser bundle needs nothing of Node', () => {
  const esbuild = join(repository, 'node_modules/esbuild/bin/esbuild');
  writeFileSync(join(npm, 'page.js'), "import { SASRec, ready } from 'seqrec';\nconsole.log(SASRec, ready);\n");
  run(npm, esbuild, [
    ...[
      'page.js',
      '--bundle',
      '--splitting',
      '--format=esm',
      '--platform=browser',
      '--outdir=page',
      '--metafile=page.json',
    ],
  ]);
  const { outputs } = JSON.parse(readFileSync(join(npm, 'page.json'), 'utf8')) as {
    outputs: Record<string, { imports: { path: string; external?: boolean }[] }>;
  };
  const external = Object.values(outputs).flatMap(({ imports }) => imports.filter((each) => each.external));
  expectEqual(
    external.map(({ path }) => path),
    [],
    'imports',
  );
  return `${Object.keys(outputs).length} files`;
});

check('a CommonJS bundle keeps the import of a backend', () => {
  writeFileSync(
    join(npm, 'chosen.js'),
    "import 'seqrec/cpu';\nimport { ready } from 'seqrec';\nready().then(({ name, chosenBy }) => console.log(name, 'by', chosenBy));\n",
  );
  const options = ['--bundle', '--minify', '--format=cjs', '--platform=node', '--outfile=chosen.cjs'];
  run(npm, join(repository, 'node_modules/esbuild/bin/esbuild'), ['chosen.js', ...options]);
  const chosen = node(npm, 'chosen.cjs').trim();
  if (chosen !== 'cpu by import') throw new Error(chosen);
  return chosen;
});

check('one engine with @tensorflow/tfjs', () => {
  npmInstall(npm, tfjs);
  return node(npm, 'compose.mjs');
});
check('trains on wasm beside @tensorflow/tfjs', () => node(npm, 'train.mjs', { SEQREC_BACKEND: 'wasm' }));

check('pnpm', () => {
  const folder = project('pnpm');
  mkdirSync(join(folder, 'store'));
  const pnpm = ['--yes', 'pnpm@10', 'add', '--prefer-offline', `--store-dir=${join(folder, 'store')}`];
  run(folder, 'npx', [...pnpm, tarball, `@tensorflow/tfjs-core@${dependencies['@tensorflow/tfjs-core']}`]);
  return node(folder, 'train.mjs', { SEQREC_BACKEND: 'wasm' });
});

rmSync(temporary, { recursive: true });
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed > 0 ? 1 : 0;
