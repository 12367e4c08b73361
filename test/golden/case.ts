/**
 * One golden case: stored numbers, comparisons, and a mark on each stored tensor that was compared.
 *
 * An adapter is a function from a case to nothing: it reads `config`, `state/…` and `in/…`, computes with seqrec's public
 * names, and hands every `out/… loss/… grad/… train/… f64/…` tensor to `compare`. A case passes when every stored result
 * was compared (or is excepted with a reason) and all agreed. A comparison never throws: it notes the difference.
 */
import { readCase, type StoredTensor } from './safetensors.ts';

/** Compares all stored results of one case. */
export type Adapter = (kase: GoldenCase) => Promise<void>;

/** Which adapter serves the cases whose name matches. */
export type AdapterTable = readonly (readonly [name: RegExp, adapter: Adapter])[];

/** |got - stored| ≤ abs + rel · |stored| */
export interface Tolerance {
  readonly abs: number;
  readonly rel: number;
}

/** How a padded case is read: pads left out, pads as ordinary rows, or pads that ask but are not asked. */
export type Reading = 'drop' | 'token' | 'query';

export interface CompareOptions {
  /** Compare only the elements for which this holds; `why` says what the others are. */
  readonly where?: { readonly keep: (element: number) => boolean; readonly why: string } | undefined;
  /** Instead of the group's tolerance. */
  readonly tolerance?: Tolerance | undefined;
}

/** Counts of one group of tensors for the report. */
export interface Count {
  stored: number;
  compared: number;
}

const GROUPS = ['out', 'loss', 'grad', 'train'] as const;
type Group = (typeof GROUPS)[number];

/** Prefixes of what an adapter reads; every other tensor is a result. */
const INPUTS = /^(in|state|state0|buffer|grad_step\d+)\//;

export class GoldenCase {
  readonly name: string;
  readonly config: { readonly [key: string]: unknown };
  readonly metadata: { readonly [key: string]: unknown };
  /** Every difference, as one sentence each. */
  readonly differences: string[] = [];
  /** Results that are not compared, in whole or in part, and why. */
  readonly exceptions = new Map<string, string>();
  reading: Reading | undefined;
  /** Why the adapter computes something itself, or joins parts, where a public name should do it whole. */
  composed: string | undefined;
  readonly #tensors: ReadonlyMap<string, StoredTensor>;
  readonly #compared = new Set<string>();

  constructor(name: string, tensors: ReadonlyMap<string, StoredTensor>, metadata: { readonly [key: string]: unknown }) {
    this.name = name;
    this.metadata = metadata;
    this.config = (metadata.config ?? {}) as { readonly [key: string]: unknown };
    this.#tensors = tensors;
  }

  static read(name: string, file: string): GoldenCase {
    const { tensors, metadata } = readCase(file);
    return new GoldenCase(name, tensors, metadata);
  }

  // What is stored

  has(key: string): boolean {
    return this.#tensors.has(key);
  }

