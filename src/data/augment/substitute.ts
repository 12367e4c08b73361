/** A sequence with some items replaced by ones that go with them. */
import { range } from '../../core/ragged.ts';
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import type { Augmentation } from './augmentation.ts';
import { companions } from './co-occurrence.ts';

/** Options of {@link substitute} and {@link insert}. */
export interface CoOccurrenceOptions {
  /** The share of the events that are changed, from 0 to 1. */
  share?: number | undefined;
  /** Events to both sides within which an item counts as being with another. @defaultValue 3 */
  window?: number | undefined;
}

/**
 * ⌈share · n⌉ events, drawn anywhere, show the item that most often stands near theirs in the training sequences ("informative
 * substitution" of CoSeRec: Liu et al., 2021, section 3.2.1, with counts in place of its learned similarity). An item that
 * is never near another stays.
 *
 * @param options `share` defaults to 0.3
 */
export function substitute(options: CoOccurrenceOptions = {}): Augmentation {
  const { share = 0.3, window = 3, ...others } = options;
  refuseOthers('substitute', others, options);
  checkNumber('substitute: share', share, { min: 0, max: 1 });
  checkNumber('substitute: window', window, { min: 1, integer: true });
  return {
    name: 'substitute',
    options: { share, window },
    view: () => {
      throw new Error('substitute() must be prepared with the training sequences first.');
    },
    prepare(train, count) {
      const companion = companions(train, count, window);
      return (sequence, { rng }) => {
        const items = sequence.slice();
        const changed = rng.permutation(sequence.length).subarray(0, Math.ceil(share * sequence.length));
        for (const place of changed) {
          const other = companion[items[place] as number] as number;
          if (other >= 0) items[place] = other;
        }
        return { events: range(sequence.length), items };
      };
    },
  };
}
