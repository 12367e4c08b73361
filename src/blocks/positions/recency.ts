/** How recent an event is. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../../core/layout.ts';
import { Module } from '../../core/module.ts';
import type { Ragged } from '../../core/ragged.ts';
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import { Linear } from '../linear.ts';
import type { PositionBlock, PositionsPart } from './positions.ts';
import { timesOf } from './times.ts';

export interface RecencyOptions {
  /** The time that counts as one, in the unit of the log's times (milliseconds for dates). @defaultValue 1 */
  unit?: number | undefined;
}

/**
 * A linear map of two features of an event: ln(1 + time until the last event of the history / unit) and
 * ln(1 + position from the end). Both are 0 for the last event. It reads the whole history.
 */
export function recency(options: RecencyOptions = {}): PositionsPart {
  const { unit = 1, ...others } = options;
  refuseOthers('recency', others, options);
  checkNumber('recency: unit', unit, { above: 0 });
  return { name: 'recency', options: { unit }, create: ({ dim }) => new Recency(dim, unit) };
}

class Recency extends Module implements PositionBlock {
  readonly reads = 'all';
  readonly projection: Linear;

  constructor(
    dim: number,
    readonly unit: number,
  ) {
    super();
    this.projection = new Linear(2, dim);
  }

  forward(layout: Layout, events: Ragged): tf.Tensor2D {
    const { positionsFromEnd } = layout;
    const time = timesOf(events, layout, 'recency()');
    const features = new Float32Array(layout.capacity * 2);
    for (let row = 0; row < layout.rows; row++) {
      const after = positionsFromEnd[row] as number;
      const age = (time[row + after] as number) - (time[row] as number);
      features[2 * row] = Math.log1p(age / this.unit);
      features[2 * row + 1] = Math.log1p(after);
    }
    return this.projection.forward(tf.tensor2d(features, [layout.capacity, 2]));
  }
}
