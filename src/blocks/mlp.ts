/** A stack of linear maps, each with an activation and dropout. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import { Module } from '../core/module.ts';
import type { Rng } from '../core/rng.ts';
import { checkNumber, refuseOthers } from '../core/shape.ts';
import { type Activation, relu } from '../ops/activations.ts';
import { dropout } from '../ops/dropout.ts';
import { Linear } from './linear.ts';

export interface MLPOptions {
  /** Width of the input. */
  inputs: number;
  /** Widths of the layers; none gives the input back. */
  hidden: readonly number[];
  /** After every layer. @defaultValue relu */
  activation?: Activation | undefined;
  /** Rate of dropout after every activation. @defaultValue 0 */
  dropout?: number | undefined;
}

/** `dropout(activation(linear(x)))` for every layer, on every row by itself. */
export class MLP extends Module {
  readonly layers: Linear[];
  readonly dropout: number;
  readonly #activation: Activation;

  constructor({ inputs, hidden, activation = relu, dropout: rate = 0, ...others }: MLPOptions) {
    super();
    refuseOthers('MLP', others);
    this.layers = hidden.map((width, i) => new Linear(i === 0 ? inputs : (hidden[i - 1] as number), width));
    this.dropout = checkNumber('dropout', rate, { min: 0, below: 1 });
    this.#activation = activation;
  }

  /**
   * @param x      `[N, inputs]`
   * @param layout where the rows belong; dropout depends on it
   * @returns `[N, the last of hidden]`
   */
  forward(x: tf.Tensor2D, layout?: Layout, rng?: Rng): tf.Tensor2D {
    return this.layers.reduce(
      (y, layer, i) => dropout(layer.forward(y, this.#activation), this.dropout, rng?.fork(i), layout),
      x,
    );
  }
}
