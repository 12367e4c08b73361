/** The objective of models that answer for a whole sequence: every beginning of it is an example. */
import { followingEvents } from './following-events.ts';
import type { Objective } from './objective.ts';

/**
 * Every event but the first is the target of one example, whose inputs are the events before it, the most recent
 * `maxLength` of them (SR-GNN, NARM; "data augmentation" of Tan et al., DLRS 2016, section 3.1). A sequence of n events
 * makes n - 1 examples, shuffled with all others. Models that have a state for every event learn the same questions faster
 * from `nextItem()`.
 */
export function prefixes(): Objective {
  return {
    name: 'prefixes',
    options: {},
    examples: {
      count: (length) => Math.max(0, length - 1),
      stretch: (_length, example, maxLength) => [Math.max(0, example + 1 - maxLength), example + 2],
    },
    batch: (examples) => followingEvents(examples, 1),
  };
}
