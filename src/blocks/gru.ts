/** Layers of gated recurrent units over ragged rows. */
import type * as tf from '@tensorflow/tfjs-core';
import { uniformInit } from '../core/initializers.ts';
import type { Layout } from '../core/layout.ts';
import { Module } from '../core/module.ts';
import type { Rng } from '../core/rng.ts';
import { checkNumber, checkOneOf, refuseOthers } from '../core/shape.ts';
import { dropout } from '../ops/dropout.ts';
import { gatherRows } from '../ops/gather-rows.ts';
import { gru } from '../ops/gru.ts';
import type { Continued } from './block.ts';
import { Linear } from './linear.ts';

export interface GRUOptions {
  /** Width of the inputs. */
  inputs: number;
  /** Width of the states: of the one layer, or of each layer, the first one first. */
  hidden: number | readonly number[];
  /** Biases of the maps of inputs and states, as `b_ih` and `b_hh` of PyTorch. @defaultValue true */
  bias?: boolean | undefined;
  /** Whether the reset gate scales the candidate's product or the state before it, see `gru`. @defaultValue 'after' */
  reset?: 'after' | 'before' | undefined;
  /** Rate of dropout on the states of every layer. @defaultValue 0 */
  dropout?: number | undefined;
}

/**
 * Gated recurrent units (Cho et al., 2014) in one or more layers, with the formulas and the gate order of PyTorch's
 * `nn.GRU`: see the op {@link gru}. `layers.0.input.weight` is `weight_ih_l0` and `layers.0.state.weight` is
 * `weight_hh_l0`. Each gate's matrices start uniform in ±√(6 / (rows + columns)) and biases at 0, as in the authors'
 * GRU4Rec; PyTorch draws all of them from ±1/√H.
 *
 * Dropout falls on what every layer gives, as in the authors' GRU4Rec, where it is also what goes on to the next event
 * of the session: `after` holds the dropped states, while the states within a sequence are carried whole. PyTorch leaves
 * the last layer's states alone.
 */
export class GRU extends Module {
  readonly layers: GRULayer[];
  readonly dropout: number;

  constructor({ inputs, hidden, bias = true, reset = 'after', dropout = 0, ...others }: GRUOptions) {
    super();
    refuseOthers('GRU', others);
    this.dropout = checkNumber('dropout', dropout, { min: 0, below: 1 });
    const widths = (typeof hidden === 'number' ? [hidden] : hidden).map((width) =>
      checkNumber('hidden', width, { min: 1, integer: true }),
    );
    this.layers = widths.map((width, i) => new GRULayer(widths[i - 1] ?? inputs, width, bias, reset));
  }

  /**
   * @param x `[capacity, inputs]`
   * @returns `[capacity, H]`, the states of the last layer
   */
  forward(x: tf.Tensor2D, layout: Layout, rng?: Rng): tf.Tensor2D {
    this.layers.forEach((layer, i) => {
      x = dropout(layer.forward(x, layout), this.dropout, rng?.fork(i), layout);
    });
    return x;
  }

  /**
   * As {@link forward}, from the states that an earlier call left, so that a long sequence can come event by event.
   *
   * @param before `[B, H]` of every layer. @defaultValue zeros
   * @returns `states` as {@link forward}, and `after`: `[B, H]` of every layer, after the last row of each sequence
   * @throws RangeError for an empty sequence, which has no last state
   */
  forwardFrom(x: tf.Tensor2D, layout: Layout, before?: readonly tf.Tensor2D[], rng?: Rng): Continued {
    if (before && before.length !== this.layers.length) {
      throw new RangeError(
        `A GRU of ${this.layers.length} layers continues from as many states, got ${before.length}.`,
      );
    }
    const last = layout.lastRows();
    const after = this.layers.map((layer, i) => {
      x = dropout(layer.forward(x, layout, before?.[i]), this.dropout, rng?.fork(i), layout);
      return gatherRows(x, last);
    });
    return { states: x, after };
  }
}

class GRULayer extends Module {
  readonly input: Linear;
  readonly state: Linear;
  readonly reset: 'after' | 'before';

  constructor(inputs: number, width: number, bias: boolean, reset: 'after' | 'before') {
    super();
    this.input = new Linear(inputs, 3 * width, { bias, init: uniformInit(Math.sqrt(6 / (inputs + width))) });
    this.state = new Linear(width, 3 * width, { bias, init: uniformInit(Math.sqrt(3 / width)) });
    this.reset = checkOneOf('reset', reset, ['after', 'before']);
  }

  forward(x: tf.Tensor2D, layout: Layout, initial?: tf.Tensor2D): tf.Tensor2D {
    const { weight, bias } = this.state;
    return gru(this.input.forward(x), weight, { layout, bias, initial, reset: this.reset });
  }
}
