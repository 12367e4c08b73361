/** A trained vector for each user, for models that know whose history they read. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../../core/layout.ts';
import { Module } from '../../core/module.ts';
import { type Initializer, Parameter } from '../../core/parameter.ts';
import { Ragged } from '../../core/ragged.ts';
import { describe } from '../../core/shape.ts';
import { Catalog } from '../../data/catalog.ts';
import type { UserId } from '../../data/event-collector.ts';
import { embedding } from '../../ops/embedding.ts';
import { product } from '../../ops/product.ts';

/**
 * The vectors of known users, found by the sequence column `user`, which counts in `ids`. Without the column, and where it
 * is -1, the vector is the mean of all.
 */
export class UserVectors extends Module {
  /** `[users, dim]` */
  readonly weight: Parameter;
  readonly #users: Catalog;

  constructor(users: readonly UserId[], dim: number, init: Initializer) {
    super();
    this.#users = new Catalog(users);
    this.weight = new Parameter([users.length, dim], init);
  }

  get ids(): readonly UserId[] {
    return this.#users.ids;
  }

  /** @returns `[layout.capacity, dim]`, the vector of each row's user */
  forward({ user }: Ragged, { sequences, count }: Layout): tf.Tensor2D {
    // spare rows have the last user, so that no other row of the table gets a gradient
    const rows = sequences.map((b) => user?.[b < 0 ? count - 1 : b] ?? -1);
    if (!rows.includes(-1)) return embedding(this.weight, rows);
    const { size } = this.#users;
    const mean = product(tf.fill([1, size], 1 / size), this.weight.value as tf.Tensor as tf.Tensor2D);
    const known = Float32Array.from(rows, (row) => (row < 0 ? 0 : 1));
    const mask = tf.tensor2d(known, [rows.length, 1]);
    const own = embedding(
      this.weight,
      rows.map((row) => Math.max(0, row)),
    );
    return tf.add(tf.mul(mask, own), tf.mul(tf.sub(1, mask), mean));
  }

  /**
   * `histories` with the column `user`.
   *
   * @param users   the ids, one for each history; undefined is no user
   * @param unknown whether an id that is not known counts as no user, or throws
   */
  address(
    histories: Ragged,
    users: readonly (UserId | undefined)[],
    { unknown = 'drop' }: { unknown?: 'drop' | 'error' | undefined },
  ): Ragged {
    if (users.length !== histories.count) {
      throw new RangeError(`users must have one user for each of ${histories.count} histories, got ${users.length}.`);
    }
    const user = Int32Array.from(users, (id) => (id === undefined ? -1 : this.#users.row(id)));
    const stranger = users.find((id, b) => id !== undefined && user[b] === -1);
    if (unknown === 'error' && stranger !== undefined) {
      throw new RangeError(
        `Every user must be one of the ${this.#users.size} of the model, got ${describe(stranger)}: leave it out or pass { unknown: 'drop' }.`,
      );
    }
    return new Ragged(histories.offsets, histories.events, { ...histories.sequences, user });
  }

  /** @throws Error unless the users of some data are these, in this order */
  require(users: readonly UserId[]): void {
    const { ids } = this;
    if (users === ids || (users.length === ids.length && users.every((id, row) => id === ids[row]))) return;
    throw new Error(
      `The model was made for ${ids.length} users and the data has others (${users.length}): build the model with { users: data.users }.`,
    );
  }
}
