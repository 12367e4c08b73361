/** Caser's horizontal convolutions: what some neighbouring events have in common. */
import * as tf from '@tensorflow/tfjs-core';
import { fanInUniform } from '../core/initializers.ts';
import { Module } from '../core/module.ts';
import { range } from '../core/ragged.ts';
import { checkNumber, expectShape, refuseOthers } from '../core/shape.ts';
import { type Activation, relu } from '../ops/activations.ts';
import { gatherRows } from '../ops/gather-rows.ts';
import { maxOverTime } from '../ops/max-over-time.ts';
import { Linear } from './linear.ts';

export interface HorizontalConvolutionOptions {
  /** Events of a window, L. */
  length: number;
  /** Width of an event, D. */
  dim: number;
  /** Filters of each height. @defaultValue 16 */
  filters?: number | undefined;
  /** How many neighbouring events a filter sees, from 1 to `length`. @defaultValue 1 … length */
  heights?: readonly number[] | undefined;
  /** @defaultValue relu */
  activation?: Activation | undefined;
}

/**
 * Filters that slide down a window of L events, each as wide as an event and some events high, and keep their largest
 * response (Tang & Wang, WSDM 2018, section 3.2.1). The weight of the filters of one height h is `[filters, h · D]`, event
 * after event.
 */
export class HorizontalConvolution extends Module {
  /** One map for each height. */
  readonly maps: Linear[];
  readonly heights: readonly number[];
  readonly length: number;
  readonly dim: number;
  readonly activation: Activation;

  constructor({ length, dim, filters = 16, heights, activation = relu, ...others }: HorizontalConvolutionOptions) {
    super();
    refuseOthers('HorizontalConvolution', others);
    this.length = checkNumber('length', length, { min: 1, integer: true });
    this.dim = dim;
    this.heights = heights ?? Array.from(range(length), (i) => i + 1);
    if (this.heights.length === 0) throw new RangeError('heights must have at least one height, got none.');
    for (const height of this.heights) checkNumber('A height', height, { min: 1, max: length, integer: true });
    this.maps = this.heights.map((height) => new Linear(height * dim, filters, { init: fanInUniform }));
    this.activation = activation;
  }

  /**
   * @param windows `[B, L, D]`
   * @returns `[B, heights · filters]`, height after height
   */
  forward(windows: tf.Tensor3D): tf.Tensor2D {
    const { length, dim } = this;
    expectShape(windows, [-1, length, dim], 'The windows of HorizontalConvolution');
    const [count] = windows.shape;
    const rows: tf.Tensor2D = tf.reshape(windows, [count * length, dim]);
    const responses = this.maps.map((map, i) => {
      const height = this.heights[i] as number;
      const times = length - height + 1;
      // Of one event, or of all, the stretches are the rows as they lie.
      const events = times === 1 || height === 1 ? rows : gatherRows(rows, stretches(count, length, height));
      const stretch: tf.Tensor2D = tf.reshape(events, [count * times, height * dim]);
      return maxOverTime(map.forward(stretch, this.activation), times);
    });
    return tf.concat(responses, 1);
  }
}

/** The rows of every stretch of `height` events, stretch after stretch and window after window. */
function stretches(count: number, length: number, height: number): Int32Array {
  const times = length - height + 1;
  const rows = new Int32Array(count * times * height);
  let next = 0;
  for (let b = 0; b < count; b++) {
    for (let time = 0; time < times; time++) {
      for (let i = 0; i < height; i++) rows[next++] = b * length + time + i;
    }
  }
  return rows;
}
