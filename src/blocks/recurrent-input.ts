/** What the first layer of a recurrent model reads of an item, and what the states of its last layer are scored against. */
import type * as tf from '@tensorflow/tfjs-core';
import { uniformInit } from '../core/initializers.ts';
import type { Layout } from '../core/layout.ts';
import { Module } from '../core/module.ts';
import type { Part } from '../core/part.ts';
import { checkNumber, refuseOthers } from '../core/shape.ts';
import { gru } from '../ops/gru.ts';
import { Embedding } from './embedding.ts';
import { Linear } from './linear.ts';
import { type OutputHead, tiedOutput, untiedOutput } from './output-head.ts';

/** Turns items into what the next layer reads. */
export interface RecurrentInput extends Module {
  /** Width of what {@link forward} gives. */
  readonly dim: number;
  /** Whether it is the first recurrent layer itself; then a continuation begins with its last states. */
  readonly recurrent: boolean;
  /**
   * @param rows   `[capacity]` catalogue rows
   * @param before `[B, dim]` the states before the first rows, where it is recurrent. @defaultValue zeros
   * @returns `[capacity, dim]`
   */
  forward(rows: Int32Array, layout: Layout, before?: tf.Tensor2D): tf.Tensor2D;
}

/** Chooses both ends of a recurrent model. */
export interface RecurrentInputPart extends Part {
  /** @param size `hidden`: the widths of the recurrent layers, the first one first */
  create(size: { items: number; hidden: readonly number[] }): { input: RecurrentInput; head: OutputHead };
}

/**
 * Inputs and outputs share one table as wide as the last layer; a bias for each item is added to the scores
 * (`constrained_embedding` of the authors' GRU4Rec).
 */
export function constrainedEmbedding(): RecurrentInputPart {
  return {
    name: 'constrainedEmbedding',
    options: {},
    create({ items, hidden }) {
      const dim = hidden.at(-1) as number;
      const input = new TableInput(items, dim);
      return { input, head: tiedOutput({ bias: true }).create({ items: input.table, count: items, dim }) };
    },
  };
}

/**
 * A table for the inputs and another for the outputs, with a bias for each item (`embedding` of the authors' GRU4Rec).
 *
 * @param options `dim` is the width of the input table and defaults to that of the first layer (`'layersize'`)
 */
export function separateEmbedding(options: { dim?: number | undefined } = {}): RecurrentInputPart {
  const { dim, ...others } = options;
  refuseOthers('separateEmbedding', others, options);
  if (dim !== undefined) checkNumber('separateEmbedding: dim', dim, { min: 1, integer: true });
  return {
    name: 'separateEmbedding',
    options: { dim },
    create: ({ items, hidden }) => {
      const input = new TableInput(items, dim ?? (hidden[0] as number));
      return { input, head: untied(input.table, items, hidden) };
    },
  };
}

/**
 * The first layer reads items as one-hot vectors, as the paper's (Hidasi et al., ICLR 2016): the product with its input
 * matrix is a row of a table `[V, 3H]`. As in the authors' code (`GRUEmbedding`), this layer scales the state by the reset
 * gate before the product, and outputs have a table of their own. Theirs weighs the candidate with z where our op weighs
 * the state, which is the same with the rows of z negated; and theirs fails with more than one layer, ours does not.
 */
export function oneHotEmbedding(): RecurrentInputPart {
  return {
    name: 'oneHotEmbedding',
    options: {},
    create({ items, hidden }) {
      const input = new OneHotInput(items, hidden[0] as number);
      return { input, head: untied(input.table, items, hidden) };
    },
  };
}

function untied(items: Embedding, count: number, hidden: readonly number[]): OutputHead {
  return untiedOutput({ bias: true }).create({ items, count, dim: hidden.at(-1) as number });
}

class TableInput extends Module implements RecurrentInput {
  readonly table: Embedding;
  readonly recurrent = false;

  constructor(
    items: number,
    readonly dim: number,
  ) {
    super();
    this.table = new Embedding(items, dim);
  }

  forward(rows: Int32Array): tf.Tensor2D {
    return this.table.forward(rows);
  }
}

class OneHotInput extends Module implements RecurrentInput {
  readonly table: Embedding;
  readonly state: Linear;
  readonly recurrent = true;

  constructor(
    items: number,
    readonly dim: number,
  ) {
    super();
    this.table = new Embedding(items, 3 * dim, { init: uniformInit(Math.sqrt(6 / (items + dim))) });
    this.state = new Linear(dim, 3 * dim, { init: uniformInit(Math.sqrt(3 / dim)) });
  }

  forward(rows: Int32Array, layout: Layout, before?: tf.Tensor2D): tf.Tensor2D {
    const { weight, bias } = this.state;
    return gru(this.table.forward(rows), weight, { layout, bias, initial: before, reset: 'before' });
  }
}
