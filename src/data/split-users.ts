/** A cut of a log by users: the model is measured on people it has never met. */
import { range } from '../core/ragged.ts';
import { Rng } from '../core/rng.ts';
import { checkNumber, refuseOthers } from '../core/shape.ts';
import type { Holdout, Split } from './holdout.ts';
import { checkLog, Interactions } from './interactions.ts';

export interface UserSplitOptions {
  /** The share of the users that are held out for validation. @defaultValue 0.1 */
  validation?: number | undefined;
  /** The share of the users that are held out for testing. @defaultValue 0.1 */
  test?: number | undefined;
  /** The share of a held-out user's events, the latest, that are targets; at least one event. @defaultValue 0.2 */
  targets?: number | undefined;
  /** Decides who is held out. @defaultValue 42 */
  seed?: number | undefined;
}

/**
 * New users are held out, drawn at random: training knows nothing of them, and the model reads all but the last of their
 * events to predict these ("strong generalisation", Marlin 2004; Liang et al., WWW 2018, section 4.1). Only users with two
 * events can be held out; the others are for training.
 *
 * @throws RangeError when the shares do not fit or leave a part without users
 */
export function splitUsers(log: Interactions, options: UserSplitOptions = {}): Split {
  checkLog('splitUsers', log);
  const { validation = 0.1, test = 0.1, targets = 0.2, seed = 42, ...others } = options;
  refuseOthers('splitUsers', others, options);
  checkNumber('validation', validation, { above: 0, below: 1 });
  checkNumber('test', test, { above: 0, below: 1 - validation });
  checkNumber('targets', targets, { above: 0, below: 1 });
  const { sequences } = log;
  const long = range(log.count).filter((b) => sequences.length(b) >= 2);
  const order = new Rng(seed)
    .fork('users')
    .permutation(long.length)
    .map((i) => long[i] as number);
  const tested = Math.max(1, Math.round(test * long.length));
  const validated = Math.max(1, Math.round(validation * long.length));
  if (tested + validated > long.length || tested + validated === log.count) {
    throw new RangeError(
      `Users with two events must be enough for three parts, got ${long.length} of ${log.count} users: use more data or smaller shares.`,
    );
  }
  const held = (name: string, which: Int32Array): Holdout => {
    const from = (length: number) => length - Math.max(1, Math.floor(length * targets + 1e-9));
    return {
      catalog: log.items,
      users: log.users,
      histories: sequences.slice(which, () => 0, from),
      targets: sequences.slice(which, from),
      protocol: `${which.length} users that training does not know as ${name} (seed ${seed}), the last ${Number((100 * targets).toPrecision(6))} % of their events`,
    };
  };
  const away = new Set(order.subarray(0, tested + validated));
  return {
    train: new Interactions(log.items, log.users, sequences.take(range(log.count).filter((b) => !away.has(b)))),
    validation: held('validation', order.slice(tested, tested + validated).sort()),
    test: held('test', order.slice(0, tested).sort()),
  };
}
