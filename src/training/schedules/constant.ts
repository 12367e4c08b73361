/** The same learning rate always. */
import { checkRate, type Schedule } from './schedule.ts';

/** The same learning rate at every step; for use inside other schedules, as a number does alone. */
export function constant({ learningRate }: { learningRate: number }): Schedule {
  checkRate('constant', learningRate);
  return { name: 'constant', options: { learningRate }, at: () => learningRate };
}
