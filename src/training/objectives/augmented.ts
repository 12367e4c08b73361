/** Any objective, on sequences that are changed at random. */
import { checkPart } from '../../core/part.ts';
import { range } from '../../core/ragged.ts';
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import type { Augmentation } from '../../data/augment/augmentation.ts';
import { sameView, viewsOf } from '../../data/augment/augmentation.ts';
import { type Objective, prepared } from './objective.ts';

export interface AugmentedOptions {
  /** What asks the questions. */
  objective: Objective;
  /** What changes the sequences. */
  augmentation: Augmentation;
  /** The share of the examples that are changed, each epoch others. @defaultValue 0.5 */
  share?: number | undefined;
}

/**
 * `objective` on examples of which a share is changed by `augmentation` first: more training data from short histories.
 * Inputs and targets both come from the changed sequence; one that is left with a single event stays as it was.
 *
 * @example
 * ```ts
 * await model.fit(train, { objective: augmented({ objective: nextItem(), augmentation: crop() }) });
 * ```
 */
export function augmented({ objective, augmentation, share = 0.5, ...others }: AugmentedOptions): Objective {
  refuseOthers('augmented', others);
  checkPart('augmented: objective', objective, 'batch');
  checkPart('augmented: augmentation', augmentation, 'view');
  checkNumber('augmented: share', share, { min: 0, max: 1 });
  if (objective.steps) {
    throw new Error(`${objective.name} reads sessions event by event, which cannot be changed: use another objective.`);
  }
  return {
    ...objective,
    name: 'augmented',
    options: { objective, augmentation, share },
    prepare(examples, items) {
      const batch = prepared(objective, examples, items);
      const view = augmentation.prepare?.(examples.sequences, items) ?? augmentation.view;
      return (given, context) => {
        const changed = viewsOf(given, (sequence, b) => {
          const rng = context.stream(b).fork('augmented');
          if (rng.fork('whether').uniform(0) >= share) return sameView(sequence);
          const other = view(sequence, { items, mask: context.mask, rng });
          return other.events.length < 2 ? sameView(sequence) : other;
        });
        // An insertion may have made an example longer than the model reads.
        const most = (b: number) => Math.max(context.maxLength + 1, given.length(b));
        const cut = changed.slice(range(changed.count), (length, b) => length - most(b));
        return batch(cut, context);
      };
    },
  };
}
