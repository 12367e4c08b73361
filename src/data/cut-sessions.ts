/** Sessions from the long histories of users. */
import { Ragged } from '../core/ragged.ts';
import { checkNumber, refuseOthers } from '../core/shape.ts';
import type { UserId } from './event-collector.ts';
import { checkLog, Interactions } from './interactions.ts';

/**
 * Cuts each user's history where more than `gap` passes between two events (30 minutes is usual for shops). Each session
 * becomes a sequence of its own, called "user/1", "user/2" and so on; the order of users and events stays.
 *
 * @param options `gap` in the log's own unit of time: milliseconds for Dates
 * @throws RangeError when the log has no times
 *
 * @example
 * ```ts
 * const sessions = cutSessions(log, { gap: 30 * 60 * 1000 });
 * ```
 */
export function cutSessions(log: Interactions, { gap, ...others }: { gap: number }): Interactions {
  refuseOthers('cutSessions', others);
  checkLog('cutSessions', log);
  checkNumber('gap', gap, { above: 0 });
  const { sequences } = log;
  const { time, offsets } = sequences;
  if (!time) throw new RangeError('Sessions are cut by time, and the log has no times: add a time to every event.');
  const starts: number[] = [];
  const users: UserId[] = [];
  const of: number[] = [];
  for (let b = 0; b < log.count; b++) {
    const first = starts.length;
    for (let i = offsets[b] as number; i < (offsets[b + 1] as number); i++) {
      if (i > (offsets[b] as number) && (time[i] as number) - (time[i - 1] as number) <= gap) continue;
      starts.push(i);
      users.push(`${log.user(b)}/${starts.length - first}`);
      of.push(b);
    }
  }
  const { user: _, ...columns } = sequences.take(of).sequences;
  return new Interactions(
    log.items,
    users,
    new Ragged(Int32Array.from([...starts, log.rows]), sequences.events, columns),
  );
}
