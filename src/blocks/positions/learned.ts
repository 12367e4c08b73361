/** Trained positions. */
import type * as tf from '@tensorflow/tfjs-core';
import { xavierUniform } from '../../core/initializers.ts';
import type { Layout } from '../../core/layout.ts';
import { Module } from '../../core/module.ts';
import { Parameter } from '../../core/parameter.ts';
import { embedding } from '../../ops/embedding.ts';
import { checkPositions, type PositionBlock, type PositionsPart } from './positions.ts';

/** A trained vector for each position from the start of the sequence: row 0 is the first event's. */
export function learnedFromStart(): PositionsPart {
  return {
    name: 'learnedFromStart',
    options: {},
    create: ({ dim, maxLength }) => new LearnedPositions(maxLength, dim, 'start'),
  };
}

/**
 * A trained vector for each position from the end of the sequence: row 0 is the last event's. A table over the slots of
 * a left-padded window, as SASRec's authors have, is this one with its rows in reverse.
 */
export function learnedFromEnd(): PositionsPart {
  return {
    name: 'learnedFromEnd',
    options: {},
    create: ({ dim, maxLength }) => new LearnedPositions(maxLength, dim, 'end'),
  };
}

class LearnedPositions extends Module implements PositionBlock {
  readonly weight: Parameter;
  readonly #from: 'start' | 'end';
  readonly appendOnly: boolean;

  constructor(maxLength: number, dim: number, from: 'start' | 'end') {
    super();
    this.weight = new Parameter([maxLength, dim], xavierUniform);
    this.#from = from;
    this.appendOnly = from === 'start';
  }

  forward(layout: Layout): tf.Tensor2D {
    const start = this.#from === 'start';
    checkPositions(layout, this.weight.shape[0] as number, start ? layout.positions : layout.positionsFromEnd);
    return embedding(this.weight, start ? layout.position : layout.positionFromEnd);
  }
}
