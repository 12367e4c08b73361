/** One training step: from the sequences of a batch to an update of the weights. */
import * as tf from '@tensorflow/tfjs-core';
import { checkDevice } from '../backend/select.ts';
import { Layout } from '../core/layout.ts';
import type { Gradient } from '../core/parameter.ts';
import type { Ragged } from '../core/ragged.ts';
import type { Rng } from '../core/rng.ts';
import type { SequenceBatch } from '../data/batches.ts';
import { gatherRows } from '../ops/gather-rows.ts';
import { gradients } from '../ops/gradients.ts';
import type { RunParts } from './checkpoint.ts';
import { clipByGlobalNorm } from './clip.ts';
import { NonFiniteError, nonFiniteParameter } from './finite.ts';
import type { FitSettings } from './fit-options.ts';
import type { Trainable } from './trainable.ts';

/** Takes one step in an epoch (from 0); resolves to the mean loss and the weight of its targets. */
export type Step = (batch: SequenceBatch, epoch: number) => Promise<[loss: number, weight: number]>;

/**
 * Prepares the steps of a run: what the model reads and must predict, negatives, gradients, the guard, the update.
 *
 * @param sequences all training sequences
 * @param root      the run's stream; the draws of a sequence depend on it, the epoch and the sequence only
 */
export function stepper(
  model: Trainable,
  sequences: Ragged,
  { loss, objective, clipNorm }: FitSettings,
  root: Rng,
  { parameters, optimizer }: Pick<RunParts, 'parameters' | 'optimizer'>,
): Step {
  const draw = loss.negatives?.sampler.prepare(sequences, model.catalog.size);
  return async ({ which, sequences: recent, step, steps }, epoch) => {
    const stream = (use: string) => (b: number) =>
      root
        .fork(use)
        .fork(epoch)
        .fork(which[b] as number);
    const { inputs, targets } = objective.batch(recent, { maxLength: model.maxLength, stream: stream('objective') });
    const negatives = draw?.({
      count: loss.negatives?.count as number,
      items: model.catalog.size,
      target: targets.item,
      sequence: targets.sequence,
      seen: sequences.take(which),
      stream: stream('negatives'),
    });
    const weight = targets.weight.reduce((sum, w) => sum + w, 0);
    const dropout = root.fork('dropout').fork(epoch * steps + step);
    using layout = new Layout(inputs);
    const { value, gradients: raw } = gradients(() => {
      const states = model.encode(inputs, layout, dropout);
      const asked = isRange(targets.row, layout.capacity) ? states : gatherRows(states, targets.row);
      const total = loss.forward(asked, model.output(), { item: targets.item, weight: targets.weight, negatives });
      return tf.div(total, weight);
    }, parameters);
    const { gradients: clipped, norm } = clipByGlobalNorm(raw, clipNorm);
    try {
      const [[meanLoss], [size]] = await Promise.all([value.data(), norm.data()]);
      checkDevice();
      if (!Number.isFinite(meanLoss)) throw await notFinite('loss', raw, which, step, epoch);
      // The norm of finite gradients may still overflow; then the gradients themselves decide.
      if (!Number.isFinite(size) && (clipNorm !== Infinity || (await nonFiniteParameter(raw)) !== undefined)) {
        throw await notFinite('gradient', raw, which, step, epoch);
      }
      optimizer.step(clipped);
      return [meanLoss as number, weight];
    } finally {
      tf.dispose([value, norm, ...tensorsOf(raw), ...tensorsOf(clipped)]);
    }
  };
}

async function notFinite(
  what: string,
  raw: ReadonlyMap<string, Gradient>,
  which: Int32Array,
  step: number,
  epoch: number,
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

/** Whether `rows` is 0 … length-1, all rows in order: then states need no gathering. */
function isRange(rows: Int32Array, length: number): boolean {
  return rows.length === length && rows.every((row, i) => row === i);
}

function tensorsOf(gradients: ReadonlyMap<string, Gradient>): tf.Tensor[] {
  return [...gradients.values()].map((gradient) => (gradient instanceof tf.Tensor ? gradient : gradient.values));
}
