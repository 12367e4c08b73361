/** A filter that weighs the slow and the fast part of a sequence. */
import * as tf from '@tensorflow/tfjs-core';
import { normal } from '../core/initializers.ts';
import type { Layout } from '../core/layout.ts';
import { Module } from '../core/module.ts';
import { Parameter, tensorOf } from '../core/parameter.ts';
import { checkNumber, refuseOthers } from '../core/shape.ts';
import { lowPass } from '../ops/low-pass.ts';

export interface FrequencyFilterOptions {
  dim: number;
  /** What is slow: the frequencies 0 … ⌊c / 2⌋ of a sequence. @defaultValue 5 */
  c?: number | undefined;
}

/**
 * `low + β² (x - low)` for each sequence, with its slow part low and a trained √β for every column (the frequency layer of
 * BSARec: Shin et al., AAAI 2024, equations 8 and 9; `FrequencyLayer` of yehjin-shin/BSARec, whose residual and norm are the
 * block's). Every row reads the whole sequence, and each sequence is transformed over its own length: theirs transforms the
 * padded window, which is the same for sequences that fill it.
 */
export class FrequencyFilter extends Module {
  /** β is its square, as in the authors' code. */
  readonly sqrtBeta: Parameter;
  readonly c: number;

  constructor({ dim, c = 5, ...others }: FrequencyFilterOptions) {
    super();
    refuseOthers('FrequencyFilter', others);
    this.sqrtBeta = new Parameter([dim], normal(1));
    this.c = checkNumber('c', c, { min: 0, integer: true });
  }

  /**
   * @param x `[layout.capacity, dim]`
   * @returns `[layout.capacity, dim]`
   */
  forward(x: tf.Tensor2D, layout: Layout): tf.Tensor2D {
    const low = lowPass(x, layout, Math.floor(this.c / 2) + 1);
    const beta = tf.square(tensorOf<tf.Tensor>(this.sqrtBeta));
    return tf.add(low, tf.mul(tf.sub(x, low), beta));
  }
}
