/** Cuts of a log of sessions: whole sessions are learned from or measured on. */
import { range } from '../core/ragged.ts';
import { checkNumber, refuseOthers } from '../core/shape.ts';
import { everyNext, type Holdout, type Split } from './holdout.ts';
import { checkLog, Interactions } from './interactions.ts';

/** Which sessions a part has: a share of all, those that end at a time or later, or those of the last stretch of time. */
export type SessionPart = number | { from: number | Date } | { last: number };

export interface SessionSplitOptions {
  /** @defaultValue 0.1 */
  validation?: SessionPart | undefined;
  /** @defaultValue 0.1 */
  test?: SessionPart | undefined;
}

/**
 * The latest sessions are for testing, those before them for validation, the others for training; a session lies where
 * its last event lies (session-rec; GRU4Rec holds out the last day, `{ last: 86_400_000 }` of milliseconds). Every event
 * of a held-out session after its first is a target, with the events before it as its history. Events of items that the
 * training sessions do not have are left out of the others first, as in these papers; the protocol says how many.
 *
 * @throws RangeError when the log has no times or a part would be empty
 */
export function splitSessions(log: Interactions, options: SessionSplitOptions = {}): Split {
  checkLog('splitSessions', log);
  const { validation = 0.1, test = 0.1, ...others } = options;
  refuseOthers('splitSessions', others, options);
  const { sequences } = log;
  const { time } = sequences;
  if (!time) throw new RangeError('Sessions are split by time, and the log has no times: add a time to every event.');
  const ends = Float64Array.from(
    { length: log.count },
    (_, b) => time[(sequences.offsets[b + 1] as number) - 1] as number,
  );
  const testFrom = beginning('test', test, ends, Infinity);
  const validationFrom = beginning('validation', validation, ends, testFrom);
  const between = (from: number, to: number) =>
    range(log.count).filter((b) => (ends[b] as number) >= from && (ends[b] as number) < to);
  const learned = between(-Infinity, validationFrom);
  if (learned.length === 0)
    throw new RangeError(`No session ends before the validation part (from ${validationFrom}).`);
  const train = new Interactions(log.items, log.users, sequences.take(learned));
  const held = (name: string, from: number, to: number): Holdout => {
    const { known, left } = knownEvents(log, between(from, to), train);
    if (!known) throw new RangeError(`The ${name} part (sessions that end from ${from}) has no session to measure on.`);
    const without = left > 0 ? `, without ${left} events of items that the training part does not have` : '';
    return { ...everyNext(known), protocol: `sessions that end from ${from} as ${name}, every next event${without}` };
  };
  return { train, validation: held('validation', validationFrom, testFrom), test: held('test', testFrom, Infinity) };
}

/** The first end of a session of the part, which lies before `limit`. */
function beginning(name: string, part: SessionPart, ends: Float64Array, limit: number): number {
  const before = ends.filter((end) => end < limit).sort();
  if (before.length === 0) throw new RangeError(`No session is left for the ${name} part.`);
  const latest = before.at(-1) as number;
  if (typeof part === 'number') {
    checkNumber(name, part, { above: 0, below: 1 });
    return before[Math.max(0, before.length - Math.max(1, Math.round(part * ends.length)))] as number;
  }
  if ('last' in part) return latest - checkNumber(`${name}.last`, part.last, { above: 0 });
  return checkNumber(`${name}.from`, Number(part.from), limit < Infinity ? { below: limit } : {});
}

/** The named sessions without items that `train` does not have; sessions that are left with one event go, too. */
function knownEvents(log: Interactions, which: Int32Array, train: Interactions) {
  const known = new Uint8Array(log.items.size);
  for (const item of train.sequences.item) known[item] = 1;
  const sessions = log.sequences.take(which);
  const kept = Array.from({ length: sessions.count }, (_, b) => b).map((b) =>
    range(sessions.length(b)).filter((i) => known[sessions.items(b)[i] as number]),
  );
  const left = sessions.rows - kept.reduce((sum, places) => sum + places.length, 0);
  const long = range(kept.length).filter((b) => (kept[b]?.length ?? 0) >= 2);
  if (long.length === 0) return { known: undefined, left };
  const events = sessions.select(
    long,
    Array.from(long, (b) => kept[b] as Int32Array),
  );
  return { known: new Interactions(log.items, log.users, events), left };
}
