/** Learning rates that change from step to step. */
import { isPart, type Part } from '../../core/part.ts';
import { checkNumber, describe } from '../../core/shape.ts';

/** A learning rate as a function of the optimizer step. */
export interface Schedule extends Part {
  /** @param step steps done before this one: 0 for the first */
  at(step: number): number;
}

/** The rate of a step. */
export function rateAt(learningRate: number | Schedule, step: number): number {
  return typeof learningRate === 'number' ? learningRate : learningRate.at(step);
}

/** Throws unless `learningRate` is a number of at least 0 or a schedule. @param owner the part that takes it */
export function checkRate(owner: string, learningRate: number | Schedule): void {
  if (typeof learningRate === 'number') checkNumber(`${owner}: learningRate`, learningRate, { min: 0 });
  else if (!isPart(learningRate) || typeof learningRate.at !== 'function') {
    throw new TypeError(`${owner}: learningRate must be a number or a schedule, got ${describe(learningRate)}.`);
  }
}
