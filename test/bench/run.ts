/**
 * Measures seqrec: `npm run bench -- kernels|train|request|epoch [options]`. Each bench prints JSON lines, a case a line, and
 * explains itself in docs/performance.md; what is not a result goes to stderr.
 */
import { cpus } from 'node:os';

/** What a file of a bench exports: it gets the options after its name. */
interface Bench {
  run(options: string[]): Promise<void>;
}

const benches: { readonly [name: string]: () => Promise<Bench> } = {
  epoch: () => import('./epoch.ts'),
  kernels: () => import('./kernels.ts'),
  request: () => import('./request.ts'),
  train: () => import('./train.ts'),
};

const [name = '', ...options] = process.argv.slice(2);
const load = benches[name];
if (!load) {
  console.error(`Usage: npm run bench -- ${Object.keys(benches).join('|')} [options]`);
  process.exit(2);
}
const cores = cpus();
console.error(`Node ${process.versions.node}, ${cores.length} x ${cores[0]?.model.trim()}`);
await (await load()).run(options);
