/** The same learning rate always. */
import { refuseOthers } from '../../core/shape.ts';
import { checkRate, type Schedule } from './schedule.ts';

/** The same learning rate at every step; for use inside other schedules, as a number does alone. */
export function constant({ learningRate, ...others }: { learningRate: number }): Schedule {
  refuseOthers('constant', others);
  checkRate('constant', learningRate);
  return { name: 'constant', options: { learningRate }, at: () => learningRate };
}
