/** BST. */
import * as tf from '@tensorflow/tfjs-core';
import type { BlockPart, SequenceBlock } from '../blocks/block.ts';
import { concatenated, FeatureEmbedding, type Field, type JoinPart } from '../blocks/feature-embedding.ts';
import type { Output } from '../blocks/output-head.ts';
import { learnedFromEnd } from '../blocks/positions/learned.ts';
import type { PositionBlock, PositionsPart } from '../blocks/positions/positions.ts';
import { allPositions, type ScoreHead, type ScoreHeadPart } from '../blocks/score-head.ts';
import { transformerBlock } from '../blocks/transformer-block.ts';
import type { Layout } from '../core/layout.ts';
import { create, type PartOption } from '../core/part.ts';
import type { Ragged } from '../core/ragged.ts';
import type { Rng } from '../core/rng.ts';
import { checkLayers, checkNumber, checkWidth, refuseOthers } from '../core/shape.ts';
import type { Feature } from '../data/feature.ts';
import { eventCodes, sequenceCodes } from '../data/feature-codes.ts';
import { leakyRelu } from '../ops/activations.ts';
import { dropout } from '../ops/dropout.ts';
import { CandidateModel } from './base/candidate-model.ts';
import type { SequenceModelOptions } from './base/sequence-model.ts';

export interface BSTOptions extends SequenceModelOptions {
  /** The most events of a history that are read, the candidate not counted. @defaultValue 20 */
  maxLength?: number | undefined;
  /** Width of the item embeddings. @defaultValue 32 */
  dim?: number | undefined;
  /** Width of the embedding of each feature. @defaultValue 8 */
  featureDim?: number | undefined;
  /** How item and features of an event are joined. @defaultValue concatenated() */
  join?: JoinPart | undefined;
  /** @defaultValue learnedFromEnd(): the distance from the candidate */
  positions?: PositionsPart | undefined;
  /** Number of blocks. @defaultValue 1 */
  layers?: number | undefined;
  /** Attention heads; must divide the joined width. @defaultValue 8 */
  heads?: number | undefined;
  /** Rate of every dropout. @defaultValue 0.2 */
  dropout?: number | undefined;
  /** @defaultValue transformerBlock(\{ activation: leakyRelu() \}) */
  block?: BlockPart | undefined;
  /** @defaultValue allPositions() */
  head?: ScoreHeadPart | undefined;
}

/**
 * Behaviour Sequence Transformer (Chen et al., DLP-KDD 2019): the history and the candidate as one sequence of items with
 * their features, through Transformer blocks that read it in both directions; all states end to end, with the features
 * of user and context, through an MLP to the candidate's score. It reads every side feature of its catalogue.
 *
 * The paper's position is the time from an event to the request; here it is a part, by default the number of events in
 * between. With `head: eachPosition()` the blocks are causal and every position has a score of its own.
 *
 * The network runs once for each candidate: see {@link CandidateModel}.
 *
 * @example
 * ```ts
 * const model = new BST({ items: log.items });
 * await model.fit(train, { epochs: 3 });
 * await model.rerank(['sku-17', 'sku-3'], candidates, { k: 10 });
 * ```
 */
export class BST extends CandidateModel {
  static override readonly modelName: string = 'BST';
  static override readonly readsFeatures: boolean = true;
  static override readonly parts = { concatenated, learnedFromEnd, transformerBlock, leakyRelu, allPositions };
  /** Tables of the item, its features and the event's. */
  readonly events: FeatureEmbedding;
  /** Tables of the features of user and context, if there are any. */
  readonly others: FeatureEmbedding | undefined;
  readonly positions: PositionBlock;
  readonly blocks: SequenceBlock[];
  readonly head: ScoreHead;
  readonly dropout: number;
  readonly #options: { readonly [option: string]: PartOption } & { readonly head: ScoreHeadPart };

  constructor({
    items,
    maxLength = 20,
    dim = 32,
    featureDim = 8,
    layers = 1,
    heads = 8,
    dropout = 0.2,
    join = concatenated(),
    positions = learnedFromEnd(),
    block = transformerBlock({ activation: leakyRelu() }),
    head = allPositions(),
    ...unknown
  }: BSTOptions) {
    super({ items, maxLength });
    refuseOthers(new.target.modelName, unknown);
    checkWidth('dim', dim);
    checkWidth('featureDim', featureDim);
    checkLayers('layers', layers);
    this.dropout = checkNumber('dropout', dropout, { min: 0, below: 1 });
    const fields = (features: { readonly [name: string]: Feature }) =>
      mapFeatures(features, ({ size, combine }): Field => ({ size, dim: featureDim, combine }));
    const { item, event, user, context } = items.features;
    const ofItems = mapFeatures(item, ({ feature }) => feature);
    this.events = new FeatureEmbedding(
      { item: { size: items.size, dim }, ...fields({ ...ofItems, ...event }) },
      { join },
    );
    const others = fields({ ...user, ...context });
    this.others = Object.keys(others).length > 0 ? new FeatureEmbedding(others) : undefined;
    const { width } = this.events;
    const length = this.maxLength + 1;
    this.positions = create('positions', positions, { dim: width, maxLength: length });
    const blockSize = { dim: width, heads, dropout: this.dropout, causal: head.reads === 'past' };
    this.blocks = Array.from({ length: layers }, () => create('block', block, blockSize));
    this.head = create('head', head, { dim: width, length, others: this.others?.width ?? 0, dropout: this.dropout });
    this.#options = { dim, featureDim, join, positions, layers, heads, block, head };
  }

  override get reads(): 'past' | 'last' {
    return this.#options.head.reads;
  }

  /** @param events histories that end with a candidate */
  override encode(events: Ragged, layout: Layout, rng?: Rng, queries?: Layout): tf.Tensor2D {
    const codes = { item: events.item, ...eventCodes(this.catalog, events) };
    const embedded = this.events.forward(codes, layout.capacity);
    let x: tf.Tensor2D = tf.add(embedded, this.positions.forward(layout, events)); // [N, D]
    x = dropout(x, this.dropout, rng?.fork('input'), layout);
    this.blocks.forEach((block, i) => {
      x = block.forward(x, layout, rng?.fork('block').fork(i));
    });
    const others = this.others?.forward(sequenceCodes(this.catalog, events)); // [B, W]
    return this.head.forward(x, layout, others, rng?.fork('head'), queries);
  }

  override output(): Output {
    return this.head.output();
  }

  override config() {
    return { ...super.config(), ...this.#options, dropout: this.dropout };
  }
}

function mapFeatures<T, U>(features: { readonly [name: string]: T }, change: (feature: T) => U): { [name: string]: U } {
  return Object.fromEntries(Object.entries(features).map(([name, feature]) => [name, change(feature)]));
}
