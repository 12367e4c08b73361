/** A table of trainable rows. */
import type * as tf from '@tensorflow/tfjs-core';
import { xavierUniform } from '../core/initializers.ts';
import { Module } from '../core/module.ts';
import { type Initializer, Parameter } from '../core/parameter.ts';
import { refuseOthers } from '../core/shape.ts';
import { type EmbeddingLookup, embedding } from '../ops/embedding.ts';

export interface EmbeddingOptions {
  /** Initial table. @defaultValue xavierUniform, as the variables of SASRec's authors */
  init?: Initializer | undefined;
}

/** A table `[rows, dim]` read by row. Every row is an ordinary trained row: nothing is reserved for padding. */
export class Embedding extends Module {
  readonly weight: Parameter;

  constructor(rows: number, dim: number, options: EmbeddingOptions = {}) {
    const { init = xavierUniform, ...others } = options;
    super();
    refuseOthers('Embedding', others, options);
    this.weight = new Parameter([rows, dim], init);
  }

  /**
   * @param rows   `[N]` row numbers; a host array is range-checked and gets a row-sparse gradient
   * @param lookup what the rows are multiplied by, and what is added to them
   * @returns `[N, dim]`
   */
  forward(rows: Int32Array | tf.Tensor1D, lookup?: EmbeddingLookup): tf.Tensor2D {
    return embedding(this.weight, rows, lookup);
  }
}
