/** Where the bytes of our WebAssembly kernels come from: the code of the package, files, or nowhere. */
import { environmentVariable, isServer } from './runtime.ts';

/** The files in `dist` that hold the kernels, of which the runtime's abilities select one. */
export type KernelFile = 'kernels-relaxed.wasm' | 'kernels-simd.wasm';

/** The file of each variant, best first. */
export const variants = { 'relaxed SIMD': 'kernels-relaxed.wasm', SIMD: 'kernels-simd.wasm' } as const;

/** The directory (path or URL) that holds the files, the path or URL of each, or false for no kernels. */
export type KernelPaths = string | Readonly<Record<KernelFile, string>> | false;

/** Undefined: inlined. */
let paths: KernelPaths | undefined;

/** Sets where the kernels come from. */
export function setKernelPaths(wanted: KernelPaths): void {
  const missing = typeof wanted === 'object' ? Object.values(variants).filter((file) => !wanted[file]) : [];
  if (missing.length > 0) {
    throw new TypeError(
      `kernels must be a directory, name both of ${Object.values(variants).join(', ')}, or be false; missing: ${missing.join(', ')}.`,
    );
  }
  paths = wanted;
}

/** Who has switched the kernels off, if anybody has. */
export function switchedOff(): string | undefined {
  if (paths === false) return 'configureWasm({ kernels: false })';
  const value = (globalThis as { SEQREC_KERNELS?: unknown }).SEQREC_KERNELS ?? environmentVariable('SEQREC_KERNELS');
  if (value === undefined || value === '') return undefined;
  if (value !== 'off') throw new RangeError(`SEQREC_KERNELS may only be 'off', got '${value}'.`);
  return 'SEQREC_KERNELS';
}

/** The bytes of one variant. */
export async function kernelBytes(file: KernelFile): Promise<Uint8Array<ArrayBuffer>> {
  if (!paths) {
    // A chunk of its own: who names files does not load it.
    const { relaxed, simd } = await import('../kernels/wasm/binary.ts');
    return decoded(file === variants.SIMD ? simd : relaxed);
  }
  const path = typeof paths === 'string' ? `${paths.replace(/\/$/, '')}/${file}` : paths[file];
  try {
    return await read(path);
  } catch (error) {
    throw new Error(
      `The kernels could not be loaded from ${path} (${(error as Error).message}): put ${file} of seqrec/dist there, or leave 'kernels' out of configureWasm.`,
      { cause: error },
    );
  }
}

async function read(path: string): Promise<Uint8Array<ArrayBuffer>> {
  if (isServer() && !/^https?:/.test(path)) {
    const fs = globalThis.process.getBuiltinModule('node:fs/promises');
    return new Uint8Array(await fs.readFile(path.startsWith('file:') ? new URL(path) : path));
  }
  const response = await fetch(path);
  if (!response.ok) throw new Error(`status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** By the runtime where it can (Node, Bun, new browsers), which is many times faster. */
function decoded(base64: string): Uint8Array<ArrayBuffer> {
  const { Buffer } = globalThis as { Buffer?: { from(text: string, encoding: 'base64'): Uint8Array<ArrayBuffer> } };
  const { fromBase64 } = Uint8Array as { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> };
  if (fromBase64) return fromBase64.call(Uint8Array, base64);
  if (Buffer) return Buffer.from(base64, 'base64');
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
