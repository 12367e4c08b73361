/** The part of models whose rows carry no position. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../../core/layout.ts';
import { Module } from '../../core/module.ts';
import type { PositionBlock, PositionsPart } from './positions.ts';

/** Adds nothing: for blocks that know the order themselves, or for models without one. */
export function noPositions(): PositionsPart {
  return { name: 'noPositions', options: {}, create: ({ dim }) => new NoPositions(dim) };
}

class NoPositions extends Module implements PositionBlock {
  readonly appendOnly = true;
  constructor(readonly dim: number) {
    super();
  }

  forward(layout: Layout): tf.Tensor2D {
    return layout.memo(this, () => [tf.zeros([layout.capacity, this.dim])])[0] as tf.Tensor2D;
  }
}
