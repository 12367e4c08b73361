/** FOSSIL. */
import * as tf from '@tensorflow/tfjs-core';
import { Embedding } from '../blocks/embedding.ts';
import { type Output, type OutputHead, type OutputPart, untiedOutput } from '../blocks/output-head.ts';
import { xavierNormal, zeros } from '../core/initializers.ts';
import type { Layout } from '../core/layout.ts';
import { Parameter, tensorOf } from '../core/parameter.ts';
import { create } from '../core/part.ts';
import type { Ragged } from '../core/ragged.ts';
import type { Rng } from '../core/rng.ts';
import { checkNumber, checkWidth, refuseOthers } from '../core/shape.ts';
import { bpr } from '../losses/bpr.ts';
import { attention } from '../ops/attention.ts';
import { embedding } from '../ops/embedding.ts';
import type { FitDefaults } from '../training/trainable.ts';
import { UserModel, type UserModelOptions } from './base/user-model.ts';
import { UserVectors } from './base/user-vectors.ts';

export interface FOSSILOptions extends UserModelOptions {
  /** Width of item vectors. @defaultValue 64 */
  dim?: number | undefined;
  /** L: how many of the latest items make the Markov chain. @defaultValue 3 */
  order?: number | undefined;
  /** α: the sum over a history of n items is divided by n^α, from 0, a sum, to 1, a mean. @defaultValue 0.2 */
  alpha?: number | undefined;
  /** Q and the item biases. @defaultValue untiedOutput(\{ bias: true \}) */
  output?: OutputPart | undefined;
}

/**
 * Fusing Similarity Models with Markov Chains (He & McAuley, ICDM 2016). The state after t events of user u is
 *
 * t^-α · Σ P[all of them] + Σ over the last L of them, at distance l from the end, of (η_l + η_u,l) · P
 *
 * and item i scores state · Q[i] + b[i]. Without `users` only the common η remain; without a user in the question, the mean
 * of all users takes the place. RecBole and WarpRec have one table for P and Q and no bias: `output: tiedOutput()`.
 *
 * @example
 * ```ts
 * const model = new FOSSIL({ items: log.items, users: log.users });
 * await model.fit(train, { epochs: 50 });
 * await model.recommend(['sku-17', 'sku-3'], { user: 'ann' });
 * ```
 */
export class FOSSIL extends UserModel {
  static override readonly modelName: string = 'FOSSIL';
  static override readonly parts = { untiedOutput };
  /** P `[V, dim]`. */
  readonly items: Embedding;
  /** η `[order]`, the weight of the last item at the end. */
  readonly chain: Parameter;
  /** η_u `[users, order]`. */
  readonly users: UserVectors | undefined;
  readonly head: OutputHead;
  readonly order: number;
  readonly alpha: number;
  readonly #options: { readonly dim: number; readonly output: OutputPart };

  constructor({
    items,
    users,
    maxLength,
    dim = 64,
    order = 3,
    alpha = 0.2,
    output = untiedOutput({ bias: true }),
    ...others
  }: FOSSILOptions) {
    super({ items, maxLength });
    refuseOthers(new.target.modelName, others);
    checkWidth('dim', dim);
    this.order = checkNumber('order', order, { min: 1, max: this.maxLength, integer: true });
    this.alpha = checkNumber('alpha', alpha, { min: 0, max: 1 });
    this.items = new Embedding(items.size, dim, { init: xavierNormal });
    this.chain = new Parameter([order], zeros);
    this.users = users && new UserVectors(users, order, xavierNormal);
    this.head = create('output', output, { items: this.items, count: items.size, dim });
    this.#options = { dim, output };
  }

  override encode(events: Ragged, layout: Layout, _rng?: Rng, queries: Layout = layout): tf.Tensor2D {
    const { alpha, order, chain, users } = this;
    const [powers, rows, there] = queries.memo(this, () => constants(layout, queries, { alpha, order }));
    const x = this.items.forward(layout.pad(events.item)); // [N, D]

    // Attention whose queries and keys are 0 gives the mean of what came so far.
    const zeros = tf.zerosLike(x);
    const q = queries === layout ? zeros : (tf.zeros([queries.capacity, x.shape[1]]) as tf.Tensor2D);
    const means = attention(q, zeros, x, { queries, keys: layout, heads: 1, causal: true });
    const similar: tf.Tensor2D = tf.mul(means, powers as tf.Tensor);

    const common = tensorOf<tf.Tensor>(chain);
    const weights = tf.mul(users ? tf.add(users.forward(events, queries), common) : common, there as tf.Tensor);
    const near = tf.reshape(embedding(x, rows as tf.Tensor1D), [queries.capacity, order, -1]);
    return tf.add(similar, tf.sum(tf.mul(near, tf.expandDims(weights, 2)), 1));
  }

  protected override get recordable(): boolean {
    return this.encode === FOSSIL.prototype.encode;
  }

  override output(): Output {
    return this.head.output();
  }

  /** The paper's S-BPR. */
  override get defaults(): FitDefaults {
    return { loss: bpr() };
  }

  override config() {
    return { ...super.config(), ...this.#options, order: this.order, alpha: this.alpha };
  }
}

/**
 * What follows from lengths alone: `[Q, 1]` t^(1 - α), which makes a mean of t events their sum divided by t^α; `[Q · order]`
 * the rows of each query's last events, the last of them at the end; `[Q, order]` 1 where there is one.
 */
function constants(layout: Layout, queries: Layout, { alpha, order }: { alpha: number; order: number }): tf.Tensor[] {
  const powers = new Float32Array(queries.capacity);
  const rows = new Int32Array(queries.capacity * order);
  const there = new Float32Array(queries.capacity * order);
  layout.rowsOf(queries).forEach((row, q) => {
    const t = row + 1 - (layout.offsets[queries.sequences[q] as number] as number);
    powers[q] = t ** (1 - alpha);
    for (let back = 0; back < Math.min(order, t); back++) {
      const place = (q + 1) * order - 1 - back;
      rows[place] = row - back;
      there[place] = 1;
    }
  });
  return [
    tf.tensor2d(powers, [queries.capacity, 1]),
    tf.tensor1d(rows, 'int32'),
    tf.tensor2d(there, [queries.capacity, order]),
  ];
}
