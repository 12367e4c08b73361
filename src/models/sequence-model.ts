/** The base of every network: a subclass declares its blocks and writes `encode`. */
import * as tf from '@tensorflow/tfjs-core';
import { checkDevice, ready } from '../backend/select.ts';
import type { Output } from '../blocks/output-head.ts';
import { Layout } from '../core/layout.ts';
import { tensorOf } from '../core/parameter.ts';
import type { PartOption } from '../core/part.ts';
import { type Ragged, range } from '../core/ragged.ts';
import type { Rng } from '../core/rng.ts';
import { checkNumber } from '../core/shape.ts';
import type { Catalog } from '../data/catalog.ts';
import type { Interactions } from '../data/interactions.ts';
import { gatherRows } from '../ops/gather-rows.ts';
import { linear } from '../ops/linear.ts';
import type { FitOptions } from '../training/fit-options.ts';
import type { FitReport } from '../training/fit-report.ts';
import type { Trainable } from '../training/trainable.ts';
import { Recommender } from './recommender.ts';

export interface SequenceModelOptions {
  /** The items that can be recommended. */
  items: Catalog;
  /** The most events of a history that are read; older ones are left out. @defaultValue 50 */
  maxLength?: number | undefined;
}

/** Histories that are encoded at once when scoring. */
const SCORING_BATCH = 128;

/**
 * A network that reads histories. A subclass declares blocks as fields and writes {@link encode} and {@link output};
 * `fit`, `scores`, `recommend`, `save`, `load` and `dispose` are inherited. A subclass with options of its own adds them
 * to {@link config}, so that a file can make it again.
 */
export abstract class SequenceModel extends Recommender implements Trainable {
  readonly maxLength: number;
  #fitting = false;

  constructor({ items, maxLength = 50 }: SequenceModelOptions) {
    super(items);
    this.maxLength = checkNumber('maxLength', maxLength, { min: 1, integer: true });
  }

  /**
   * The states of all events.
   *
   * @param events the batch's columns on the host
   * @param layout the same batch on the device
   * @param rng    turns dropout on
   * @returns `[capacity, D]`
   */
  abstract encode(events: Ragged, layout: Layout, rng?: Rng): tf.Tensor2D;

  /** What states are scored against. */
  abstract output(): Output;

  override config(): { readonly [option: string]: PartOption } {
    return { maxLength: this.maxLength };
  }

  /** Trains the network; see {@link FitOptions}. One call at a time. */
  async fit(data: Interactions, options: FitOptions = {}): Promise<FitReport> {
    if (this.#fitting) throw new Error('This model is being fitted already: await the first fit before the next.');
    this.#fitting = true;
    try {
      const { fit } = await import('../training/fit.ts'); // keeps training out of serving bundles
      return await fit(this, data, options);
    } finally {
      this.#fitting = false;
    }
  }

  /**
   * The scores of every item as the next one.
   *
   * @param histories at least one event each; only the most recent `maxLength` are read
   * @returns `[B · V]`, row-major
   */
  override async scores(histories: Ragged): Promise<Float32Array> {
    this.requireEvents(histories);
    await ready();
    const recent = histories.last(this.maxLength);
    const width = this.catalog.size;
    const out = new Float32Array(recent.count * width);
    const all = range(recent.count);
    for (let from = 0; from < recent.count; from += SCORING_BATCH) {
      const scores = this.#score(recent.take(all.subarray(from, from + SCORING_BATCH)));
      try {
        out.set(await scores.data(), from * width);
        checkDevice();
      } finally {
        scores.dispose();
      }
    }
    return out;
  }

  #score(histories: Ragged): tf.Tensor2D {
    using layout = new Layout(histories);
    return tf.tidy(() => {
      const last = gatherRows(this.encode(histories, layout), layout.lastRows());
      const { weight, bias, scale = 1 } = this.output();
      const scores = linear(last, tensorOf(weight), bias && tensorOf(bias));
      return scale === 1 ? scores : tf.mul(scores, scale);
    });
  }
}
