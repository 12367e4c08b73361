/** A stretch of a sequence. */
import { range } from '../../core/ragged.ts';
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import { type Augmentation, stretchStart } from './augmentation.ts';

/**
 * A stretch of ⌊share · n⌋ events, at least one, that begins anywhere (CL4SRec: Xie et al., ICDE 2022, section III-C).
 *
 * @param options `share` of the events that stay, above 0, at most 1; defaults to 0.6
 */
export function crop(options: { share?: number | undefined } = {}): Augmentation {
  const { share = 0.6, ...others } = options;
  refuseOthers('crop', others, options);
  checkNumber('crop: share', share, { above: 0, max: 1 });
  return {
    name: 'crop',
    options: { share },
    view(sequence, { rng }) {
      const length = Math.max(1, Math.floor(share * sequence.length));
      const start = stretchStart(sequence.length, length, rng);
      return { events: range(length).map((i) => start + i), items: sequence.subarray(start, start + length) };
    },
  };
}
