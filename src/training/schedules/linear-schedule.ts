/** A learning rate that changes by equal amounts. */
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import { checkRate, type Schedule } from './schedule.ts';

/** Options of {@link linearSchedule}. */
export interface LinearScheduleOptions {
  /** The rate that the factors multiply. */
  learningRate: number;
  /** Steps from the first factor to the last. */
  steps: number;
  /** @defaultValue 1 */
  startFactor?: number | undefined;
  /** @defaultValue 0 */
  endFactor?: number | undefined;
}

/**
 * From `startFactor · learningRate` at step 0 by equal amounts to `endFactor · learningRate` at step `steps`, and that
 * from there on: `LinearLR` of PyTorch with factors of one's choice (its own default rises from 1/3 to 1). The default
 * falls to 0, as the decay of Hugging Face's linear schedule.
 */
export function linearSchedule(options: LinearScheduleOptions): Schedule {
  const { learningRate, steps, startFactor = 1, endFactor = 0, ...others } = options;
  refuseOthers('linearSchedule', others, options);
  checkRate('linearSchedule', learningRate);
  checkNumber('linearSchedule: steps', steps, { min: 1, integer: true });
  checkNumber('linearSchedule: startFactor', startFactor, { min: 0 });
  checkNumber('linearSchedule: endFactor', endFactor, { min: 0 });
  return {
    name: 'linearSchedule',
    options: { learningRate, steps, startFactor, endFactor },
    at: (step) => learningRate * (startFactor + (endFactor - startFactor) * Math.min(step / steps, 1)),
  };
}
