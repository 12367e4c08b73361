/** What to try when neither the application nor an import has chosen a backend. */
import { environmentVariable, isServer } from './runtime.ts';
import type { Automatic, Candidate } from './select.ts';

/** Each backend package is loaded only when its turn comes. */
const node = lazy('node', 'tensorflow', async () => (await import('./node.ts')).node);
const webgpu = lazy('webgpu', 'webgpu', async () => (await import('./webgpu.ts')).webgpu);
const wasm = lazy('wasm', 'wasm', async () => (await import('./wasm.ts')).wasm);
const cpu = lazy('cpu', 'cpu', async () => (await import('./cpu.ts')).cpu);

export const automatic: Automatic = {
  /** The global goes before the environment variable, being nearer to the code. */
  wanted() {
    const name = (globalThis as { SEQREC_BACKEND?: unknown }).SEQREC_BACKEND ?? environmentVariable('SEQREC_BACKEND');
    if (name === undefined || name === '') return undefined;
    const all = [node, webgpu, wasm, cpu];
    const found = all.find((candidate) => candidate.name === name);
    if (found) return found;
    throw new RangeError(`SEQREC_BACKEND must be one of ${all.map((each) => each.name).join(', ')}, got '${name}'.`);
  },

  /** An installed tfjs-node is a preference. WebGL is left out: whatever has it has WebAssembly, for which we have kernels. */
  order() {
    return [...(isServer() ? [node] : []), webgpu, wasm, cpu];
  },
};

function lazy(name: Candidate['name'], backend: string, find: () => Promise<Candidate>): Candidate {
  return { name, backend, load: async (explicit) => (await find()).load(explicit) };
}
