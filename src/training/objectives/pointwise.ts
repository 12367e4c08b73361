/** The objective of models that judge one candidate at a time. */
import { range } from '../../core/ragged.ts';
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import { withCandidates, withMoments } from '../../data/feature-codes.ts';
import type { Sampler } from '../../data/negatives/sampler.ts';
import { uniform } from '../../data/negatives/uniform.ts';
import type { Objective } from './objective.ts';
import { prefixes } from './prefixes.ts';

export interface PointwiseOptions {
  /** Candidates with the label 0 for each one with the label 1. @defaultValue 4 */
  negatives?: number | undefined;
  /** What draws them for each example by itself. @defaultValue uniform(), where `excludeSeen` leaves out what the model reads */
  sampler?: Sampler | undefined;
}

/**
 * Every event but the first follows the events before it, the most recent `maxLength` of them, as a candidate: the last
 * row of an input, asked for the label 1. The same history is followed by each of the negatives, asked for the label 0
 * (Chen et al., 2019, have impressions that were not clicked; a log of events has none). A negative that is the event
 * itself has the weight 0. The loss is one of labels, such as `logLoss()`.
 *
 * A candidate has no event features, which nobody knows before. What is known of the moment, its time and its context, is
 * that of the event that really followed, as sequence columns.
 */
export function pointwise(options: PointwiseOptions = {}): Objective {
  const { negatives = 4, sampler = uniform(), ...others } = options;
  refuseOthers('pointwise', others, options);
  const count = checkNumber('pointwise: negatives', negatives, { min: 1, integer: true });
  if (!sampler.perTarget) {
    throw new TypeError(
      `pointwise needs negatives of each target, which ${sampler.name} with these options does not draw.`,
    );
  }
  return {
    name: 'pointwise',
    options: { negatives, sampler },
    examples: prefixes().examples,
    batch: unprepared,
    prepare(train, items) {
      const draw = sampler.prepare(train.sequences, items);
      return (examples, { stream }) => {
        const all = range(examples.count);
        const [histories, following] = [examples.slice(all, from0, most), examples.slice(all, most)];
        const target = following.item;
        const drawn = draw({ count, items, target, sequence: all, seen: examples, stream });
        const each = count + 1;
        const sequence = range(all.length * each).map((i) => Math.floor(i / each));
        const item = sequence.map((b, i) =>
          i % each === 0 ? (target[b] as number) : (drawn.items[i - b - 1] as number),
        );
        const columns = Object.keys(examples.events).filter((name) => name !== 'item');
        const inputs = withCandidates(withMoments(histories, following, columns), sequence, item);
        const label = Float32Array.from(sequence, (_, i) => (i % each === 0 ? 1 : 0));
        const weight = Float32Array.from(sequence, (b, i) => (label[i] === 1 || item[i] !== target[b] ? 1 : 0));
        return {
          inputs,
          targets: { row: inputs.offsets.subarray(1).map((end) => end - 1), sequence, item, weight, label },
        };
      };
    },
  };
}

const from0 = () => 0;
const most = (length: number) => length - 1;

function unprepared(): never {
  throw new Error('pointwise draws negatives from all training sequences: call its prepare first, as fit does.');
}
