/** The affine map of the last axis. */
import type * as tf from '@tensorflow/tfjs-core';
import { xavierUniform, zeros } from '../core/initializers.ts';
import { Module } from '../core/module.ts';
import { type Initializer, Parameter } from '../core/parameter.ts';
import { refuseOthers } from '../core/shape.ts';
import type { Activation } from '../ops/activations.ts';
import { linear } from '../ops/linear.ts';

export interface LinearOptions {
  /** Add a bias. @defaultValue true */
  bias?: boolean | undefined;
  /** Initial weight; PyTorch's default would be `fanInUniform`. @defaultValue xavierUniform */
  init?: Initializer | undefined;
  /** Initial bias. @defaultValue zeros */
  biasInit?: Initializer | undefined;
}

/** `y = x Wᵀ + b` with the weight stored `[outputs, inputs]` as in PyTorch. */
export class Linear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;

  constructor(inputs: number, outputs: number, options: LinearOptions = {}) {
    const { bias = true, init = xavierUniform, biasInit = zeros, ...others } = options;
    super();
    refuseOthers('Linear', others, options);
    this.weight = new Parameter([outputs, inputs], init);
    this.bias = bias ? new Parameter([outputs], biasInit) : undefined;
  }

  /**
   * @param x          `[N, inputs]`
   * @param activation applied to the result, in one pass where the backend can
   * @returns `[N, outputs]`
   */
  forward(x: tf.Tensor2D, activation?: Activation): tf.Tensor2D {
    return linear(x, this.weight, this.bias, activation);
  }
}
