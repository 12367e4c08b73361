/**
 * What the kernels add to the start, in processes of their own: `ready()` with them (ours) and without (the rival).
 * The difference is decoding, compiling, and the self-test that compiles what it calls.
 */
import { execFileSync } from 'node:child_process';
import { abab, digits, type Times } from './abab.ts';

const script = `
import 'seqrec/wasm';
import { ready } from 'seqrec';
const start = performance.now();
await ready();
console.log(performance.now() - start);`;

export async function measureLoad(rounds: number): Promise<object> {
  const start = (kernels: string) => () =>
    Number(
      execFileSync(process.execPath, ['--input-type=module', '-e', script], {
        encoding: 'utf8',
        env: { ...process.env, SEQREC_KERNELS: kernels },
      }),
    );
  const [ours, rival] = (await abab([start(''), start('off')], rounds)) as [Times, Times];
  return {
    case: 'load',
    rival: 'without kernels',
    ours_ms: digits(ours.median),
    rival_ms: digits(rival.median),
    kernels_ms: digits(ours.median - rival.median),
    ours_min_ms: digits(ours.min),
    rival_min_ms: digits(rival.min),
    kernels_min_ms: digits(ours.min - rival.min),
  };
}
