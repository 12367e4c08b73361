/** The base of networks that can have a vector for each user. */
import type { Ragged } from '../../core/ragged.ts';
import type { UserId } from '../../data/event-collector.ts';
import type { Interactions } from '../../data/interactions.ts';
import type { FitOptions } from '../../training/fit-options.ts';
import type { FitReport } from '../../training/fit-report.ts';
import { SequenceModel, type SequenceModelOptions } from './sequence-model.ts';
import type { UserVectors } from './user-vectors.ts';

export interface UserModelOptions extends SequenceModelOptions {
  /** The users that get a vector of their own, `log.users`; the ids are saved with the model. @defaultValue none */
  users?: readonly UserId[] | undefined;
}

/**
 * A network that knows whose history it reads, if it is made with `users`. The column `user` of histories counts in
 * `users`, as that of a log and its splits does; -1 is no user.
 */
export abstract class UserModel extends SequenceModel {
  abstract readonly users: UserVectors | undefined;

  get knownUsers(): readonly UserId[] | undefined {
    return this.users?.ids;
  }

  override async fit(data: Interactions, options?: FitOptions): Promise<FitReport> {
    this.users?.require(data.users);
    return super.fit(data, options);
  }

  protected override addressed(histories: Ragged, ...asked: [users: readonly (UserId | undefined)[], options: object]) {
    return this.users ? this.users.address(histories, ...asked) : super.addressed(histories, ...asked);
  }

  override config() {
    return { ...super.config(), users: this.knownUsers };
  }
}
