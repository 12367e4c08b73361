/** A sequence with items added that go with its own. */
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import type { Augmentation } from './augmentation.ts';
import { companions } from './co-occurrence.ts';
import type { CoOccurrenceOptions } from './substitute.ts';

/**
 * Before ⌈share · n⌉ events, drawn anywhere, stands the item that is most often near theirs in the training sequences
 * ("informative insertion" of CoSeRec: Liu et al., 2021, section 3.2.2, with counts in place of its learned similarity). It
 * takes the time and the features of the event that it stands before. Before an item that is never near another none is put.
 *
 * @param options `share` defaults to 0.3
 */
export function insert(options: CoOccurrenceOptions = {}): Augmentation {
  const { share = 0.3, window = 3, ...others } = options;
  refuseOthers('insert', others, options);
  checkNumber('insert: share', share, { min: 0, max: 1 });
  checkNumber('insert: window', window, { min: 1, integer: true });
  return {
    name: 'insert',
    options: { share, window },
    view: () => {
      throw new Error('insert() must be prepared with the training sequences first.');
    },
    prepare(train, count) {
      const companion = companions(train, count, window);
      return (sequence, { rng }) => {
        const chosen = new Set(rng.permutation(sequence.length).subarray(0, Math.ceil(share * sequence.length)));
        const events: number[] = [];
        const items: number[] = [];
        sequence.forEach((item, place) => {
          const other = chosen.has(place) ? (companion[item] as number) : -1;
          if (other >= 0) {
            events.push(place);
            items.push(other);
          }
          events.push(place);
          items.push(item);
        });
        return { events: Int32Array.from(events), items: Int32Array.from(items) };
      };
    },
  };
}
