/** Times as a number between 0 and 1. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../../core/layout.ts';
import { Module } from '../../core/module.ts';
import type { Ragged } from '../../core/ragged.ts';
import { Linear } from '../linear.ts';
import type { PositionBlock, PositionsPart } from './positions.ts';
import { timesOf } from './times.ts';

/**
 * A linear map of when an event happened within its history, from 0 for the first to 1 for the last:
 * (t − first) / (last − first + 1e-8). Differences are taken in double precision; code that casts seconds since 1970 to
 * 32 bits first sees steps of 128 s. Where the last event lies is in every row, so this reads the whole history.
 */
export function continuousTime(): PositionsPart {
  return { name: 'continuousTime', options: {}, create: ({ dim }) => new ContinuousTime(dim) };
}

class ContinuousTime extends Module implements PositionBlock {
  readonly reads = 'all';
  readonly projection: Linear;

  constructor(dim: number) {
    super();
    this.projection = new Linear(1, dim);
  }

  forward(layout: Layout, events: Ragged): tf.Tensor2D {
    const { offsets, sequences } = layout;
    const time = timesOf(events, layout, 'continuousTime()');
    const shares = new Float32Array(layout.capacity);
    for (let row = 0; row < layout.rows; row++) {
      const b = sequences[row] as number;
      const first = time[offsets[b] as number] as number;
      const last = time[(offsets[b + 1] as number) - 1] as number;
      shares[row] = ((time[row] as number) - first) / (last - first + 1e-8);
    }
    return this.projection.forward(tf.tensor2d(shares, [layout.capacity, 1]));
  }
}
