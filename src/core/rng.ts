/** Counter-based randomness: an `Rng` is a key, and a draw is a hash of the key and an index. */

const GOLDEN = 0x9e3779b9;

/**
 * A random stream that is a key, never a state: using it does not change it, so a draw depends only on the seed, the
 * names it was forked by and the index asked for. Every use forks with its own name. All numbers are the same on every
 * platform: integers come from 32-bit multiplications, normals use only `+ - * /` and `sqrt`.
 *
 * @example
 * ```ts
 * const rng = new Rng(42).fork('dropout').fork(3);
 * rng.uniform(0); // always the same number
 * ```
 */
export class Rng {
  /** The 64-bit key as two unsigned 32-bit words; kernels hash it with their own indices. */
  readonly key: readonly [low: number, high: number];

  /** @param seed an integer from 0 to 2^53 - 1, or the key of another stream */
  constructor(seed: number | readonly [low: number, high: number]) {
    if (typeof seed !== 'number') {
      this.key = seed;
      return;
    }
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new RangeError(`A seed must be an integer from 0 to 2^53 - 1, got ${seed}.`);
    }
    this.key = [mix(seed >>> 0), mix(Math.floor(seed / 4294967296) ^ GOLDEN)];
  }

  /** An independent stream named `name`: a text, or an integer such as a step, an epoch or a layer. */
  fork(name: string | number): Rng {
    const text = typeof name === 'number' ? `#${name}` : name;
    let [low, high] = this.key;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i) + 1;
      low = mix(low + Math.imul(code, GOLDEN));
      high = mix((high ^ low) + code);
    }
    return new Rng([mix(low ^ GOLDEN), mix(high + low)]);
  }

  /** The unsigned 32-bit integer at `index` of this stream. */
  uint32(index: number): number {
    const [low, high] = this.key;
    return mix(mix(low + Math.imul(index, GOLDEN)) ^ high);
  }

  /** The number at `index` of this stream, uniform in [0, 1). */
  uniform(index: number): number {
    return this.uint32(index) / 4294967296;
  }

  /** The integer at `index` of this stream, uniform in 0 … bound - 1 (bias below bound / 2^32). */
  int(index: number, bound: number): number {
    return Math.floor(this.uniform(index) * bound);
  }

  /** Fills `out` with numbers uniform in [low, high). */
  uniforms<T extends Float32Array | Float64Array>(out: T, low = 0, high = 1): T {
    for (let i = 0; i < out.length; i++) out[i] = low + (high - low) * this.uniform(i);
    return out;
  }

  /** Fills `out` with normal numbers (Marsaglia's polar method on a logarithm of our own). */
  normals<T extends Float32Array | Float64Array>(out: T, mean = 0, std = 1): T {
    for (let i = 0, draw = 0; i < out.length; ) {
      const u = 2 * this.uniform(draw++) - 1;
      const v = 2 * this.uniform(draw++) - 1;
      const s = u * u + v * v;
      if (s >= 1 || s === 0) continue;
      const radius = Math.sqrt((-2 * ln(s)) / s);
      out[i++] = mean + std * u * radius;
      if (i < out.length) out[i++] = mean + std * v * radius;
    }
    return out;
  }

  /** The numbers 0 … n - 1 in a random order (Fisher-Yates). */
  permutation(n: number): Int32Array {
    const order = new Int32Array(n);
    for (let i = 0; i < n; i++) {
      const j = this.int(i, i + 1);
      order[i] = order[j] as number;
      order[j] = i;
    }
    return order;
  }
}

/** A bijection of 32 bits in which every input bit reaches every output bit (C. Wellons, "lowbias32"). */
export function mix(x: number): number {
  let h = x >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The natural logarithm of 0 < x < 1 to double precision, from exactly rounded operations only. */
function ln(x: number): number {
  let mantissa = x;
  let exponent = 0;
  while (mantissa < Math.SQRT1_2) {
    mantissa *= 2;
    exponent--;
  }
  const t = (mantissa - 1) / (mantissa + 1);
  const square = t * t;
  let sum = 0;
  for (let k = 25; k >= 1; k -= 2) sum = sum * square + 1 / k;
  return 2 * t * sum + exponent * Math.LN2;
}
