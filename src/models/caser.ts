/** Caser. */
import * as tf from '@tensorflow/tfjs-core';
import { Embedding } from '../blocks/embedding.ts';
import { HorizontalConvolution } from '../blocks/horizontal-convolution.ts';
import { Linear } from '../blocks/linear.ts';
import type { Output } from '../blocks/output-head.ts';
import { VerticalConvolution } from '../blocks/vertical-convolution.ts';
import { fanInUniform, normal, zeros } from '../core/initializers.ts';
import type { Layout } from '../core/layout.ts';
import { Parameter } from '../core/parameter.ts';
import type { PartOption } from '../core/part.ts';
import type { Ragged } from '../core/ragged.ts';
import type { Rng } from '../core/rng.ts';
import { checkNumber, checkWidth, refuseOthers } from '../core/shape.ts';
import { bce } from '../losses/bce.ts';
import { type Activation, relu } from '../ops/activations.ts';
import { dropout } from '../ops/dropout.ts';
import { slidingWindows } from '../training/objectives/sliding-windows.ts';
import { adam } from '../training/optimizers/adam.ts';
import type { FitDefaults } from '../training/trainable.ts';
import { UserModel, type UserModelOptions } from './base/user-model.ts';
import { UserVectors } from './base/user-vectors.ts';

export interface CaserOptions extends UserModelOptions {
  /** The events of a window, L: no more of a history are read. @defaultValue 5 */
  maxLength?: number | undefined;
  /** Width of item and user vectors. @defaultValue 50 */
  dim?: number | undefined;
  /** @defaultValue 4 */
  verticalFilters?: number | undefined;
  /** Horizontal filters of each height. @defaultValue 16 */
  horizontalFilters?: number | undefined;
  /** Heights of the horizontal filters. @defaultValue 1 … maxLength */
  heights?: readonly number[] | undefined;
  /** Rate of the dropout on what the filters give. @defaultValue 0.5 */
  dropout?: number | undefined;
  /** Of the horizontal filters. @defaultValue relu */
  activation?: Activation | undefined;
  /** Of the vertical filters. @defaultValue none */
  verticalActivation?: Activation | undefined;
  /** Of the sequence vector. @defaultValue relu */
  stateActivation?: Activation | undefined;
}

/**
 * Convolutional Sequence Embedding (Tang & Wang, WSDM 2018) with the defaults of the authors' code
 * (graytowne/caser_pytorch): the last L events as an image, which horizontal and vertical filters read. A history of fewer
 * events leaves places of the window free; they read one more trained row at the end of the item table, the authors' id 0.
 *
 * With `users`, each has a vector u and an item scores [z; u] · w + b. Without a user, and for one whom the model does not
 * know, u is the mean of all user vectors, so that an item's score is its mean over all users of the model. The column
 * `user` of histories counts in `users`, as that of a log and its splits does; -1 is no user.
 *
 * @example
 * ```ts
 * const model = new Caser({ items: log.items, users: log.users });
 * await model.fit(train, { epochs: 50 });
 * await model.recommend(['sku-17', 'sku-3'], { user: 'ann', k: 10 });
 * ```
 */
export class Caser extends UserModel {
  static override readonly modelName: string = 'Caser';
  static override readonly parts = { relu };
  /** `[V + 1, dim]`, the last row for free places. */
  readonly items: Embedding;
  readonly users: UserVectors | undefined;
  readonly vertical: VerticalConvolution;
  readonly horizontal: HorizontalConvolution;
  readonly dense: Linear;
  readonly head: { readonly weight: Parameter; readonly bias: Parameter };
  readonly dropout: number;
  readonly stateActivation: Activation;
  readonly #options: { readonly [option: string]: PartOption };

  constructor({
    items,
    maxLength = 5,
    users,
    dim = 50,
    verticalFilters = 4,
    horizontalFilters = 16,
    heights,
    activation = relu,
    verticalActivation,
    stateActivation = relu,
    dropout = 0.5,
    ...others
  }: CaserOptions) {
    super({ items, maxLength });
    refuseOthers(new.target.modelName, others);
    checkWidth('dim', dim);
    this.items = new Embedding(items.size + 1, dim, { init: normal(1 / dim) });
    this.users = users && new UserVectors(users, dim, normal(1 / dim));
    const length = this.maxLength;
    this.vertical = new VerticalConvolution({ length, filters: verticalFilters, activation: verticalActivation });
    this.horizontal = new HorizontalConvolution({ length, dim, filters: horizontalFilters, heights, activation });
    const features = verticalFilters * dim + horizontalFilters * this.horizontal.heights.length;
    this.dense = new Linear(features, dim, { init: fanInUniform });
    const width = users ? 2 * dim : dim;
    this.head = {
      weight: new Parameter([items.size, width], normal(1 / width)),
      bias: new Parameter([items.size], zeros),
    };
    this.dropout = checkNumber('dropout', dropout, { min: 0, below: 1 });
    this.stateActivation = stateActivation;
    const sizes = { dim, verticalFilters, horizontalFilters, heights: heights as PartOption };
    this.#options = { ...sizes, dropout, activation, verticalActivation, stateActivation };
  }

  override encode(events: Ragged, layout: Layout, rng?: Rng, queries: Layout = layout): tf.Tensor2D {
    const rows = layout.windows(this.maxLength, queries);
    const items = rows.map((row) => (row < 0 ? this.catalog.size : (events.item[row] as number)));
    const windows: tf.Tensor3D = tf.reshape(this.items.forward(items), [queries.capacity, this.maxLength, -1]);
    const features: tf.Tensor2D = tf.concat([this.vertical.forward(windows), this.horizontal.forward(windows)], 1);
    const z = this.dense.forward(dropout(features, this.dropout, rng?.fork('features'), queries), this.stateActivation);
    return this.users ? tf.concat([z, this.users.forward(events, queries)], 1) : z;
  }

  override output(): Output {
    return this.head;
  }

  /** The authors': windows with three targets, three negatives each, Adam with an L2 of 1e-6, 512 windows a step. */
  override get defaults(): FitDefaults {
    return {
      objective: slidingWindows({ length: this.maxLength, targets: 3 }),
      loss: bce({ negatives: 3, mean: true }),
      optimizer: adam({ weightDecay: 1e-6 }),
      batchSize: 512,
    };
  }

  override config() {
    return { ...super.config(), ...this.#options };
  }
}
