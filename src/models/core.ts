/** CORE. */
import * as tf from '@tensorflow/tfjs-core';
import { Embedding } from '../blocks/embedding.ts';
import type { Output } from '../blocks/output-head.ts';
import { learnedFromStart } from '../blocks/positions/learned.ts';
import {
  equalWeights,
  type SessionMixture,
  type SessionMixturePart,
  transformerWeights,
} from '../blocks/session-mixture.ts';
import { transformerBlock } from '../blocks/transformer-block.ts';
import { uniformInit } from '../core/initializers.ts';
import type { Layout } from '../core/layout.ts';
import { tensorOf } from '../core/parameter.ts';
import { create, type PartOption } from '../core/part.ts';
import type { Ragged } from '../core/ragged.ts';
import type { Rng } from '../core/rng.ts';
import { checkNumber, checkWidth, refuseOthers } from '../core/shape.ts';
import { gelu } from '../ops/activations.ts';
import { dropout } from '../ops/dropout.ts';
import { normalizeRows } from '../ops/normalize-rows.ts';
import { SequenceModel, type SequenceModelOptions } from './base/sequence-model.ts';

export interface CoreOptions extends SequenceModelOptions {
  /** Width of items and sessions. @defaultValue 100 */
  dim?: number | undefined;
  /** How much each event counts. @defaultValue transformerWeights() */
  mixture?: SessionMixturePart | undefined;
  /** What cosines are divided by. @defaultValue 0.07 */
  temperature?: number | undefined;
  /** Rate of dropout on the items of a session. @defaultValue 0.2 */
  sessionDropout?: number | undefined;
  /** Rate of dropout on the items that are scored, in training only. @defaultValue 0.2 */
  itemDropout?: number | undefined;
}

/**
 * CORE (Hou et al., "CORE: Simple and Effective Session-based Recommendation within Consistent Representation Space",
 * SIGIR 2022), after the authors' code (RUCAIBox/CORE): a session is a weighted mean of the embeddings of its own items,
 * so that it lies in the space of the items, and an item's score is the cosine of both over a temperature.
 *
 * Since the weights look back only, every event has a state, and one pass over a session asks what theirs asks with one
 * example for each of its beginnings. @see {@link transformerWeights}, {@link equalWeights}
 *
 * @example
 * ```ts
 * const model = new CORE({ items: log.items, maxLength: 20 });
 * await model.fit(train, { epochs: 20 });
 * await model.recommend(['sku-17', 'sku-3'], { k: 10 });
 * ```
 */
export class CORE extends SequenceModel {
  static override readonly modelName: string = 'CORE';
  static override readonly parts = { transformerWeights, equalWeights, learnedFromStart, transformerBlock, gelu };
  readonly items: Embedding;
  readonly mixture: SessionMixture;
  readonly #options: { readonly dim: number; readonly mixture: SessionMixturePart };
  readonly #settings: { readonly temperature: number; readonly sessionDropout: number; readonly itemDropout: number };

  constructor({
    items,
    maxLength,
    dim = 100,
    mixture = transformerWeights(),
    temperature = 0.07,
    sessionDropout = 0.2,
    itemDropout = 0.2,
    ...others
  }: CoreOptions) {
    super({ items, maxLength });
    refuseOthers(new.target.modelName, others);
    checkWidth('dim', dim);
    checkNumber('temperature', temperature, { above: 0 });
    checkNumber('sessionDropout', sessionDropout, { min: 0, below: 1 });
    checkNumber('itemDropout', itemDropout, { min: 0, below: 1 });
    this.items = new Embedding(items.size, dim, { init: uniformInit(1 / Math.sqrt(dim)) });
    this.mixture = create('mixture', mixture, { dim, maxLength: this.maxLength });
    this.#options = { dim, mixture };
    this.#settings = { temperature, sessionDropout, itemDropout };
  }

  override encode(events: Ragged, layout: Layout, rng?: Rng, queries = layout): tf.Tensor2D {
    const x = this.#items(events, layout, rng);
    return normalizeRows(this.mixture.forward(x, { events, layout, queries, rng: rng?.fork('mixture') }));
  }

  #items(events: Ragged, layout: Layout, rng?: Rng): tf.Tensor2D {
    const x = this.items.forward(layout.pad(events.item));
    return dropout(x, this.#settings.sessionDropout, rng?.fork('session'), layout);
  }

  override output(rng?: Rng): Output {
    const table = tensorOf<tf.Tensor>(this.items.weight) as tf.Tensor2D;
    const weight = normalizeRows(dropout(table, this.#settings.itemDropout, rng));
    return { weight, scale: 1 / this.#settings.temperature };
  }

  protected override attentionOf(events: Ragged, layout: Layout): tf.Tensor1D | undefined {
    using queries = layout.last();
    const [weights] = this.mixture.weights(this.#items(events, layout), { events, layout, queries }) as [tf.Tensor3D];
    return tf.reshape(weights, [-1]);
  }

  override config(): { readonly [option: string]: PartOption } {
    return { ...super.config(), ...this.#options, ...this.#settings };
  }
}
