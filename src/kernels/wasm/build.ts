/**
 * Compiles `assembly/` into `binary.ts`, once with plain SIMD and once with relaxed SIMD, unless that is up to date.
 * Run by `npm run build:kernels`; no part of the library.
 */
import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';
import { tiles } from './tiles.ts';

const MAX_BYTES = 40_000;
const variants = {
  simd: ['--enable', 'simd'],
  relaxed: ['--enable', 'simd', '--enable', 'relaxed-simd'],
};

const here = fileURLToPath(new URL('.', import.meta.url));
const output = `${here}binary.ts`;
const sources = readdirSync(`${here}assembly`).map((file) => `${here}assembly/${file}`);

if (!upToDate()) {
  const lines = ['/** The compiled kernels in base64. Made by `npm run build:kernels` out of `assembly/`. */'];
  for (const [name, features] of Object.entries(variants)) {
    lines.push(`export const ${name} =\n  '${Buffer.from(await compile(name, features)).toString('base64')}';`);
  }
  // In one step, since several processes may build at once.
  const temporary = `${output}.${process.pid}`;
  writeFileSync(temporary, `${lines.join('\n')}\n`);
  renameSync(temporary, output);
}

function upToDate(): boolean {
  if (!existsSync(output)) return false;
  const inputs = [fileURLToPath(import.meta.url), `${here}tiles.ts`, `${here}assembly`, ...sources];
  return inputs.every((file) => statSync(file).mtimeMs < statSync(output).mtimeMs);
}

async function compile(name: string, features: readonly string[]): Promise<Uint8Array> {
  const written = new Map<string, string | Uint8Array>();
  // s: little is inlined, which takes a tenth of the bytes and no time.
  const options = '-O3s --noAssert --runtime stub --importMemory --use abort= --outFile out.wasm --textFile out.wat';
  const { error, stderr } = await asc.main(['index.ts', ...options.split(' '), ...features], {
    readFile(file) {
      if (file === 'tiles.ts') return tiles();
      const path = `${here}assembly/${file}`;
      return existsSync(path) ? readFileSync(path, 'utf8') : null;
    },
    writeFile: (file, contents) => void written.set(file, contents),
  });
  if (error) throw new Error(`The kernels (${name}) do not compile: ${stderr}`, { cause: error });
  const binary = written.get('out.wasm') as Uint8Array;
  if (binary.length > MAX_BYTES)
    throw new Error(`The kernels (${name}) are ${binary.length} bytes, over ${MAX_BYTES}.`);
  // The memory is that of tfjs-wasm: a data segment would overwrite what lies there.
  if (/^\s*\((data|start|import "(?!env" "memory"))/m.test(written.get('out.wat') as string)) {
    throw new Error(`The kernels (${name}) must have no data, no start function and no import but the memory.`);
  }
  return binary;
}
