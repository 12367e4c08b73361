/** How much each event of a session counts in its vector, and the part that chooses it. */
import * as tf from '@tensorflow/tfjs-core';
import { initializeMatrices, normal } from '../core/initializers.ts';
import type { Layout } from '../core/layout.ts';
import { Module } from '../core/module.ts';
import { Parameter, tensorOf } from '../core/parameter.ts';
import { create, type Part } from '../core/part.ts';
import type { Ragged } from '../core/ragged.ts';
import type { Rng } from '../core/rng.ts';
import { checkLayers, checkNumber, refuseOthers } from '../core/shape.ts';
import { gelu } from '../ops/activations.ts';
import { attention, attentionWeights } from '../ops/attention.ts';
import { dropout } from '../ops/dropout.ts';
import { gatherRows } from '../ops/gather-rows.ts';
import type { BlockPart, SequenceBlock } from './block.ts';
import { LayerNorm } from './layer-norm.ts';
import { learnedFromStart } from './positions/learned.ts';
import type { PositionBlock, PositionsPart } from './positions/positions.ts';
import { transformerBlock } from './transformer-block.ts';

/** The rows of sessions, what belongs to them, and the rows whose mixtures are wanted. */
export interface MixtureCall {
  readonly events: Ragged;
  readonly layout: Layout;
  readonly queries: Layout;
  readonly rng?: Rng | undefined;
}

/** Mixes the rows of a session up to each of its events, with weights that sum to 1. */
export interface SessionMixture extends Module {
  /**
   * @param x `[layout.capacity, dim]`
   * @returns `[queries.capacity, dim]`, sums of rows of `x` as they are
   */
  forward(x: tf.Tensor2D, call: MixtureCall): tf.Tensor2D;
  /** The weights themselves, `[1, queries, T]` a sequence. */
  weights(x: tf.Tensor2D, call: MixtureCall): tf.Tensor3D[];
}

/** Chooses the mixture of a model. */
export interface SessionMixturePart extends Part {
  create(size: { dim: number; maxLength: number }): SessionMixture;
}

/** All events up to one count the same (CORE-ave: Hou et al., SIGIR 2022, section 3.2.1). */
export function equalWeights(): SessionMixturePart {
  return { name: 'equalWeights', options: {}, create: () => new EqualWeights() };
}

class EqualWeights extends Module implements SessionMixture {
  forward(x: tf.Tensor2D, { layout: keys, queries }: MixtureCall): tf.Tensor2D {
    const nothing: tf.Tensor2D = tf.zeros([queries.capacity, x.shape[1]]);
    return attention(nothing, x, x, { queries, keys, heads: 1, causal: true });
  }

  weights(x: tf.Tensor2D, { layout: keys, queries }: MixtureCall): tf.Tensor3D[] {
    const nothing: tf.Tensor2D = tf.zeros([queries.capacity, x.shape[1]]);
    return attentionWeights(nothing, x, { queries, keys, heads: 1, causal: true });
  }
}

export interface TransformerWeightsOptions {
  /** Number of blocks. @defaultValue 2 */
  layers?: number | undefined;
  /** Attention heads; must divide the width. @defaultValue 2 */
  heads?: number | undefined;
  /** Rate of every dropout inside. @defaultValue 0.5 */
  dropout?: number | undefined;
  /** @defaultValue learnedFromStart() */
  positions?: PositionsPart | undefined;
  /** @defaultValue transformerBlock(\{ hidden: 256, activation: gelu, epsilon: 1e-12 \}) */
  block?: BlockPart | undefined;
  /** Of the normalisation of item plus position. @defaultValue 1e-12 */
  epsilon?: number | undefined;
}

/**
 * Events count by the softmax of wᵀ h over the events up to one, where h are the states of a causal Transformer
 * (CORE-trm: Hou et al., SIGIR 2022, section 3.2.2; RUCAIBox/CORE). Theirs adds a bias to wᵀ h, which the softmax takes out.
 * All matrices begin normal with 0.02, as theirs.
 */
export function transformerWeights(options: TransformerWeightsOptions = {}): SessionMixturePart {
  const {
    layers = 2,
    heads = 2,
    dropout = 0.5,
    positions = learnedFromStart(),
    block = transformerBlock({ hidden: 256, activation: gelu, epsilon: 1e-12 }),
    epsilon = 1e-12,
    ...others
  } = options;
  refuseOthers('transformerWeights', others, options);
  checkLayers('transformerWeights: layers', layers);
  checkNumber('transformerWeights: dropout', dropout, { min: 0, below: 1 });
  const settings = { layers, heads, dropout, positions, block, epsilon };
  return {
    name: 'transformerWeights',
    options: settings,
    create: (size) => new TransformerWeights({ ...size, ...settings }),
  };
}

type Settings = Required<{
  [option in keyof TransformerWeightsOptions]: NonNullable<TransformerWeightsOptions[option]>;
}>;

class TransformerWeights extends Module implements SessionMixture {
  readonly positions: PositionBlock;
  readonly inputNorm: LayerNorm;
  readonly blocks: SequenceBlock[];
  /** w, `[1, dim]` */
  readonly query: Parameter;
  readonly dropout: number;

  constructor({
    dim,
    maxLength,
    layers,
    heads,
    dropout,
    positions,
    block,
    epsilon,
  }: Settings & { dim: number; maxLength: number }) {
    super();
    this.positions = create('positions', positions, { dim, maxLength });
    this.inputNorm = new LayerNorm(dim, { epsilon });
    const size = { dim, heads, dropout, causal: true };
    this.blocks = Array.from({ length: layers }, () => create('block', block, size));
    this.query = new Parameter([1, dim], normal(0.02));
    this.dropout = dropout;
    initializeMatrices(this, normal(0.02));
  }

  forward(x: tf.Tensor2D, call: MixtureCall): tf.Tensor2D {
    const { layout: keys, queries } = call;
    return attention(this.#query(queries), this.#states(x, call), x, { queries, keys, heads: 1, causal: true });
  }

  weights(x: tf.Tensor2D, call: MixtureCall): tf.Tensor3D[] {
    const { layout: keys, queries } = call;
    return attentionWeights(this.#query(queries), this.#states(x, call), { queries, keys, heads: 1, causal: true });
  }

  /** `[N, dim]` */
  #states(x: tf.Tensor2D, { events, layout, rng }: MixtureCall): tf.Tensor2D {
    const placed = this.inputNorm.forward(tf.add(x, this.positions.forward(layout, events)));
    const input = dropout(placed, this.dropout, rng?.fork('input'), layout);
    return this.blocks.reduce((h, block, i) => block.forward(h, layout, rng?.fork('block').fork(i)), input);
  }

  /** w for each query, times the √dim by which attention divides. */
  #query({ capacity }: Layout): tf.Tensor2D {
    const query = tensorOf<tf.Tensor>(this.query) as tf.Tensor2D;
    return gatherRows(tf.mul(query, Math.sqrt(query.shape[1])), new Int32Array(capacity));
  }
}
