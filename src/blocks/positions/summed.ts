/** Several encodings at once. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../../core/layout.ts';
import { Module } from '../../core/module.ts';
import { create } from '../../core/part.ts';
import type { Ragged } from '../../core/ragged.ts';
import { describe, refuseOthers } from '../../core/shape.ts';
import type { PositionBlock, PositionsPart } from './positions.ts';

/** Options of {@link summed}. */
export interface SummedOptions {
  /** What is added up, at least one. */
  of: readonly PositionsPart[];
}

/**
 * The sum of several encodings.
 *
 * @example
 * ```ts
 * summed({ of: [learnedFromStart(), timeBuckets({ unit: 60 })] }); // which event it is, and how long after the one before
 * ```
 */
export function summed({ of, ...others }: SummedOptions): PositionsPart {
  refuseOthers('summed', others);
  if (!Array.isArray(of) || of.length === 0) {
    throw new TypeError(`summed needs a list of positions as 'of', got ${describe(of)}.`);
  }
  return {
    name: 'summed',
    options: { of },
    create: (size) => new Summed(of.map((part) => create('summed: of', part, size))),
  };
}

class Summed extends Module implements PositionBlock {
  readonly reads: 'past' | 'all';
  readonly appendOnly: boolean;

  constructor(readonly of: readonly PositionBlock[]) {
    super();
    this.reads = of.some(({ reads }) => reads === 'all') ? 'all' : 'past';
    this.appendOnly = of.every((part) => part.appendOnly);
  }

  forward(layout: Layout, events: Ragged): tf.Tensor2D {
    return this.of.map((part) => part.forward(layout, events)).reduce((sum, next) => tf.add(sum, next));
  }
}
