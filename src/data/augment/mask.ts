/** A sequence with [MASK] in some places. */
import { range } from '../../core/ragged.ts';
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import type { Augmentation } from './augmentation.ts';

/**
 * ⌊share · n⌋ events, drawn anywhere, show [MASK] (CL4SRec: Xie et al., ICDE 2022, section III-C). Only for models that
 * have a row for it, such as BERT4Rec.
 *
 * @param options `share` of the events that are hidden, from 0 to 1; defaults to 0.3
 */
export function mask(options: { share?: number | undefined } = {}): Augmentation {
  const { share = 0.3, ...others } = options;
  refuseOthers('mask', others, options);
  checkNumber('mask: share', share, { min: 0, max: 1 });
  return {
    name: 'mask',
    options: { share },
    view(sequence, { rng, mask: row }) {
      if (row === undefined) {
        throw new Error('mask() needs a model with a row for [MASK], and this one has none: use crop() or reorder().');
      }
      const items = sequence.slice();
      const hidden = rng.permutation(sequence.length).subarray(0, Math.floor(share * sequence.length));
      for (const place of hidden) items[place] = row;
      return { events: range(sequence.length), items };
    },
  };
}
