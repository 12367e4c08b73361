/** The output head of BERT: a dense layer before the scores. */
import type * as tf from '@tensorflow/tfjs-core';
import { Module } from '../core/module.ts';
import { create } from '../core/part.ts';
import { refuseOthers } from '../core/shape.ts';
import { type Activation, gelu } from '../ops/activations.ts';
import { LayerNorm } from './layer-norm.ts';
import { Linear } from './linear.ts';
import { type Output, type OutputHead, type OutputPart, tiedOutput } from './output-head.ts';

export interface DenseOutputOptions {
  /** @defaultValue gelu */
  activation?: Activation | undefined;
  /** Of the layer norm. @defaultValue 1e-12 */
  epsilon?: number | undefined;
  /** What the result is scored against. @defaultValue tiedOutput(\{ bias: true \}) */
  output?: OutputPart | undefined;
}

/** `norm(activation(dense(state)))`, scored by another head (BERT4Rec, section 3.5; FeiSun/BERT4Rec, `run.py`). */
export function denseOutput(options: DenseOutputOptions = {}): OutputPart {
  const { activation = gelu, epsilon = 1e-12, output = tiedOutput({ bias: true }), ...others } = options;
  refuseOthers('denseOutput', others, options);
  return {
    name: 'denseOutput',
    options: { activation, epsilon, output },
    create: (size) => new DenseHead(size.dim, activation, epsilon, create('output', output, size)),
  };
}

class DenseHead extends Module implements OutputHead {
  readonly dense: Linear;
  readonly norm: LayerNorm;
  readonly scores: OutputHead;
  readonly #activation: Activation;

  constructor(dim: number, activation: Activation, epsilon: number, scores: OutputHead) {
    super();
    this.dense = new Linear(dim, dim);
    this.norm = new LayerNorm(dim, { epsilon });
    this.scores = scores;
    this.#activation = activation;
  }

  transform(states: tf.Tensor2D): tf.Tensor2D {
    const x = this.norm.forward(this.dense.forward(states, this.#activation));
    return this.scores.transform?.(x) ?? x;
  }

  output(): Output {
    return this.scores.output();
  }
}
