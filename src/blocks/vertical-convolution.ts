/** Caser's vertical convolution: weighted sums of the events of a window. */
import * as tf from '@tensorflow/tfjs-core';
import { fanInUniform, zeros } from '../core/initializers.ts';
import { Module } from '../core/module.ts';
import { Parameter, tensorOf } from '../core/parameter.ts';
import { checkNumber, expectShape, refuseOthers } from '../core/shape.ts';
import type { Activation } from '../ops/activations.ts';
import { gatherRows } from '../ops/gather-rows.ts';
import { product } from '../ops/product.ts';

export interface VerticalConvolutionOptions {
  /** Events of a window, L. */
  length: number;
  /** @defaultValue 4 */
  filters?: number | undefined;
  /** @defaultValue none, as the paper and its code */
  activation?: Activation | undefined;
}

/**
 * Filters one column wide and L events high: each is a weighted sum of the events of the window plus a bias (Tang & Wang,
 * WSDM 2018, section 3.2.2). It has no activation in the paper and its code; some tutorials add relu.
 */
export class VerticalConvolution extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly activation: Activation | undefined;

  constructor({ length, filters = 4, activation, ...others }: VerticalConvolutionOptions) {
    super();
    refuseOthers('VerticalConvolution', others);
    checkNumber('length', length, { min: 1, integer: true });
    this.weight = new Parameter([filters, length], fanInUniform);
    this.bias = new Parameter([filters], zeros);
    this.activation = activation;
  }

  /**
   * @param windows `[B, L, D]`
   * @returns `[B, filters · D]`, filter after filter
   */
  forward(windows: tf.Tensor3D): tf.Tensor2D {
    const [filters, length] = this.weight.shape as [number, number];
    expectShape(windows, [-1, length, -1], 'The windows of VerticalConvolution');
    const [count, , dim] = windows.shape;
    // Place after place, all windows are one matrix [L, B · D]: one product for all filters, without a transpose.
    const places = gatherRows(tf.reshape(windows, [count * length, dim]), swapped(count, length));
    const sums = product(tensorOf<tf.Tensor>(this.weight) as tf.Tensor2D, tf.reshape(places, [length, count * dim]));
    const y = tf.add(sums, tf.reshape(tensorOf(this.bias), [filters, 1]));
    const rows = gatherRows(tf.reshape(y, [filters * count, dim]), swapped(filters, count));
    const joined: tf.Tensor2D = tf.reshape(rows, [count, filters * dim]);
    return this.activation ? this.activation(joined) : joined;
  }
}

/** The rows of `[a, b]` in the order of `[b, a]`. */
function swapped(a: number, b: number): Int32Array {
  return Int32Array.from({ length: a * b }, (_, i) => (i % a) * b + Math.floor(i / a));
}
