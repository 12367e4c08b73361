/** Distances of positions as a bias of pairs. */
import type * as tf from '@tensorflow/tfjs-core';
import { normal } from '../../core/initializers.ts';
import type { Layout } from '../../core/layout.ts';
import { Module } from '../../core/module.ts';
import { Parameter } from '../../core/parameter.ts';
import { embedding } from '../../ops/embedding.ts';
import { pairIndices } from '../../ops/pairs.ts';
import type { PairBias, PairBiasPart } from './pair-bias.ts';
import { checkPositions } from './positions.ts';

/**
 * A trained number for every distance in positions, for all heads (HSTU: Zhai et al., ICML 2024, `rab^p`). Those of
 * `relativeBias` are for every head and for distances up to a limit.
 */
export function relativePositions(): PairBiasPart {
  return { name: 'relativePositions', options: {}, create: ({ maxLength }) => new RelativePositions(maxLength) };
}

class RelativePositions extends Module implements PairBias {
  /** `[2 · maxLength - 1, 1]`, from the key furthest before the query to the one furthest after it. */
  readonly weight: Parameter;

  constructor(readonly maxLength: number) {
    super();
    this.weight = new Parameter([2 * maxLength - 1, 1], normal(0.02));
  }

  forward(queries: Layout, keys: Layout): tf.Tensor2D {
    checkPositions(keys, this.maxLength, keys.positions);
    const middle = this.maxLength - 1;
    const row = (query: number, key: number) =>
      middle + (keys.positions[key] as number) - (queries.positions[query] as number);
    return embedding(this.weight, pairIndices(queries, keys, [keys, `relative positions ${middle}`], row));
  }
}
