/** The objective of models that answer for a whole sequence: every beginning of it is an example. */
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import { followingEvents } from './following-events.ts';
import type { Objective } from './objective.ts';

export interface PrefixesOptions {
  /**
   * Learns from the most recent `recent` events of each sequence alone, as the training sets of BSARec's authors (50) do:
   * what users did long ago is neither asked for nor read. @defaultValue all events
   */
  recent?: number | undefined;
}

/**
 * Every event but the first is the target of one example, whose inputs are the events before it, the most recent
 * `maxLength` of them (SR-GNN, NARM; "data augmentation" of Tan et al., DLRS 2016, section 3.1). A sequence of n events
 * makes n - 1 examples, shuffled with all others. Models that have a state for every event learn the same questions faster
 * from `nextItem()`.
 *
 * @throws RangeError when `recent` is below 2
 */
export function prefixes(options: PrefixesOptions = {}): Objective {
  const { recent, ...others } = options;
  refuseOthers('prefixes', others, options);
  const most = recent === undefined ? Infinity : checkNumber('prefixes: recent', recent, { min: 2, integer: true });
  return {
    name: 'prefixes',
    options: { recent },
    examples: {
      count: (length) => Math.max(0, Math.min(length, most) - 1),
      stretch(length, example, maxLength) {
        const first = Math.max(0, length - most);
        const target = first + example + 1;
        return [Math.max(first, target - maxLength), target + 1];
      },
    },
    batch: (examples) => followingEvents(examples, 1),
  };
}
