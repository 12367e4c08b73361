/** A learning rate that falls from time to time. */
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import { checkRate, type Schedule } from './schedule.ts';

/** Options of {@link stepDecay}. */
export interface StepDecayOptions {
  /** The rate at step 0. */
  learningRate: number;
  /** Steps between two falls. */
  every: number;
  /** What each fall multiplies the rate by. @defaultValue 0.1 */
  factor?: number | undefined;
}

/** `learningRate · factor ^ ⌊step / every⌋`, as `StepLR` of PyTorch. */
export function stepDecay({ learningRate, every, factor = 0.1, ...others }: StepDecayOptions): Schedule {
  refuseOthers('stepDecay', others);
  checkRate('stepDecay', learningRate);
  checkNumber('stepDecay: every', every, { min: 1, integer: true });
  checkNumber('stepDecay: factor', factor, { above: 0, max: 1 });
  return {
    name: 'stepDecay',
    options: { learningRate, every, factor },
    at: (step) => learningRate * factor ** Math.floor(step / every),
  };
}
