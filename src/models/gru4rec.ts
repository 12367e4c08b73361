/** GRU4Rec. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Continued } from '../blocks/block.ts';
import { GRU } from '../blocks/gru.ts';
import type { Output, OutputHead } from '../blocks/output-head.ts';
import {
  constrainedEmbedding,
  oneHotEmbedding,
  type RecurrentInput,
  type RecurrentInputPart,
  separateEmbedding,
} from '../blocks/recurrent-input.ts';
import type { Layout } from '../core/layout.ts';
import { create, type PartOption } from '../core/part.ts';
import type { Ragged } from '../core/ragged.ts';
import type { Rng } from '../core/rng.ts';
import { checkNumber, refuseOthers } from '../core/shape.ts';
import { inBatch } from '../data/negatives/in-batch.ts';
import { mixed } from '../data/negatives/mixed.ts';
import { popularity } from '../data/negatives/popularity.ts';
import { sampledSoftmax } from '../losses/sampled-softmax.ts';
import { dropout } from '../ops/dropout.ts';
import { gatherRows } from '../ops/gather-rows.ts';
import { sessionParallel } from '../training/objectives/session-parallel.ts';
import { adagradMomentum } from '../training/optimizers/adagrad-momentum.ts';
import type { FitDefaults } from '../training/trainable.ts';
import { SequenceModel, type SequenceModelOptions } from './base/sequence-model.ts';

export interface GRU4RecOptions extends SequenceModelOptions {
  /** Width of the states: of the one layer, or of each layer, the first one first. @defaultValue 100 */
  hidden?: number | readonly number[] | undefined;
  /** What the first layer reads of an item, and what items are scored against. @defaultValue constrainedEmbedding() */
  embedding?: RecurrentInputPart | undefined;
  /** Rate of dropout on what the embedding gives; of a one-hot layer these are its states. @defaultValue 0 */
  embeddingDropout?: number | undefined;
  /** Rate of dropout on the states of every layer. @defaultValue 0 */
  dropout?: number | undefined;
  /** Biases of the recurrent layers. @defaultValue true */
  bias?: boolean | undefined;
  /** Where the reset gate acts, see the op `gru`. @defaultValue 'after' */
  reset?: 'after' | 'before' | undefined;
}

/**
 * GRU4Rec (Hidasi et al., ICLR 2016; Hidasi & Karatzoglou, CIKM 2018), as the authors' hidasib/GRU4Rec_PyTorch_Official
 * with its defaults. Unless told otherwise `fit` trains as it does: session-parallel steps of one event with carried
 * states, the softmax over the other targets of the step and 2048 items drawn by √count, and Adagrad. Every state as a
 * question over whole sequences, which most later libraries call GRU4Rec, is `objective: nextItem()`.
 *
 * @example
 * ```ts
 * const model = new GRU4Rec({ items: log.items, hidden: 100, embeddingDropout: 0.25 });
 * await model.fit(train, { epochs: 10 });
 * await model.recommend(['sku-17', 'sku-3'], { k: 10 });
 * ```
 */
export class GRU4Rec extends SequenceModel {
  static override readonly modelName: string = 'GRU4Rec';
  static override readonly parts = { constrainedEmbedding, separateEmbedding, oneHotEmbedding };
  readonly input: RecurrentInput;
  readonly gru: GRU;
  readonly head: OutputHead;
  readonly embeddingDropout: number;
  readonly #options: { readonly [option: string]: PartOption };

  constructor({
    items,
    maxLength,
    hidden = 100,
    embedding = constrainedEmbedding(),
    bias = true,
    reset = 'after',
    embeddingDropout = 0,
    dropout = 0,
    ...others
  }: GRU4RecOptions) {
    super({ items, maxLength });
    refuseOthers(new.target.modelName, others);
    const widths = typeof hidden === 'number' ? [hidden] : hidden;
    if (widths.length === 0) throw new RangeError('hidden must have the width of at least one layer, got none.');
    this.embeddingDropout = checkNumber('embeddingDropout', embeddingDropout, { min: 0, below: 1 });
    const { input, head } = create('embedding', embedding, { items: items.size, hidden: widths });
    const further = input.recurrent ? widths.slice(1) : widths;
    this.input = input;
    this.gru = new GRU({ inputs: input.dim, hidden: further, bias, reset, dropout });
    this.head = head;
    this.#options = { hidden, embedding, bias, reset, dropout };
  }

  override encode(events: Ragged, layout: Layout, rng?: Rng): tf.Tensor2D {
    return this.gru.forward(this.#read(events, layout, rng), layout, rng?.fork('gru'));
  }

  override encodeFrom(events: Ragged, layout: Layout, before?: readonly tf.Tensor2D[], rng?: Rng): Continued {
    const x = this.#read(events, layout, rng, before?.[0]);
    const own = this.input.recurrent ? [gatherRows(x, layout.lastRows())] : [];
    const { states, after } = this.gru.forwardFrom(x, layout, before?.slice(own.length), rng?.fork('gru'));
    return { states, after: [...own, ...after] };
  }

  #read(events: Ragged, layout: Layout, rng?: Rng, before?: tf.Tensor2D): tf.Tensor2D {
    const x = this.input.forward(layout.pad(events.item), layout, before);
    return dropout(x, this.embeddingDropout, rng?.fork('input'), layout);
  }

  override output(): Output {
    return this.head.output();
  }

  override get defaults(): FitDefaults {
    const sampler = mixed({ samplers: [inBatch(), popularity({ alpha: 0.5, shared: true })] });
    return {
      objective: sessionParallel(),
      loss: sampledSoftmax({ negatives: 2048, sampler, logQ: false }),
      optimizer: adagradMomentum(),
      batchSize: 64,
    };
  }

  protected override get recordable(): boolean {
    return this.encode === GRU4Rec.prototype.encode;
  }

  override config() {
    return { ...super.config(), ...this.#options, embeddingDropout: this.embeddingDropout };
  }
}
