/** Times between events, in buckets. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../../core/layout.ts';
import { Module } from '../../core/module.ts';
import type { Ragged } from '../../core/ragged.ts';
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import { Embedding } from '../embedding.ts';
import type { PositionBlock, PositionsPart } from './positions.ts';
import { timesOf } from './times.ts';

export interface TimeBucketsOptions {
  /** The width of the first bucket, in the unit of the log's times (milliseconds for dates). @defaultValue 1 */
  unit?: number | undefined;
  /** How many times wider each next bucket ends. @defaultValue 2 */
  base?: number | undefined;
  /** Rows of the table, the one for first events included. @defaultValue 32 */
  buckets?: number | undefined;
}

/**
 * A trained vector for how long ago the event before was: row 0 where there is none, row 1 for less than `unit`, row 2
 * for less than `unit · base`, row 3 for less than `unit · base²`, … and the last row for all that is longer. It reads
 * the past only. RecTools' HSTU puts such buckets (base e^0.301) on pairs of events, inside the attention.
 */
export function timeBuckets(options: TimeBucketsOptions = {}): PositionsPart {
  const { unit = 1, base = 2, buckets = 32, ...others } = options;
  refuseOthers('timeBuckets', others, options);
  checkNumber('timeBuckets: unit', unit, { above: 0 });
  checkNumber('timeBuckets: base', base, { above: 1 });
  checkNumber('timeBuckets: buckets', buckets, { min: 2, integer: true });
  return {
    name: 'timeBuckets',
    options: { unit, base, buckets },
    create: ({ dim }) => new TimeBuckets(dim, { unit, base, buckets }),
  };
}

class TimeBuckets extends Module implements PositionBlock {
  readonly gaps: Embedding;
  readonly #ends: Float64Array;

  constructor(dim: number, { unit, base, buckets }: { unit: number; base: number; buckets: number }) {
    super();
    this.gaps = new Embedding(buckets, dim);
    // By products, not by logarithms, which differ in the last bit between engines.
    this.#ends = new Float64Array(buckets - 2);
    for (let i = 0, end = unit; i < buckets - 2; i++, end *= base) this.#ends[i] = end;
  }

  forward(layout: Layout, events: Ragged): tf.Tensor2D {
    const time = timesOf(events, layout, 'timeBuckets()');
    const rows = new Int32Array(layout.capacity);
    for (let row = 1; row < layout.rows; row++) {
      if (layout.sequences[row] !== layout.sequences[row - 1]) continue;
      const gap = (time[row] as number) - (time[row - 1] as number);
      let bucket = 0;
      while (bucket < this.#ends.length && gap >= (this.#ends[bucket] as number)) bucket++;
      rows[row] = bucket + 1;
    }
    return this.gaps.forward(rows);
  }
}
