/** One augmentation or another. */
import { refuseOthers } from '../../core/shape.ts';
import type { Augmentation } from './augmentation.ts';

type View = Augmentation['view'];

/** Each sequence is changed by one of `augmentations`, all with the same probability. */
export function oneOf({ augmentations, ...others }: { augmentations: readonly Augmentation[] }): Augmentation {
  refuseOthers('oneOf', others);
  if (augmentations.length === 0)
    throw new Error('oneOf() needs at least one augmentation: pass { augmentations: [crop(), reorder()] }.');
  const choose =
    (views: readonly View[]): View =>
    (sequence, context) => {
      const which = context.rng.fork('which').int(0, views.length);
      return (views[which] as View)(sequence, { ...context, rng: context.rng.fork(which) });
    };
  return {
    name: 'oneOf',
    options: { augmentations },
    view: choose(augmentations.map(({ view }) => view)),
    prepare: (train, items) => choose(augmentations.map((each) => each.prepare?.(train, items) ?? each.view)),
  };
}
