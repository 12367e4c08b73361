/** Distances in time as a bias of pairs. */
import type * as tf from '@tensorflow/tfjs-core';
import { normal } from '../../core/initializers.ts';
import type { Layout } from '../../core/layout.ts';
import { Module } from '../../core/module.ts';
import { Parameter } from '../../core/parameter.ts';
import type { Ragged } from '../../core/ragged.ts';
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import { embedding } from '../../ops/embedding.ts';
import { pairIndices } from '../../ops/pairs.ts';
import type { PairBias, PairBiasPart } from './pair-bias.ts';
import { timesOf } from './times.ts';

export interface RelativeTimesOptions {
  /** The time that counts as one, in the unit of the log's times (milliseconds for dates). @defaultValue 1 */
  unit?: number | undefined;
  /** How many times longer each next bucket begins. @defaultValue e^0.301, as in HSTU's code */
  base?: number | undefined;
  /** The most that a bucket's number is; the table has one row more. @defaultValue 128 */
  buckets?: number | undefined;
}

/**
 * A trained number for how long before the query the key was, in buckets `⌊log(max(1, |Δt| / unit)) / log(base)⌋`, for all
 * heads (HSTU: Zhai et al., ICML 2024, `rab^t`). The time of the query is that of its own event. The codes of Meta and RecTools
 * take the time of the next one, which training knows and a request does not.
 *
 * @throws Error, when it is used, if the events have no times
 */
export function relativeTimes(given: RelativeTimesOptions = {}): PairBiasPart {
  const { unit = 1, base = BASE, buckets = 128, ...others } = given;
  refuseOthers('relativeTimes', others, given);
  checkNumber('relativeTimes: unit', unit, { above: 0 });
  checkNumber('relativeTimes: base', base, { above: 1 });
  checkNumber('relativeTimes: buckets', buckets, { min: 1, max: 10000, integer: true });
  const options = { unit, base, buckets };
  return { name: 'relativeTimes', options, create: () => new RelativeTimes(options) };
}

/** e^0.301; a literal, since Math.exp differs in the last bit between engines. */
const BASE = 1.3512093415380155;

class RelativeTimes extends Module implements PairBias {
  /** `[buckets + 1, 1]` */
  readonly weight: Parameter;
  /** Where the buckets 1, 2, … begin. */
  readonly #begins: Float64Array;
  readonly #name: string;

  constructor({ unit, base, buckets }: Required<{ [K in keyof RelativeTimesOptions]: number }>) {
    super();
    this.weight = new Parameter([buckets + 1, 1], normal(0.02));
    // By products, not by logarithms, which differ between engines.
    this.#begins = new Float64Array(buckets);
    for (let i = 0, begin = unit * base; i < buckets; i++, begin *= base) this.#begins[i] = begin;
    this.#name = `relative times ${unit} ${base} ${buckets}`;
  }

  forward(queries: Layout, keys: Layout, events: Ragged): tf.Tensor2D {
    const times = timesOf(events, keys, 'relativeTimes()');
    const asked = keys.rowsOf(queries);
    const row = (query: number, key: number) =>
      this.#bucket((times[asked[query] as number] as number) - (times[key] as number));
    return embedding(this.weight, pairIndices(queries, keys, [times, this.#name], row));
  }

  /** How many buckets begin at this time or before. */
  #bucket(time: number): number {
    const distance = Math.abs(time);
    let [low, high] = [0, this.#begins.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#begins[middle] as number) <= distance) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
