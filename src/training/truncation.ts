/** Whether a model reads too little of its training sequences. */
import { range } from '../core/ragged.ts';
import type { Examples } from '../data/examples.ts';
import { usualLength } from '../data/summarize.ts';
import type { Objective } from './objectives/objective.ts';

/** The share of the training sequences that may be longer than what is read of them. */
const TOLERATED = 0.1;

/**
 * A sentence if more than a tenth of the sequences are longer than the `maxLength + 1` events, inputs and last target, that
 * are read of each. Objectives with examples of their own read all events.
 */
export function truncationWarning({ sequences, maxLength }: Examples, { examples }: Objective): string | undefined {
  const { count, rows } = sequences;
  const lengths = range(count).map((b) => sequences.length(b));
  const longer = lengths.filter((length) => length > maxLength + 1);
  if (examples || longer.length <= TOLERATED * count) return undefined;
  const left = longer.reduce((sum, length) => sum + length - maxLength - 1, 0);
  const percent = (share: number) => `${Math.round(100 * share)} %`;
  return `maxLength (${maxLength}) cuts ${longer.length} of ${count} training sequences and leaves out ${percent(left / rows)} of their events; ${usualLength(lengths) - 1} would read nine of ten whole.`;
}
