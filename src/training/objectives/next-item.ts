/** The objective of SASRec: every event predicts the next one. */
import { range } from '../../core/ragged.ts';
import type { Objective } from './objective.ts';

/**
 * Every event predicts the one after it (SASRec, section 3.5): of each sequence the most recent `maxLength + 1` events
 * are used, all but the last as inputs and all but the first as targets, each with weight 1. Only for models whose states
 * read nothing but their past.
 */
export function nextItem(): Objective {
  return {
    name: 'nextItem',
    options: {},
    causal: true,
    batch(examples) {
      const inputs = examples.slice(
        range(examples.count),
        () => 0,
        (length) => length - 1,
      );
      const item = examples.slice(range(examples.count), () => 1).item;
      const row = range(inputs.rows);
      const sequence = new Int32Array(inputs.rows);
      for (let b = 0; b < inputs.count; b++) sequence.fill(b, inputs.offsets[b], inputs.offsets[b + 1]);
      return { inputs, targets: { row, sequence, item, weight: new Float32Array(inputs.rows).fill(1) } };
    },
  };
}
