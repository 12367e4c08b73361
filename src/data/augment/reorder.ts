/** A sequence with a stretch of it shuffled. */
import { range } from '../../core/ragged.ts';
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import { type Augmentation, stretchStart } from './augmentation.ts';

/**
 * A stretch of ⌊share · n⌋ events that begins anywhere is shuffled (CL4SRec: Xie et al., ICDE 2022, section III-C). Times
 * and features move with their events.
 *
 * @param options `share` of the events that are shuffled, from 0 to 1; defaults to 0.6
 */
export function reorder(options: { share?: number | undefined } = {}): Augmentation {
  const { share = 0.6, ...others } = options;
  refuseOthers('reorder', others, options);
  checkNumber('reorder: share', share, { min: 0, max: 1 });
  return {
    name: 'reorder',
    options: { share },
    view(sequence, { rng }) {
      const length = Math.floor(share * sequence.length);
      const start = stretchStart(sequence.length, length, rng);
      const events = range(sequence.length);
      rng
        .fork('order')
        .permutation(length)
        .forEach((place, i) => {
          events[start + i] = start + place;
        });
      return { events, items: events.map((place) => sequence[place] as number) };
    },
  };
}
