/** One training step: from the sequences of a batch to an update of the weights. */
import * as tf from '@tensorflow/tfjs-core';
import { checkDevice } from '../backend/select.ts';
import type { Gradient } from '../core/parameter.ts';
import { GradientSums } from '../ops/gradients.ts';
import type { RunParts } from './checkpoint.ts';
import { clipByGlobalNorm } from './clip.ts';
import { NonFiniteError, nonFiniteParameter } from './finite.ts';
import type { FitSettings } from './fit-options.ts';
import { passes } from './passes.ts';
import type { Questions, StepPlace } from './questions.ts';
import type { Trainable } from './trainable.ts';
import type { Team } from './workers/team.ts';

/** Takes one step; resolves to the mean loss and the weight of its targets. */
export type Step = (place: StepPlace) => Promise<[loss: number, weight: number]>;

/**
 * Prepares the steps of a run: what the model reads and must predict, gradients, the guard, the update.
 *
 * @param ask  makes the questions of a step
 * @param team the workers, if there are any; this thread is one of them
 */
export function stepper(
  model: Trainable,
  { loss, clipNorm }: FitSettings,
  ask: (place: StepPlace) => Questions,
  { parameters, optimizer, carried }: Pick<RunParts, 'parameters' | 'optimizer' | 'carried'>,
  team?: Team,
): Step {
  return async (place) => {
    await team?.begin(place);
    const questions = ask(place);
    using sums = new GradientSums(parameters);
    const own = passes(model, loss, questions, sums, { index: 0, count: team?.size ?? 1 }, carried);
    carried?.advance();
    const held: tf.Tensor[] = [own];
    try {
      const others = (await team?.finish(sums)) ?? 0;
      const raw = sums.take();
      held.push(...tensorsOf(raw));
      const { gradients: clipped, norm } = clipByGlobalNorm(raw, clipNorm);
      held.push(norm, ...tensorsOf(clipped));
      const [[ownLoss], [size]] = await Promise.all([own.data(), norm.data()]);
      const meanLoss = (ownLoss as number) + others;
      checkDevice();
      if (!Number.isFinite(meanLoss)) throw await notFinite('loss', raw, place);
      // The norm of finite gradients may still overflow; then the gradients themselves decide.
      if (!Number.isFinite(size) && (clipNorm !== Infinity || (await nonFiniteParameter(raw)) !== undefined)) {
        throw await notFinite('gradient', raw, place);
      }
      optimizer.step(clipped);
      return [meanLoss, questions.weight];
    } finally {
      tf.dispose(held);
    }
  };
}

async function notFinite(
  what: string,
  raw: ReadonlyMap<string, Gradient>,
  { which, step, epoch }: StepPlace,
): Promise<NonFiniteError> {
  const parameter = await nonFiniteParameter(raw);
  const place = parameter ? ` and the gradient of ${parameter} is not finite` : '';
  const some = `${[...which.subarray(0, 5)].join(', ')}${which.length > 5 ? ', …' : ''}`;
  return new NonFiniteError(
    `The ${what} of step ${step + 1} in epoch ${epoch + 1} is not a finite number${place} (sequences ${some}); the weights were not changed. Lower the learning rate or set clipNorm.`,
    step + 1,
    epoch + 1,
    parameter,
    which,
  );
}

function tensorsOf(gradients: ReadonlyMap<string, Gradient>): tf.Tensor[] {
  return [...gradients.values()].map((gradient) => (gradient instanceof tf.Tensor ? gradient : gradient.values));
}
