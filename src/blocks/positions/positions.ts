/** What gives the rows of a batch their positions, and the part that chooses it. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../../core/layout.ts';
import type { Module } from '../../core/module.ts';
import type { Part } from '../../core/part.ts';
import type { Ragged } from '../../core/ragged.ts';

/** Gives each row of a layout an encoding, which is added to the row. */
export interface PositionBlock extends Module {
  /**
   * 'all': the encoding of a row depends on events after it, so that a model with it must not be asked at rows whose
   * future its inputs hold. @defaultValue 'past'
   */
  readonly reads?: 'past' | 'all' | undefined;
  /**
   * @param layout where the rows belong
   * @param events the columns of the same rows, for encodings of their times
   * @returns `[capacity, dim]`
   */
  forward(layout: Layout, events: Ragged): tf.Tensor2D;
  /** Whether a row keeps its encoding when more events follow, so that a session can go on from it. @defaultValue false */
  readonly appendOnly?: boolean;
}

/** Chooses a model's positional encoding. */
export interface PositionsPart extends Part {
  create(size: { dim: number; maxLength: number }): PositionBlock;
}

/** Throws unless every one of a layout's `positions` is a row of a table of `maxLength` rows. */
export function checkPositions(layout: Layout, maxLength: number, positions: Int32Array): void {
  for (let row = 0; row < layout.rows; row++) {
    const position = positions[row] as number;
    if (position < 0 || position >= maxLength) {
      throw new RangeError(
        `Position ${position} of sequence ${layout.sequences[row]} is outside 0 … ${maxLength - 1}: shorten the sequence or raise maxLength.`,
      );
    }
  }
}
