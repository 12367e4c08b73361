/** The objective of Caser: windows of a fixed length and what follows them. */
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import { followingEvents } from './following-events.ts';
import type { Objective } from './objective.ts';

export interface SlidingWindowOptions {
  /** The events of a window, L. */
  length: number;
  /** The events after the window that it must predict, T. @defaultValue 1 */
  targets?: number | undefined;
  /** Events from one window to the next. @defaultValue 1 */
  stride?: number | undefined;
}

/**
 * Every stretch of `length + targets` events is an example: at its last input the `targets` events that follow are asked
 * for, each with weight 1 (Caser: Tang & Wang, WSDM 2018, section 3.1; `_sliding_window` of graytowne/caser_pytorch).
 * Windows are laid from the end of a sequence backwards. A sequence that is shorter gives one window with what there is,
 * at least one input and one target.
 */
export function slidingWindows({ length, targets = 1, stride = 1, ...others }: SlidingWindowOptions): Objective {
  refuseOthers('slidingWindows', others);
  const positive = { min: 1, integer: true };
  checkNumber('slidingWindows: length', length, positive);
  const window = length + checkNumber('slidingWindows: targets', targets, positive);
  checkNumber('slidingWindows: stride', stride, positive);
  return {
    name: 'slidingWindows',
    options: { length, targets, stride },
    examples: {
      count: (events) => (events < 2 ? 0 : Math.max(1, Math.floor((events - window) / stride) + 1)),
      stretch: (events, example) => {
        const end = events - example * stride;
        return [Math.max(0, end - window), end];
      },
    },
    batch(examples, { maxLength }) {
      if (length > maxLength) {
        throw new RangeError(
          `The length of slidingWindows (${length}) must be at most the model's maxLength (${maxLength}): change one of them.`,
        );
      }
      return followingEvents(examples, targets);
    },
  };
}
