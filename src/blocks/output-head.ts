/** What states are scored against, and the part that chooses it. */
import type * as tf from '@tensorflow/tfjs-core';
import { xavierUniform, zeros } from '../core/initializers.ts';
import { Module } from '../core/module.ts';
import { Parameter, type Weight } from '../core/parameter.ts';
import type { Part } from '../core/part.ts';
import { refuseOthers } from '../core/shape.ts';
import type { Embedding } from './embedding.ts';

/** Item scores are `scale · (states · weightᵀ + bias)`. Losses and rankings receive this, never the scores themselves. */
export interface Output {
  /** `[V, D]` */
  readonly weight: Weight<tf.Tensor2D>;
  /** `[V]` */
  readonly bias?: Weight<tf.Tensor1D> | undefined;
  /** @defaultValue 1 */
  readonly scale?: number | undefined;
}

/** Owns what a model's states are scored against. */
export interface OutputHead extends Module {
  /** What is done to states `[N, D]` before they are scored. @defaultValue nothing */
  transform?(states: tf.Tensor2D): tf.Tensor2D;
  output(): Output;
}

/** Chooses a model's output head. */
export interface OutputPart extends Part {
  create(size: { items: Embedding; count: number; dim: number }): OutputHead;
}

export interface OutputOptions {
  /** A trained bias for each item. */
  bias?: boolean | undefined;
}

/** Scores against the input embeddings themselves, as SASRec. @param options `bias` defaults to false */
export function tiedOutput(options: OutputOptions = {}): OutputPart {
  const { bias = false, ...others } = options;
  refuseOthers('tiedOutput', others, options);
  return {
    name: 'tiedOutput',
    options: { bias },
    create: ({ items, count }) => new Head(items.weight, count, bias),
  };
}

/** Scores against a second table, as gSASRec. @param options `bias` defaults to false */
export function untiedOutput(options: OutputOptions = {}): OutputPart {
  const { bias = false, ...others } = options;
  refuseOthers('untiedOutput', others, options);
  return {
    name: 'untiedOutput',
    options: { bias },
    create: ({ count, dim }) => new Head(new Parameter([count, dim], xavierUniform), count, bias),
  };
}

class Head extends Module implements OutputHead {
  readonly bias: Parameter | undefined;

  constructor(
    readonly weight: Parameter,
    count: number,
    bias: boolean,
  ) {
    super();
    this.bias = bias ? new Parameter([count], zeros) : undefined;
  }

  output(): Output {
    return { weight: this.weight, bias: this.bias };
  }
}
