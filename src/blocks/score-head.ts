/** What makes scores of states by a network of its own, and the part that chooses it. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import { Module } from '../core/module.ts';
import type { Part } from '../core/part.ts';
import type { Rng } from '../core/rng.ts';
import { checkWidth, refuseOthers } from '../core/shape.ts';
import { type Activation, leakyRelu } from '../ops/activations.ts';
import { gatherRows, selectRows } from '../ops/gather-rows.ts';
import { toPadded } from '../ops/padded.ts';
import { Linear } from './linear.ts';
import { MLP } from './mlp.ts';
import type { Output } from './output-head.ts';

/** A network over states whose last map gives one score. */
export interface ScoreHead extends Module {
  /**
   * @param x       `[capacity, dim]` states
   * @param layout  of the rows of `x`
   * @param others  `[B, W]` what is known of each sequence besides its events
   * @param queries the last row of each sequence, where only these are asked for
   * @returns what {@link output} makes scores of
   */
  forward(x: tf.Tensor2D, layout: Layout, others?: tf.Tensor2D, rng?: Rng, queries?: Layout): tf.Tensor2D;
  /** The last map, to one score. */
  output(): Output;
}

/** What the model tells its head. */
export interface ScoreHeadSize {
  dim: number;
  /** The most rows of a sequence. */
  length: number;
  /** Width of what is known of a sequence besides its events, 0 if nothing is. */
  others: number;
  /** Rate of every dropout. */
  dropout: number;
}

/** Chooses a model's head. */
export interface ScoreHeadPart extends Part {
  /** 'last': one score a sequence, from all its rows. 'past': one score a row, from rows that read their past only. */
  readonly reads: 'last' | 'past';
  create(size: ScoreHeadSize): ScoreHead;
}

export interface ScoreHeadOptions {
  /** Widths of the layers before the score. @defaultValue [1024, 512, 256] */
  hidden?: readonly number[] | undefined;
  /** @defaultValue leakyRelu() */
  activation?: Activation | undefined;
}

/**
 * One score a sequence: the states of all positions end to end, the last event always in the last place, and what else
 * is known, through an MLP (BST: Chen et al., 2019, section 2.3). Shorter sequences begin with zeros.
 */
export function allPositions(options: ScoreHeadOptions = {}): ScoreHeadPart {
  const { hidden = [1024, 512, 256], activation = leakyRelu(), ...others } = options;
  refuseOthers('allPositions', others, options);
  checkWidths('allPositions', hidden);
  return {
    name: 'allPositions',
    options: { hidden, activation },
    reads: 'last',
    create: (size) => new AllPositions(size, hidden, activation),
  };
}

/** One score a position, from its own state and what else is known, through an MLP. */
export function eachPosition(options: ScoreHeadOptions = {}): ScoreHeadPart {
  const { hidden = [1024, 512, 256], activation = leakyRelu(), ...others } = options;
  refuseOthers('eachPosition', others, options);
  checkWidths('eachPosition', hidden);
  return {
    name: 'eachPosition',
    options: { hidden, activation },
    reads: 'past',
    create: (size) => new EachPosition(size, hidden, activation),
  };
}

abstract class Head extends Module {
  readonly mlp: MLP;
  readonly score: Linear;

  constructor(inputs: number, hidden: readonly number[], activation: Activation, dropout: number) {
    super();
    this.mlp = new MLP({ inputs, hidden, activation, dropout });
    this.score = new Linear(hidden.at(-1) ?? inputs, 1);
  }

  output(): Output {
    return { weight: this.score.weight, bias: this.score.bias };
  }
}

class AllPositions extends Head implements ScoreHead {
  readonly length: number;

  constructor({ dim, length, others, dropout }: ScoreHeadSize, hidden: readonly number[], activation: Activation) {
    super(length * dim + others, hidden, activation, dropout);
    this.length = length;
  }

  forward(x: tf.Tensor2D, layout: Layout, others?: tf.Tensor2D, rng?: Rng, queries?: Layout): tf.Tensor2D {
    const padded = toPadded(x, layout, { length: this.length, side: 'left' }); // [B, T, D]
    const flat: tf.Tensor2D = tf.reshape(padded, [layout.count, -1]);
    const rows = queries ?? (layout.rows === layout.count ? layout.last() : undefined);
    return this.mlp.forward(others ? tf.concat([flat, others], 1) : flat, rows, rng);
  }
}

class EachPosition extends Head implements ScoreHead {
  constructor({ dim, others, dropout }: ScoreHeadSize, hidden: readonly number[], activation: Activation) {
    super(dim + others, hidden, activation, dropout);
  }

  forward(x: tf.Tensor2D, layout: Layout, others?: tf.Tensor2D, rng?: Rng, queries = layout): tf.Tensor2D {
    const asked = selectRows(x, layout, queries);
    // rows past N belong to no sequence, and nobody reads what they get
    const whose = queries.sequences.map((b) => Math.max(0, b));
    return this.mlp.forward(others ? tf.concat([asked, gatherRows(others, whose)], 1) : asked, queries, rng);
  }
}

function checkWidths(name: string, hidden: readonly number[]): void {
  for (const width of hidden) checkWidth(`${name}: hidden`, width);
}
