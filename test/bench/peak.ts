/**
 * What the machine can do at most: 128-bit multiply-adds on registers only. WebAssembly has no wider vectors, so this is
 * the limit of every kernel.
 */
import asc from 'assemblyscript/asc';

/** How many multiply-adds run side by side: enough to hide the latency of two units, few enough for 16 registers. */
const CHAINS = 12;

/** The code of x · y + sum. */
type MultiplyAdd = (x: string, y: string, sum: string) => string;

/** The sum of all chains, so that none is left out by the compiler. */
const SUM = `f32x4.extract_lane(${Array.from({ length: CHAINS }, (_, i) => `a${i}`).reduce((sum, a) => `f32x4.add(${sum}, ${a})`)}, 0)`;

/**
 * Chains of multiply-adds, each of which waits for the one before it in its own chain. The factor is an argument: as a
 * constant it would be made anew for every use. `loading` reads what it multiplies from 4 kB of memory, eight loads to
 * twelve multiply-adds, as the loop of a product does.
 */
const source = (madd: MultiplyAdd) => `
export function latency(steps: i32, factor: f32): f32 {
  const x = f32x4.splat(factor);
  let a = f32x4.splat(1);
  for (; steps > 0; steps -= ${CHAINS}) {
    ${`a = ${madd('x', 'x', 'a')};\n`.repeat(CHAINS)}
  }
  return f32x4.extract_lane(a, 0);
}
export function throughput(steps: i32, factor: f32): f32 {
  const x = f32x4.splat(factor);
  ${chains((i) => `let a${i} = f32x4.splat(${i});`)}
  for (; steps > 0; steps--) {
    ${chains((i) => `a${i} = ${madd('x', 'x', `a${i}`)};`)}
  }
  return ${SUM};
}
export function loading(steps: i32): f32 {
  ${chains((i) => `let a${i} = f32x4.splat(${i});`)}
  while (steps > 0) {
    const at: usize = (steps & 56) << 5;
    ${Array.from({ length: 8 }, (_, step) => tileStep(step, madd)).join('\n')}
    steps -= 8;
  }
  return ${SUM};
}`;

/** One of the eight steps in a round of the loop of a product (src/kernels/wasm/tiles.ts). */
function tileStep(step: number, madd: MultiplyAdd): string {
  const rows = Array.from({ length: CHAINS / 2 }, (_, i) => {
    const [left, right] = [`a${2 * i}`, `a${2 * i + 1}`];
    return `x = v128.load_splat<f32>(at, ${2048 + 24 * step + 4 * i}); ${left} = ${madd('x', 'left', left)}; ${right} = ${madd('x', 'right', right)};`;
  });
  return `${step > 0 ? `if (steps === ${step}) break;` : ''} {
    const left = v128.load(at, ${32 * step});
    const right = v128.load(at, ${32 * step + 16});
    let x: v128;
    ${rows.join('\n')}
  }`;
}

function chains(line: (i: number) => string): string {
  return Array.from({ length: CHAINS }, (_, i) => line(i)).join('\n');
}

export interface Peak {
  /** Whether a multiply-add is one instruction. */
  readonly relaxed: boolean;
  /** Operations of one call of `free` or `loading`: four multiplications and four additions a multiply-add. */
  readonly flops: number;
  /** Chains on registers only: the limit. */
  free(): void;
  /** The same multiply-adds with the loads of a product, from the nearest cache. */
  loading(): void;
  /** A single chain of {@link links} multiply-adds, each of which waits for the one before it: 4 cycles on most processors. */
  single(): void;
  readonly links: number;
}

/** Prepares the chains, with relaxed SIMD where the runtime has it. */
export async function makePeak(): Promise<Peak> {
  const fused = await compile((x, y, sum) => `f32x4.relaxed_madd(${x}, ${y}, ${sum})`, ['--enable', 'relaxed-simd']);
  const relaxed = WebAssembly.validate(fused);
  const binary = relaxed ? fused : await compile((x, y, sum) => `f32x4.add(f32x4.mul(${x}, ${y}), ${sum})`, []);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(binary));
  const { latency, throughput, loading } = exports as { [name: string]: (steps: number, factor?: number) => number };
  const [links, many] = [1_200_000, 500_000];
  return {
    relaxed,
    flops: many * CHAINS * 8,
    free: () => void throughput?.(many, 0.5),
    loading: () => void loading?.(many),
    single: () => void latency?.(links, 0.5),
    links,
  };
}

async function compile(madd: MultiplyAdd, features: readonly string[]): Promise<Uint8Array<ArrayBuffer>> {
  let binary: Uint8Array<ArrayBuffer> | undefined;
  const options = '-O3 --runtime stub --initialMemory 1 --enable simd --outFile peak.wasm'.split(' ');
  const { error, stderr } = await asc.main(['peak.ts', ...options, ...features], {
    readFile: (name) => (name === 'peak.ts' ? source(madd) : null),
    writeFile: (_, contents) => {
      binary = contents as Uint8Array<ArrayBuffer>;
    },
  });
  if (error || !binary) throw new Error(`The chain of multiply-adds does not compile: ${stderr}`, { cause: error });
  return binary;
}
