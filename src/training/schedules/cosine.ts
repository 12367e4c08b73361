/** A learning rate that falls as half a cosine (Loshchilov & Hutter, 2017). */
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import { checkRate, type Schedule } from './schedule.ts';

/** Options of {@link cosine}. */
export interface CosineOptions {
  /** The rate at step 0. */
  learningRate: number;
  /** Steps until the minimum. */
  steps: number;
  /** The rate at the end. @defaultValue 0 */
  minimum?: number | undefined;
}

/**
 * From `learningRate` at step 0 along half a cosine to `minimum` at step `steps`: `CosineAnnealingLR` of PyTorch, which
 * would rise again after that, where this one stays.
 */
export function cosine({ learningRate, steps, minimum = 0, ...others }: CosineOptions): Schedule {
  refuseOthers('cosine', others);
  checkRate('cosine', learningRate);
  checkNumber('cosine: steps', steps, { min: 1, integer: true });
  checkNumber('cosine: minimum', minimum, { min: 0, max: learningRate });
  return {
    name: 'cosine',
    options: { learningRate, steps, minimum },
    at: (step) => minimum + ((learningRate - minimum) * (1 + Math.cos(Math.PI * Math.min(step / steps, 1)))) / 2,
  };
}
