/** HSTU. */
import type * as tf from '@tensorflow/tfjs-core';
import { Embedding } from '../blocks/embedding.ts';
import { HSTUBlock } from '../blocks/hstu-block.ts';
import type { Output } from '../blocks/output-head.ts';
import { learnedFromEnd } from '../blocks/positions/learned.ts';
import type { PairBiasPart } from '../blocks/positions/pair-bias.ts';
import type { PositionBlock, PositionsPart } from '../blocks/positions/positions.ts';
import { relativePositions } from '../blocks/positions/relative-positions.ts';
import { relativeTimes } from '../blocks/positions/relative-times.ts';
import type { Layout } from '../core/layout.ts';
import { create, type PartOption } from '../core/part.ts';
import type { Ragged } from '../core/ragged.ts';
import type { Rng } from '../core/rng.ts';
import { checkLayers, checkNumber, checkWidth, refuseOthers } from '../core/shape.ts';
import { dropout } from '../ops/dropout.ts';
import { prefixes } from '../training/objectives/prefixes.ts';
import type { FitDefaults } from '../training/trainable.ts';
import { SequenceModel, type SequenceModelOptions } from './base/sequence-model.ts';

export interface HSTUOptions extends SequenceModelOptions {
  /** Width of the states. @defaultValue 64 */
  dim?: number | undefined;
  /** Number of blocks. @defaultValue 2 */
  layers?: number | undefined;
  /** Attention heads; must divide `dim`. @defaultValue 2 */
  heads?: number | undefined;
  /** Rate of every dropout. @defaultValue 0.2 */
  dropout?: number | undefined;
  /** Factor of the item embeddings before positions are added. @defaultValue 1 */
  scale?: number | undefined;
  /** What is added to the embeddings. @defaultValue learnedFromEnd() */
  positions?: PositionsPart | undefined;
  /** What is added to the products of two events; `relativeTimes()` needs events with times. @defaultValue [relativePositions()] */
  biases?: readonly PairBiasPart[] | undefined;
  /** Of all layer norms. @defaultValue 1e-6 */
  epsilon?: number | undefined;
}

/**
 * HSTU (Zhai et al., "Actions Speak Louder than Words: Trillion-Parameter Sequential Transducers for Generative
 * Recommendations", ICML 2024), after RecTools' code: blocks of pointwise attention without a softmax, which keeps how often
 * something was done, gates in place of a feed-forward network, and biases by distance in positions and in time.
 *
 * @example
 * ```ts
 * const model = new HSTU({ items: log.items, biases: [relativePositions(), relativeTimes({ unit: 60 })] });
 * await model.fit(train, { epochs: 20 });
 * await model.recommend([{ item: 'sku-17', time: 1_700_000_000 }, { item: 'sku-3', time: 1_700_000_090 }], { k: 10 });
 * ```
 */
export class HSTU extends SequenceModel {
  static override readonly modelName: string = 'HSTU';
  static override readonly parts = { learnedFromEnd, relativePositions, relativeTimes };
  readonly items: Embedding;
  readonly positions: PositionBlock;
  readonly blocks: HSTUBlock[];
  readonly dropout: number;
  readonly scale: number;
  readonly #options: { readonly [option: string]: PartOption };

  constructor({
    items,
    maxLength,
    dim = 64,
    layers = 2,
    heads = 2,
    dropout = 0.2,
    scale = 1,
    positions = learnedFromEnd(),
    biases = [relativePositions()],
    epsilon = 1e-6,
    ...others
  }: HSTUOptions) {
    super({ items, maxLength });
    refuseOthers(new.target.modelName, others);
    checkWidth('dim', dim);
    checkLayers('layers', layers);
    this.dropout = checkNumber('dropout', dropout, { min: 0, below: 1 });
    this.scale = checkNumber('scale', scale);
    this.items = new Embedding(items.size, dim);
    this.positions = create('positions', positions, { dim, maxLength: this.maxLength });
    const size = { dim, heads, biases, dropout: this.dropout, epsilon };
    this.blocks = Array.from({ length: layers }, () => new HSTUBlock({ ...size, maxLength: this.maxLength }));
    this.#options = { layers, positions, scale: this.scale, ...size };
  }

  override encode(events: Ragged, layout: Layout, rng?: Rng, queries?: Layout): tf.Tensor2D {
    const lookup = { scale: this.scale, plus: this.positions.forward(layout, events) };
    const x = dropout(this.items.forward(layout.pad(events.item), lookup), this.dropout, rng?.fork('input'), layout);
    return this.blocks.reduce((rows, block, i) => {
      const wanted = i === this.blocks.length - 1 ? queries : undefined;
      return block.forward(rows, { events, layout, queries: wanted, rng: rng?.fork('block').fork(i) });
    }, x);
  }

  override output(): Output {
    return { weight: this.items.weight };
  }

  override get reads(): 'past' | 'all' {
    return this.positions.reads ?? 'past';
  }

  override get defaults(): FitDefaults {
    return this.reads === 'past' ? {} : { objective: prefixes() };
  }

  override config(): { readonly [option: string]: PartOption } {
    return { ...super.config(), ...this.#options };
  }
}
