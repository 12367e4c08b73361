/**
 * What the machine can do at most: 128-bit multiply-adds on registers only. WebAssembly has no wider vectors, so this is
 * the limit of every kernel.
 */
import asc from 'assemblyscript/asc';

/** How many multiply-adds run side by side: enough to hide the latency of two units, few enough for 16 registers. */
const CHAINS = 12;

/**
 * Chains of multiply-adds, each of which waits for the one before it in its own chain. The factor is an argument: as a
 * constant it would be made anew for every use.
 */
const source = (madd: string) => `
export function latency(steps: i32, factor: f32): f32 {
  const x = f32x4.splat(factor);
  let a = f32x4.splat(1);
  for (; steps > 0; steps -= ${CHAINS}) {
    ${`a = ${madd.replace('C', 'a')};\n`.repeat(CHAINS)}
  }
  return f32x4.extract_lane(a, 0);
}
export function throughput(steps: i32, factor: f32): f32 {
  const x = f32x4.splat(factor);
  ${chains((i) => `let a${i} = f32x4.splat(${i});`)}
  for (; steps > 0; steps--) {
    ${chains((i) => `a${i} = ${madd.replace('C', `a${i}`)};`)}
  }
  return f32x4.extract_lane(${chains((i) => `a${i}`, ', ')
    .split(', ')
    .reduce((sum, a) => `f32x4.add(${sum}, ${a})`)}, 0);
}`;

function chains(line: (i: number) => string, separator = '\n'): string {
  return Array.from({ length: CHAINS }, (_, i) => line(i)).join(separator);
}

export interface Peak {
  /** Whether a multiply-add is one instruction. */
  readonly relaxed: boolean;
  /** 10^9 operations a second: four multiplications and four additions a multiply-add. */
  readonly gflops: number;
  /** Nanoseconds from one multiply-add to the one that needs its result; 4 cycles on most processors. */
  readonly latencyNs: number;
}

/** Measures the peak of one core, with relaxed SIMD where the runtime has it. */
export async function measurePeak(): Promise<Peak> {
  const fused = await compile('f32x4.relaxed_madd(x, x, C)', ['--enable', 'relaxed-simd']);
  const relaxed = WebAssembly.validate(fused);
  const binary = relaxed ? fused : await compile('f32x4.add(f32x4.mul(x, x), C)', []);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(binary));
  const { latency, throughput } = exports as { [name: string]: (steps: number, factor: number) => number };
  // Twice, so that the optimising compiler has taken over.
  const best = (run: () => void) =>
    Math.min(
      ...Array.from({ length: 20 }, () => {
        const start = performance.now();
        run();
        return performance.now() - start;
      }),
    );
  const [one, many] = [6_000_000, 1_000_000];
  const latencyNs = (best(() => latency?.(one, 0.5)) / one) * 1e6;
  const gflops = (many * CHAINS * 8) / (best(() => throughput?.(many, 0.5)) * 1e6);
  return { relaxed, gflops, latencyNs };
}

async function compile(madd: string, features: readonly string[]): Promise<Uint8Array<ArrayBuffer>> {
  let binary: Uint8Array<ArrayBuffer> | undefined;
  const options = ['peak.ts', '-O3', '--runtime', 'stub', '--enable', 'simd', ...features, '--outFile', 'peak.wasm'];
  const { error, stderr } = await asc.main(options, {
    readFile: (name) => (name === 'peak.ts' ? source(madd) : null),
    writeFile: (_, contents) => {
      binary = contents as Uint8Array<ArrayBuffer>;
    },
  });
  if (error || !binary) throw new Error(`The chain of multiply-adds does not compile: ${stderr}`, { cause: error });
  return binary;
}
