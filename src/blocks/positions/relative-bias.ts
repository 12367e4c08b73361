/** Relative positions as a bias of the attention scores. */
import * as tf from '@tensorflow/tfjs-core';
import { zeros } from '../../core/initializers.ts';
import type { Layout } from '../../core/layout.ts';
import { Module } from '../../core/module.ts';
import { Parameter } from '../../core/parameter.ts';
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import { embedding } from '../../ops/embedding.ts';
import type { AttentionPositions, AttentionPositionsPart } from './attention-positions.ts';

export interface RelativeBiasOptions {
  /** Keys further away than this, on either side, share one bias. @defaultValue 32 */
  maxDistance?: number | undefined;
}

/**
 * A trained number for each head and each distance from query to key, added to the score (Shaw et al., 2018, for the
 * clipped distance; T5, Raffel et al., 2020, for a number in place of a vector; T5 also shares far distances in buckets
 * and one table among all blocks, and here each block has its own). It starts at 0. Only differences of positions count,
 * so a history may be continued or cut at its start.
 */
export function relativeBias(options: RelativeBiasOptions = {}): AttentionPositionsPart {
  const { maxDistance = 32, ...others } = options;
  refuseOthers('relativeBias', others, options);
  checkNumber('relativeBias: maxDistance', maxDistance, { min: 1, max: 10000, integer: true });
  return {
    name: 'relativeBias',
    options: { maxDistance },
    create: ({ heads }) => new RelativeBias(heads, maxDistance),
  };
}

class RelativeBias extends Module implements AttentionPositions {
  /** `[2 · maxDistance + 1, heads]`, from the key furthest before the query to the one furthest after it. */
  readonly weight: Parameter;
  readonly maxDistance: number;

  constructor(heads: number, maxDistance: number) {
    super();
    this.weight = new Parameter([2 * maxDistance + 1, heads], zeros);
    this.maxDistance = maxDistance;
  }

  bias(queries: Layout, keys: Layout): tf.Tensor3D {
    const { maxDistance: most } = this;
    const count = 1 + Math.max(lastPosition(queries), lastPosition(keys));
    const [rows] = queries.memo(`relative bias ${count} ${most}`, () => [tf.tensor1d(distances(count, most), 'int32')]);
    const pairs = embedding(this.weight, rows as tf.Tensor1D); // [P · P, H]
    return tf.reshape(tf.transpose(pairs), [-1, count, count]);
  }
}

function lastPosition(layout: Layout): number {
  let last = 0;
  for (let row = 0; row < layout.rows; row++) last = Math.max(last, layout.positions[row] as number);
  return last;
}

/** The row of the table for each pair of query and key position, row-major. */
function distances(count: number, most: number): Int32Array {
  const rows = new Int32Array(count * count);
  for (let query = 0; query < count; query++) {
    for (let key = 0; key < count; key++) {
      rows[query * count + key] = Math.max(-most, Math.min(most, key - query)) + most;
    }
  }
  return rows;
}
