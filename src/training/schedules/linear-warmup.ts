/** A learning rate that rises before another schedule begins. */
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import { checkRate, rateAt, type Schedule } from './schedule.ts';

/** Options of {@link linearWarmup}. */
export interface LinearWarmupOptions {
  /** Steps of the rise. */
  steps: number;
  /** What follows: a rate, or a schedule that begins when the rise ends. */
  next: number | Schedule;
}

/**
 * Rises by equal amounts to the first rate of `next` (1/steps, 2/steps … 1 of it), then continues with `next`. Warm-up
 * and cosine decay are `linearWarmup({ steps: 500, next: cosine({ learningRate: 1e-3, steps: 9500 }) })`.
 *
 * Hugging Face's schedules rise from 0/steps instead, so that their first step changes nothing;
 * {@link linearSchedule} with `startFactor: 0, endFactor: 1` is theirs, and PyTorch's `LinearLR`.
 */
export function linearWarmup({ steps, next, ...others }: LinearWarmupOptions): Schedule {
  refuseOthers('linearWarmup', others);
  checkNumber('linearWarmup: steps', steps, { min: 1, integer: true });
  checkRate('linearWarmup: next', next);
  return {
    name: 'linearWarmup',
    options: { steps, next },
    at: (step) => (step < steps ? (rateAt(next, 0) * (step + 1)) / steps : rateAt(next, step - steps)),
  };
}
