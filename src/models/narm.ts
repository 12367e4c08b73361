/** NARM. */
import * as tf from '@tensorflow/tfjs-core';
import { AttentionPooling } from '../blocks/attention-pooling.ts';
import { Embedding } from '../blocks/embedding.ts';
import { GRU } from '../blocks/gru.ts';
import { Linear } from '../blocks/linear.ts';
import type { Output } from '../blocks/output-head.ts';
import type { Layout } from '../core/layout.ts';
import type { PartOption } from '../core/part.ts';
import type { Ragged } from '../core/ragged.ts';
import type { Rng } from '../core/rng.ts';
import { checkNumber, refuseOthers } from '../core/shape.ts';
import { dropout } from '../ops/dropout.ts';
import { gatherRows } from '../ops/gather-rows.ts';
import { prefixes } from '../training/objectives/prefixes.ts';
import type { FitDefaults } from '../training/trainable.ts';
import { SequenceModel, type SequenceModelOptions } from './base/sequence-model.ts';

export interface NARMOptions extends SequenceModelOptions {
  /** Width of items. @defaultValue 50 */
  dim?: number | undefined;
  /** Width of the recurrent states. @defaultValue 100 */
  hidden?: number | undefined;
  /** Number of recurrent layers. @defaultValue 1 */
  layers?: number | undefined;
  /** Rate of dropout on the items of a session. @defaultValue 0.25 */
  embeddingDropout?: number | undefined;
  /** Rate of dropout on what both encoders give. @defaultValue 0.5 */
  dropout?: number | undefined;
  /** Whether the weights of a session's events are made positive with the sum 1, as in WarpRec. @defaultValue false */
  softmax?: boolean | undefined;
}

/**
 * Neural Attentive Recommendation Machine (Li et al., CIKM 2017), after lijingsdu/sessionRec_NARM and RecBole: a recurrent
 * network reads the session; its last state says what the session is about, and asks all states for what it is about now.
 * Both together are compared with items by a bilinear map. As in the paper the weights of states are no shares.
 *
 * Only the last event of a session has a state; the objective is `prefixes()`, as the authors'.
 *
 * @example
 * ```ts
 * const model = new NARM({ items: log.items, maxLength: 20 });
 * await model.fit(train, { epochs: 10 });
 * await model.recommend(['sku-17', 'sku-3'], { k: 10 });
 * ```
 */
export class NARM extends SequenceModel {
  static override readonly modelName: string = 'NARM';
  readonly items: Embedding;
  readonly gru: GRU;
  readonly pooling: AttentionPooling;
  readonly decoder: Linear;
  readonly #options: { readonly [option: string]: PartOption };
  readonly #rates: { readonly embeddingDropout: number; readonly dropout: number };

  constructor({
    items,
    maxLength,
    dim = 50,
    hidden = 100,
    layers = 1,
    embeddingDropout = 0.25,
    dropout = 0.5,
    softmax = false,
    ...others
  }: NARMOptions) {
    super({ items, maxLength });
    refuseOthers(new.target.modelName, others);
    checkNumber('layers', layers, { min: 1, max: 1000, integer: true });
    checkNumber('embeddingDropout', embeddingDropout, { min: 0, below: 1 });
    checkNumber('dropout', dropout, { min: 0, below: 1 });
    this.items = new Embedding(items.size, dim);
    this.gru = new GRU({ inputs: dim, hidden: new Array<number>(layers).fill(hidden), bias: false });
    this.pooling = new AttentionPooling({ dim: hidden, bias: false, softmax });
    this.decoder = new Linear(2 * hidden, dim, { bias: false });
    this.#options = { dim, hidden, layers, softmax };
    this.#rates = { embeddingDropout, dropout };
  }

  /** @returns `[B, dim]` */
  override encode(events: Ragged, layout: Layout, rng?: Rng): tf.Tensor2D {
    const states = this.#states(events, layout, rng);
    const last = gatherRows(states, layout.lastRows());
    const both: tf.Tensor2D = tf.concat([this.pooling.forward(states, layout, last), last], 1);
    return this.decoder.forward(dropout(both, this.#rates.dropout, rng?.fork('both'), layout.last()));
  }

  /** `[N, hidden]` */
  #states(events: Ragged, layout: Layout, rng?: Rng): tf.Tensor2D {
    const x = this.items.forward(layout.pad(events.item));
    return this.gru.forward(dropout(x, this.#rates.embeddingDropout, rng?.fork('items'), layout), layout);
  }

  /** Weights that are no shares may be negative: the size of each, as a part of all. */
  protected override attentionOf(events: Ragged, layout: Layout): tf.Tensor1D {
    const states = this.#states(events, layout);
    const sizes = tf.abs(this.pooling.weights(states, layout, gatherRows(states, layout.lastRows())));
    return tf.div(sizes, tf.sum(sizes));
  }

  override get reads() {
    return 'last' as const;
  }

  /** The authors': every beginning of a session, 512 a step. */
  override get defaults(): FitDefaults {
    return { objective: prefixes(), batchSize: 512 };
  }

  override output(): Output {
    return { weight: this.items.weight };
  }

  override config(): { readonly [option: string]: PartOption } {
    return { ...super.config(), ...this.#options, ...this.#rates };
  }
}
