/** Pairs of views of histories. */
import { range } from '../../core/ragged.ts';
import { refuseOthers } from '../../core/shape.ts';
import { type Augmentation, sameView, viewsOf } from '../../data/augment/augmentation.ts';
import { endToEnd, type ViewPairs } from './contrastive.ts';

/**
 * Each view of an input is made by another of `augmentations`, which are drawn for each; a single one makes both. An input
 * of one event stays as it is (CL4SRec: Xie et al., ICDE 2022, as in RuihongQiu/DuoRec, `cl4srec.py`).
 *
 * @param options `augmentations`: at least one, such as `[crop(), mask(), reorder()]`; `[unchanged()]` makes views that
 *                differ by dropout alone
 */
export function twoOf({ augmentations, ...others }: { augmentations: readonly Augmentation[] }): ViewPairs {
  refuseOthers('twoOf', others);
  const count = augmentations.length;
  if (count === 0)
    throw new Error('twoOf() needs at least one augmentation: pass { augmentations: [crop(), reorder()] }.');
  return {
    name: 'twoOf',
    options: { augmentations },
    prepare(examples, items) {
      const views = augmentations.map((each) => each.prepare?.(examples.sequences, items) ?? each.view);
      return ({ inputs }, { mask, stream }) =>
        viewsOf(inputs.take(range(2 * inputs.count).map((view) => view >> 1)), (sequence, place) => {
          if (sequence.length < 2) return sameView(sequence);
          const rng = stream(place >> 1).fork('views');
          const first = rng.fork('first').int(0, count);
          const which =
            place % 2 === 0 || count === 1 ? first : (first + 1 + rng.fork('second').int(0, count - 1)) % count;
          const view = views[which] as Augmentation['view'];
          return view(sequence, { items, mask, rng: rng.fork(place % 2) });
        });
    },
  };
}

/**
 * An input and another history of the training data that leads to the same item; the input itself again where there is no
 * other (DuoRec: Qiu et al., WSDM 2022, section 3.3). As the authors' `us_x`, the first view differs from the input by
 * dropout, so that a network without dropout compares the input itself.
 */
export function sameTarget(): ViewPairs {
  return {
    name: 'sameTarget',
    options: {},
    prepare({ sequences: train, maxLength }, items) {
      // For each item the events that show it and have others before them.
      const { rows, starts, sequenceOf } = occurrences(train, items);
      return ({ inputs, target }, { stream }) => {
        const chosen = target.map((item, b) => {
          const [from, to] = [starts[item] as number, starts[item + 1] as number];
          if (from === to) return -1;
          const first = stream(b)
            .fork('views')
            .int(0, to - from);
          for (let i = 0; i < to - from; i++) {
            const row = rows[from + ((first + i) % (to - from))] as number;
            const length = Math.min(maxLength, row - (train.offsets[sequenceOf[row] as number] as number));
            if (!isSame(train.item, row, length, inputs.items(b))) return row;
          }
          return -1;
        });
        const others = Array.from(chosen.keys()).filter((b) => (chosen[b] as number) >= 0);
        const place = (b: number) => {
          const row = chosen[others[b] as number] as number;
          return row - (train.offsets[sequenceOf[row] as number] as number);
        };
        const histories = train.slice(
          others.map((b) => sequenceOf[chosen[b] as number] as number),
          (_length, _sequence, b) => place(b) - maxLength,
          (_length, _sequence, b) => place(b),
        );
        // A history keeps the columns of its own sequence; the inputs are repeated where there is no other.
        const second = new Map(others.map((b, i) => [b, inputs.count + i]));
        const order = Array.from({ length: inputs.count }, (_, b) => [b, second.get(b) ?? b]).flat();
        return endToEnd(inputs, histories).take(order);
      };
    },
  };
}

/** The rows of every item one item after the other, without the first of each sequence. */
function occurrences(train: Parameters<typeof endToEnd>[0], items: number) {
  const sequenceOf = new Int32Array(train.rows);
  const starts = new Int32Array(items + 1);
  for (let b = 0; b < train.count; b++) {
    sequenceOf.fill(b, train.offsets[b], train.offsets[b + 1]);
    for (let row = (train.offsets[b] as number) + 1; row < (train.offsets[b + 1] as number); row++) {
      starts[(train.item[row] as number) + 1] = (starts[(train.item[row] as number) + 1] as number) + 1;
    }
  }
  for (let item = 0; item < items; item++) starts[item + 1] = (starts[item + 1] as number) + (starts[item] as number);
  const next = starts.slice();
  const rows = new Int32Array(starts[items] as number);
  for (let b = 0; b < train.count; b++) {
    for (let row = (train.offsets[b] as number) + 1; row < (train.offsets[b + 1] as number); row++) {
      const item = train.item[row] as number;
      rows[next[item] as number] = row;
      next[item] = (next[item] as number) + 1;
    }
  }
  return { rows, starts, sequenceOf };
}

/** Whether the `length` events before `row` are `history`: then it is the input's own, or no other than it. */
function isSame(item: Int32Array, row: number, length: number, history: Int32Array): boolean {
  return length === history.length && history.every((value, i) => item[row - length + i] === value);
}
