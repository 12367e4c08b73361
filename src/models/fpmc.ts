/** FPMC. */
import * as tf from '@tensorflow/tfjs-core';
import { Embedding } from '../blocks/embedding.ts';
import type { Output } from '../blocks/output-head.ts';
import { xavierNormal } from '../core/initializers.ts';
import type { Layout } from '../core/layout.ts';
import { Parameter } from '../core/parameter.ts';
import type { Ragged } from '../core/ragged.ts';
import type { Rng } from '../core/rng.ts';
import { checkNumber, refuseOthers } from '../core/shape.ts';
import { bpr } from '../losses/bpr.ts';
import { selectRows } from '../ops/gather-rows.ts';
import type { FitDefaults } from '../training/trainable.ts';
import { UserModel, type UserModelOptions } from './base/user-model.ts';
import { UserVectors } from './base/user-vectors.ts';

export interface FPMCOptions extends UserModelOptions {
  /** Width of each of the four tables. @defaultValue 64 */
  dim?: number | undefined;
}

/**
 * Factorizing Personalized Markov Chains (Rendle, Freudenthaler & Schmidt-Thieme, WWW 2010): matrix factorisation plus a
 * factorised Markov chain. For user u and last item l, item i scores
 *
 * UI[u] · IU[i] + LI[l] · IL[i]
 *
 * so the state is [UI[u]; LI[l]] and the output table holds [IU[i]; IL[i]] in one row. The paper's baskets are single
 * items here, as in RecBole. Without `users` it is the factorised Markov chain alone (the paper's FMC); without a user in
 * the question, the mean of all users takes the place.
 *
 * @example
 * ```ts
 * const model = new FPMC({ items: log.items, users: log.users });
 * await model.fit(train, { epochs: 50 });
 * await model.recommend(['sku-3'], { user: 'ann' });
 * ```
 */
export class FPMC extends UserModel {
  static override readonly modelName: string = 'FPMC';
  /** LI `[V, dim]`. */
  readonly items: Embedding;
  /** UI `[users, dim]`. */
  readonly users: UserVectors | undefined;
  /** [IU; IL] `[V, 2 dim]`, or IL `[V, dim]`. */
  readonly head: { readonly weight: Parameter };
  readonly dim: number;

  constructor({ items, users, maxLength, dim = 64, ...others }: FPMCOptions) {
    super({ items, maxLength });
    refuseOthers(new.target.modelName, others);
    this.dim = checkNumber('dim', dim, { min: 1, max: 32768, integer: true });
    this.items = new Embedding(items.size, dim, { init: xavierNormal });
    this.users = users && new UserVectors(users, dim, xavierNormal);
    this.head = { weight: new Parameter([items.size, users ? 2 * dim : dim], xavierNormal) };
  }

  override encode(events: Ragged, layout: Layout, _rng?: Rng, queries: Layout = layout): tf.Tensor2D {
    const li = selectRows(this.items.forward(layout.pad(events.item)), layout, queries); // [Q, D]
    return this.users ? tf.concat([this.users.forward(events, queries), li], 1) : li;
  }

  protected override get recordable(): boolean {
    return this.encode === FPMC.prototype.encode;
  }

  override output(): Output {
    return this.head;
  }

  /** The paper's S-BPR. */
  override get defaults(): FitDefaults {
    return { loss: bpr() };
  }

  override config() {
    return { ...super.config(), dim: this.dim };
  }
}
