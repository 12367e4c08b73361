/** Trained positions. */
import type * as tf from '@tensorflow/tfjs-core';
import { truncatedNormal, xavierUniform } from '../../core/initializers.ts';
import type { Layout } from '../../core/layout.ts';
import { Module } from '../../core/module.ts';
import { Parameter } from '../../core/parameter.ts';
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import { embedding } from '../../ops/embedding.ts';
import { checkPositions, type PositionBlock, type PositionsPart } from './positions.ts';

export interface LearnedPositionsOptions {
  /**
   * The standard deviation of the initial values, normal ones cut at two deviations, as BERT's. Inside BSARec, LinRec and
   * CORE, which begin all their matrices alike, it has no say. @defaultValue xavierUniform
   */
  std?: number | undefined;
}

/** A trained vector for each position from the start of the sequence: row 0 is the first event's. */
export function learnedFromStart(options: LearnedPositionsOptions = {}): PositionsPart {
  const { std, ...others } = options;
  refuseOthers('learnedFromStart', others, options);
  checkStd('learnedFromStart', std);
  return {
    name: 'learnedFromStart',
    options: { std },
    create: ({ dim, maxLength }) => new LearnedPositions(maxLength, dim, 'start', std),
  };
}

/**
 * A trained vector for each position from the end of the sequence: row 0 is the last event's. A table over the slots of
 * a left-padded window, as SASRec's authors have, is this one with its rows in reverse.
 */
export function learnedFromEnd(options: LearnedPositionsOptions = {}): PositionsPart {
  const { std, ...others } = options;
  refuseOthers('learnedFromEnd', others, options);
  checkStd('learnedFromEnd', std);
  return {
    name: 'learnedFromEnd',
    options: { std },
    create: ({ dim, maxLength }) => new LearnedPositions(maxLength, dim, 'end', std),
  };
}

function checkStd(name: string, std: number | undefined): void {
  if (std !== undefined) checkNumber(`${name}: std`, std, { above: 0 });
}

class LearnedPositions extends Module implements PositionBlock {
  readonly weight: Parameter;
  readonly #from: 'start' | 'end';
  readonly appendOnly: boolean;

  constructor(maxLength: number, dim: number, from: 'start' | 'end', std: number | undefined) {
    super();
    this.weight = new Parameter([maxLength, dim], std === undefined ? xavierUniform : truncatedNormal(std));
    this.#from = from;
    this.appendOnly = from === 'start';
  }

  forward(layout: Layout): tf.Tensor2D {
    const start = this.#from === 'start';
    checkPositions(layout, this.weight.shape[0] as number, start ? layout.positions : layout.positionsFromEnd);
    return embedding(this.weight, start ? layout.position : layout.positionFromEnd);
  }
}
