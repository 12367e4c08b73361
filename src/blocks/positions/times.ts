/** The times of a batch, for the encodings that read them. */
import type { Layout } from '../../core/layout.ts';
import type { Ragged } from '../../core/ragged.ts';

/** The times `[N]`. @throws Error naming `what` when the events have none */
export function timesOf(events: Ragged, layout: Layout, what: string): Float64Array {
  const { time } = events;
  if (!time) throw new Error(`${what} reads the times of the events, and these have none: give every event a time.`);
  if (time.length !== layout.rows) {
    throw new RangeError(`${what} needs a time for each of the ${layout.rows} rows, got ${time.length}.`);
  }
  return time;
}