  /** The keys that begin with `prefix`, in the file's order. */
  keys(prefix: string): string[] {
    return [...this.#tensors.keys()].filter((key) => key.startsWith(prefix));
  }

  /** The names of the parameters under `state/`. */
  parameters(): string[] {
    return this.keys('state/').map((key) => key.slice('state/'.length));
  }

  shape(key: string): readonly number[] {
    return this.#get(key).shape;
  }

  /** The size of one axis; a negative axis counts from the end. */
  size(key: string, axis: number): number {
    const n = this.shape(key).at(axis);
    if (n === undefined) throw new Error(`${this.name}: ${key} has no axis ${axis}.`);
    return n;
  }

  /** A float tensor as float32. */
  floats(key: string): Float32Array {
    return Float32Array.from(this.#get(key).data);
  }

  /** A tensor in full precision. */
  doubles(key: string): Float64Array {
    return Float64Array.from(this.#get(key).data);
  }

  /** An integer tensor (ids, lengths, masks). */
  ints(key: string): Int32Array {
    return Int32Array.from(this.#get(key).data);
  }

  /** A number of the config under the first of `names` that is there. */
  number(...names: string[]): number {
    const name = names.find((key) => typeof this.config[key] === 'number');
    if (name === undefined) throw new Error(`${this.name}: the config has no number ${names.join(' or ')}.`);
    return this.config[name] as number;
  }

  #get(key: string): StoredTensor {
    const stored = this.#tensors.get(key);
    if (!stored) throw new Error(`${this.name} has no tensor ${key}.`);
    return stored;
  }

  // Comparisons

  /** Compares `got` (row-major) with the stored tensor and marks it. */
  compare(key: string, got: ArrayLike<number> | number, options: CompareOptions = {}): void {
    const { data, shape } = this.#get(key);
    const values = typeof got === 'number' ? [got] : got;
    this.#compared.add(key);
    if (values.length !== data.length) {
      this.differences.push(`${key} has ${data.length} values [${shape.join(', ')}], got ${values.length}`);
      return;
    }
    const { abs, rel } = options.tolerance ?? this.tolerance(key);
    const { where } = options;
    if (where) this.exceptions.set(`part of ${key}`, where.why);
    let [kept, off, worst, at] = [0, 0, 0, -1];
    for (let i = 0; i < data.length; i++) {
      if (where && !where.keep(i)) continue;
      kept++;
      const [a, b] = [values[i] as number, data[i] as number];
      if (Object.is(a, b) || a === b) continue;
      const excess = Math.abs(a - b) / (abs + rel * Math.abs(b));
      if (excess <= 1) continue;
      off++;
      // A NaN is the worst of all.
      const rank = Number.isNaN(excess) ? Infinity : excess;
      if (at < 0 || rank > worst) [worst, at] = [rank, i];
    }
    if (kept === 0 && data.length > 0) this.differences.push(`${key}: nothing was compared`);
    if (off > 0) {
      const index = unravel(at, shape).join(', ');
      this.differences.push(`${key}[${index}] is ${data[at]}, got ${values[at]} (${off} of ${kept} differ)`);
    }
  }

  /**
   * Compares every `grad/<loss>/…` of a loss with `got`, by the peer's parameter name. A parameter without a stored
   * gradient has none in the peer: ours must be zero.
   */
  compareGradients(loss: string, got: ReadonlyMap<string, ArrayLike<number>>): void {
    const prefix = `grad/${loss}/`;
    const stored = new Set(this.keys(prefix).map((key) => key.slice(prefix.length)));
    for (const name of stored) {
      const values = got.get(name);
      if (values) this.compare(prefix + name, values);
      else this.differences.push(`${prefix}${name}: no gradient`);
    }
    for (const [name, values] of got) {
      if (stored.has(name) || Array.prototype.every.call(values, (value) => value === 0)) continue;
      this.differences.push(`${prefix}${name} is zero in the peer, got another gradient`);
    }
  }

  /**
   * Compares a training run: `losses` before each step and after the last, and the L2 norm of each parameter by the
   * peer's name. `drifts` names the parameters (biases) whose gradient is zero by mathematics: Adam turns its rounding
   * noise into steps, so their norms mean nothing.
   */
  compareTraining(
    loss: string,
    losses: ArrayLike<number>,
    norms: ReadonlyMap<string, number>,
    drifts: (parameter: string) => boolean,
  ): void {
    this.compare(`train/${loss}/adam_losses`, losses);
    const key = `train/${loss}/final_param_l2`;
    if (!this.has(key)) return;
    const order = this.metadata.train_param_order as readonly string[];
    this.compare(
      key,
      order.map((name) => norms.get(name) ?? NaN),
      order.some(drifts)
        ? { where: { keep: (i) => !drifts(order[i] as string), why: 'biases without a gradient' } }
        : {},
    );
  }

  /** Leaves a stored result out and says why. */
  except(key: string, why: string): void {
    if (this.has(key)) this.exceptions.set(key, why);
  }

  /** The tolerance of a key's group, widened where the peer's own float32 run is off its float64 run. */
  tolerance(key: string): Tolerance {
    const noise = (this.metadata.f32_vs_f64_maxabs ?? {}) as { readonly [group: string]: number | undefined };
    const widened = (base: Tolerance, off = 0) => ({ abs: Math.max(base.abs, 2 * off), rel: base.rel });
    if (key.endsWith('/final_param_l2')) return { abs: 0, rel: 1e-3 };
    if (key.startsWith('train/')) return widened({ abs: 1e-4, rel: 1e-4 }, noise.train_losses);
    if (key.startsWith('grad/')) return widened({ abs: 5e-5, rel: 1e-3 }, noise.grad);
    if (key.startsWith('loss/')) return widened({ abs: 2e-5, rel: 2e-5 }, noise.loss);
    return widened({ abs: 2e-5, rel: 2e-5 }, noise.out);
  }

  // The report

  /** Stored results that were neither compared nor excepted. */
  missed(): string[] {
    return this.#results().filter((key) => !this.#compared.has(key) && !this.exceptions.has(key));
  }

  /** Compared and stored results by group; excepted ones are not counted, a training run counts once. */
  counts(): Record<Group, Count> {
    const missed = new Set(this.missed().map(unit));
    const counts = Object.fromEntries(GROUPS.map((group) => [group, { stored: 0, compared: 0 }]));
    const units = new Set(
      this.#results()
        .filter((key) => this.#compared.has(key) || !this.exceptions.has(key))
        .map(unit),
    );
    for (const name of units) {
      const group = GROUPS.find((prefix) => name.startsWith(`${prefix}/`)) ?? 'out';
      const count = counts[group] as Count;
      count.stored++;
      if (!missed.has(name)) count.compared++;
    }
    return counts as Record<Group, Count>;
  }

  #results(): string[] {
    return [...this.#tensors.keys()].filter((key) => !INPUTS.test(key));
  }
}

/** What is counted as one: a tensor, or the tensors of one training run. */
function unit(key: string): string {
  return key.startsWith('train/') ? key.slice(0, key.lastIndexOf('/')) : key;
}

function unravel(index: number, shape: readonly number[]): number[] {
  const out: number[] = [];
  let rest = index;
  for (const n of [...shape].reverse()) {
    out.unshift(rest % n);
    rest = Math.floor(rest / n);
  }
  return out;
}
