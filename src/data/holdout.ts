/** What a model is measured on: histories, and the events that really followed them. */
import { Ragged, range } from '../core/ragged.ts';
import { describe } from '../core/shape.ts';
import { Catalog } from './catalog.ts';
import type { UserId } from './event-collector.ts';
import { checkLog, type Interactions } from './interactions.ts';

/** Histories and the events to be predicted from them. */
export interface Holdout {
  readonly catalog: Catalog;
  /** The users that the column `user` of the histories counts in, for models that have a vector for each. */
  readonly users?: readonly UserId[] | undefined;
  /** What the model sees: at least one event a sequence, oldest first. */
  readonly histories: Ragged;
  /** What followed: as many sequences as `histories`, each with at least one event. */
  readonly targets: Ragged;
  /** How the events were chosen, for reports. */
  readonly protocol: string;
}

/** A log cut into what is learned from and what is measured on. `users` is the same list in all three parts. */
export interface Split {
  readonly train: Interactions;
  readonly validation: Holdout;
  readonly test: Holdout;
}

/** @throws TypeError unless `holdout` is one; `who` was called with it */
export function checkHoldout(who: string, holdout: Holdout): void {
  if (holdout?.catalog instanceof Catalog && holdout.histories instanceof Ragged && holdout.targets instanceof Ragged) {
    return;
  }
  throw new TypeError(
    `${who} takes a holdout such as the test of leaveLastOut(log), got ${describe(holdout)}: split the log first.`,
  );
}

/** Keeps only the first target of each history: the next event. */
export function firstTarget(holdout: Holdout): Holdout {
  checkHoldout('firstTarget', holdout);
  const { targets } = holdout;
  return {
    ...holdout,
    targets: targets.slice(
      range(targets.count),
      () => 0,
      () => 1,
    ),
    protocol: `${holdout.protocol}, first target only`,
  };
}

/**
 * Every event but the first of each sequence is a target by itself, with all events before it as its history: how
 * session recommenders are measured (GRU4Rec, SR-GNN, STAN). The histories together hold about as many events as the
 * sum of the squared lengths / 2, so long sequences want a cut first.
 *
 * @throws RangeError when no sequence has two events
 */
export function everyNext(log: Interactions): Holdout {
  checkLog('everyNext', log);
  const { sequences } = log;
  const which: number[] = [];
  const position: number[] = [];
  for (let b = 0; b < sequences.count; b++) {
    for (let t = 1; t < sequences.length(b); t++) {
      which.push(b);
      position.push(t);
    }
  }
  if (which.length === 0) throw new RangeError('At least one sequence must have two events, got none that long.');
  // slice asks for one sequence after the other, so the positions can be handed out in order
  const inOrder = (shift: number) => {
    let i = 0;
    return () => (position[i++] as number) + shift;
  };
  return {
    catalog: log.items,
    users: log.users,
    histories: sequences.slice(which, () => 0, inOrder(0)),
    targets: sequences.slice(which, inOrder(0), inOrder(1)),
    protocol: 'every beginning of a sequence, with the next event as its target',
  };
}
