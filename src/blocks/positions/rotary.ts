/** Rotary positions. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../../core/layout.ts';
import { Module } from '../../core/module.ts';
import { rotatePairs } from '../../ops/rotate-pairs.ts';
import type { AttentionPositions, AttentionPositionsPart } from './attention-positions.ts';
import { sinusoidRows } from './sinusoidal.ts';

/**
 * Rotary positions (RoPE; Su et al., 2021, section 3.2.2): columns 2i and 2i + 1 of each head's queries and keys are
 * turned by the angle position · 10000^(−2i / width), so that a score depends on the distance only. Neighbouring columns
 * make a pair, as in the paper; GPT-NeoX and LLaMA pair column i with i + width / 2, which is the same up to the order of
 * the columns. Values are not turned. The width of a head (dim / heads) must be even.
 */
export function rotary(): AttentionPositionsPart {
  return {
    name: 'rotary',
    options: {},
    create({ dim, heads }) {
      if ((dim / heads) % 2 !== 0) {
        throw new RangeError(`rotary turns pairs of columns: dim / heads must be even, got ${dim} / ${heads}.`);
      }
      return new Rotary(heads, dim / heads);
    },
  };
}

class Rotary extends Module implements AttentionPositions {
  readonly heads: number;
  readonly width: number;

  constructor(heads: number, width: number) {
    super();
    this.heads = heads;
    this.width = width;
  }

  turn(x: tf.Tensor2D, layout: Layout): tf.Tensor2D {
    return rotatePairs(x, sinusoidRows(layout, this.width), this.heads);
  }
}
