/** The objective of GRU4Rec: many sessions side by side, one event a step. */
import { range } from '../../core/ragged.ts';
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import type { Examples } from '../../data/examples.ts';
import { followingEvents } from './following-events.ts';
import type { Objective } from './objective.ts';

export interface SessionParallelOptions {
  /**
   * The fewest sessions of a step: with fewer left, the epoch ends and the rest of these sessions is not learned from.
   * Where targets are the only negatives, one session alone has none: set 2. @defaultValue 1
   */
  least?: number | undefined;
}

/**
 * Session-parallel mini-batches (Hidasi et al., ICLR 2016, section 3.2.1). `batchSize` sessions stand side by side, in the
 * order of their first events' times, or of the data if there are none. Every step reads one event of each, asks for the
 * next one, and goes on: a session that has no more events gives its place to the next session, and once there are no
 * more the step gets smaller. The same steps in every epoch, as `SessionDataIterator` of hidasib/GRU4Rec_PyTorch_Official.
 *
 * A model with states that go on, such as GRU4Rec, begins each step of a session with the state that the step before left;
 * no gradient flows back through it. Others read one event at a time. Sessions are read in full, whatever `maxLength` is.
 * The authors divide the loss of every step by `batchSize`, we by its number of targets, which differs once sessions run out.
 */
export function sessionParallel(options: SessionParallelOptions = {}): Objective {
  const { least = 1, ...others } = options;
  refuseOthers('sessionParallel', others, options);
  checkNumber('sessionParallel: least', least, { min: 1, integer: true });
  return {
    name: 'sessionParallel',
    options: { least },
    examples: {
      count: (length) => Math.max(0, length - 1),
      stretch: (_length, example) => [example, example + 2],
    },
    *steps(examples, batchSize) {
      const waiting = inTimeOrder(examples);
      let lanes: { next: number; end: number }[] = [];
      let begun = 0;
      const enter = () => {
        const b = waiting[begun++];
        return b === undefined ? [] : [{ next: examples.firstOf(b), end: examples.firstOf(b + 1) }];
      };
      while (lanes.length < batchSize && begun < waiting.length) lanes.push(...enter());
      while (lanes.length >= least) {
        yield Int32Array.from(lanes, (lane) => lane.next++);
        lanes = lanes.flatMap((lane) => (lane.next < lane.end ? [lane] : enter()));
      }
    },
    batch: (examples) => followingEvents(examples, 1),
  };
}

/** The sequences with examples, those that begin first in front; of equal times the order of the data. */
function inTimeOrder(examples: Examples): number[] {
  const { count, offsets, time } = examples.sequences;
  const some = [...range(count)].filter((b) => examples.firstOf(b) < examples.firstOf(b + 1));
  if (!time) return some;
  const start = (b: number) => time[offsets[b] as number] as number;
  return some.sort((a, b) => start(a) - start(b) || a - b);
}
