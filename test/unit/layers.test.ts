/** The rules that hold between files: imports go downward, backends are named in one place, reads are asynchronous. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as seqrec from 'seqrec';
import { expect, it } from 'vitest';

const LAYERS = [
  'kernels',
  'backend',
  'core',
  'ops',
  'blocks',
  'data',
  'losses',
  'io',
  'evaluation',
  'training',
  'models',
  'index.ts',
  'entries',
];

const root = fileURLToPath(new URL('../../src', import.meta.url));

interface Import {
  from: string;
  typeOnly: boolean;
  dynamic: boolean;
}

const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  // AssemblyScript has types with methods of the same names, and imports without extensions; build.ts is a script.
  .filter((file) => file.endsWith('.ts') && !/^kernels\/wasm\/(assembly\/|build.ts)/.test(file))
  .map((path) => {
    const code = withoutComments(readFileSync(join(root, path), 'utf8'));
    return { path, code, imports: importsOf(code) };
  });

function withoutComments(code: string): string {
  return code.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$|\s\/\/ .*$/gm, '');
}

function importsOf(code: string): Import[] {
  const fixed = [...code.matchAll(/^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm)];
  const lazy = [...code.matchAll(/\bimport\(\s*'([^']+)'\s*\)/g)];
  return [
    ...fixed.map(([, type, from]) => ({ from: from as string, typeOnly: Boolean(type), dynamic: false })),
    ...lazy.map(([, from]) => ({ from: from as string, typeOnly: false, dynamic: true })),
  ];
}

function resolve(path: string, from: string): string {
  return relative(root, join(root, dirname(path), from)).replaceAll('\\', '/');
}

function layerOf(path: string): number {
  return LAYERS.indexOf(path.split('/')[0] as string);
}

/** Each file with an offence, as text. */
function offences(find: (file: (typeof files)[number]) => string[]): string[] {
  return files.flatMap((file) => find(file).map((what) => `${file.path}: ${what}`));
}

it('sees the source', () => {
  expect(files.length).toBeGreaterThan(20);
  expect(files.map(({ path }) => path).filter((path) => layerOf(path) < 0)).toEqual([]);
  expect(
    importsOf(`import type { A } from './a.ts';\nexport {\n  b,\n} from 'b';\nimport 'c';\nawait import('d');`),
  ).toEqual([
    { from: './a.ts', typeOnly: true, dynamic: false },
    { from: 'b', typeOnly: false, dynamic: false },
    { from: 'c', typeOnly: false, dynamic: false },
    { from: 'd', typeOnly: false, dynamic: true },
  ]);
});

it('imports downward only', () => {
  expect(
    offences(({ path, imports }) =>
      imports
        .filter(({ from }) => from.startsWith('.') && layerOf(resolve(path, from)) > layerOf(path))
        .map(({ from }) => `imports ${from}`),
    ),
  ).toEqual([]);
});

it('has no circle of imports', () => {
  const edges = new Map(
    files.map(({ path, imports }) => [
      path,
      imports
        .filter(({ from, typeOnly, dynamic }) => from.startsWith('.') && !typeOnly && !dynamic)
        .map(({ from }) => resolve(path, from)),
    ]),
  );
  const done = new Set<string>();
  const visit = (path: string, above: string[]): string[] => {
    if (above.includes(path)) return [[...above.slice(above.indexOf(path)), path].join(' -> ')];
    if (done.has(path)) return [];
    done.add(path);
    return (edges.get(path) ?? []).flatMap((next) => visit(next, [...above, path]));
  };
  expect(files.flatMap(({ path }) => visit(path, []))).toEqual([]);
});

it('keeps kernels free of imports, but of each other', () => {
  expect(
    offences(({ path, imports }) =>
      path.startsWith('kernels/')
        ? imports.filter(({ from }) => !from.startsWith('.')).map(({ from }) => `imports ${from}`)
        : [],
    ),
  ).toEqual([]);
});

it('names backend packages in backend/ only', () => {
  expect(
    offences(({ path, code }) =>
      path.startsWith('backend/')
        ? []
        : [...code.matchAll(/'(@tensorflow\/(?!tfjs-core')[^']*|webgpu)'/g)].map(([, name]) => `names ${name}`),
    ),
  ).toEqual([]);
});

it('imports tfjs-core by its public name, except for the gradients', () => {
  expect(
    offences(({ imports }) =>
      imports.filter(({ from }) => /^@tensorflow\/.*\/dist\//.test(from)).map(({ from }) => `imports ${from}`),
    ),
  ).toEqual(['backend/gradients.ts: imports @tensorflow/tfjs-core/dist/register_all_gradients.js']);
});

it('imports no module of Node statically, so that browsers can load it', () => {
  expect(
    offences(({ imports }) =>
      imports.filter(({ from, dynamic }) => from.startsWith('node:') && !dynamic).map(({ from }) => `imports ${from}`),
    ),
  ).toEqual([]);
});

/** Bases that tests know by what derives from them, and what only files that load no main entry import. */
const BY_OTHERS = ['CandidateModel', 'ItemRules', 'Session', 'SessionNeighbors', 'UserModel', 'UserVectors', 'configureWasm', 'lastAttention']; // biome-ignore format: one line

it('has a test of every public name that imports it as users do', () => {
  const folder = fileURLToPath(new URL('..', import.meta.url));
  const tests = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => readFileSync(join(folder, path), 'utf8'));
  const imported = tests.flatMap((code) =>
    [...code.matchAll(/import (?:type )?\{([^}]*)\} from 'seqrec'/g)].flatMap(([, names = '']) =>
      names.split(/[\s,]+/),
    ),
  );
  const through = tests.flatMap((code) => [...code.matchAll(/\bseqrec\.(\w+)/g)].map(([, name]) => name));
  const known = new Set([...imported, ...through, ...BY_OTHERS]);
  expect(Object.keys(seqrec).filter((name) => !known.has(name))).toEqual([]);
});

/** On WebGPU a synchronous read returns zeros and loses the device. */
it('never reads a tensor synchronously', () => {
  expect(
    offences(({ code }) =>
      [...code.matchAll(/\.(dataSync|arraySync|bytesSync|print)\(/g)].map(([, name]) => `calls ${name}`),
    ),
  ).toEqual([]);
});

/** tfjs-core comes without the methods: `x.add(y)` works only where the application imports '@tensorflow/tfjs'. */
it('calls ops as functions', () => {
  const methods =
    /(?<!\b(?:tf|Math))\.(matMul|sub|mul|div|square|softmax|logSoftmax|reshape|transpose|relu|sigmoid|tanh|mean|gather|expandDims|squeeze|toFloat|toInt|neg|maximum|minimum|argMax|cast)\(/g;
  expect(offences(({ code }) => [...code.matchAll(methods)].map(([, name]) => `calls the method ${name}`))).toEqual([]);
});
