/** Adam (Kingma & Ba, 2015), with AMSGrad (Reddi et al., 2018), to PyTorch's formula. */
import type * as tf from '@tensorflow/tfjs-core';
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import { adamUpdate } from '../../ops/adam-update.ts';
import { checkRate, type Schedule } from '../schedules/schedule.ts';
import { type Optimizer, startRule, type Update, type Updated } from './optimizer.ts';

/** Options of {@link adam}. */
export interface AdamOptions {
  /** @defaultValue 1e-3 */
  learningRate?: number | Schedule | undefined;
  /** Decay of the mean of gradients, at least 0 and below 1. @defaultValue 0.9 */
  beta1?: number | undefined;
  /** Decay of the mean of squared gradients, at least 0 and below 1. SASRec and BERT4Rec use 0.98. @defaultValue 0.999 */
  beta2?: number | undefined;
  /** Added to the root, after bias correction. @defaultValue 1e-8 */
  epsilon?: number | undefined;
  /** L2: added to the gradient times the weights. See {@link adamW} for decoupled decay. @defaultValue 0 */
  weightDecay?: number | undefined;
  /** Divide by the largest mean of squared gradients so far. @defaultValue false */
  amsgrad?: boolean | undefined;
}

/**
 * Adam as `torch.optim.Adam`: p ← p - lr · m̂ / (√v̂ + ε). Dense: a row of a table that was not read still moves by its
 * moments; see {@link sparseAdam} for the other.
 *
 * @example
 * ```ts
 * await model.fit(train, { optimizer: adam({ learningRate: 1e-3, beta2: 0.98 }) });
 * ```
 */
export function adam(options: AdamOptions = {}): Optimizer {
  const settings = adamSettings('adam', options, 0);
  return {
    name: 'adam',
    options: settings,
    start: (parameters) =>
      startRule(
        'adam',
        {
          learningRate: settings.learningRate,
          slots: momentSlots(settings),
          dense: (gradient, update) =>
            moveByMoments(gradient, update, settings, { l2: settings.weightDecay, shrink: 1 }),
        },
        parameters,
      ),
  };
}

/** @internal The settings of Adam and AdamW, checked. */
export type AdamSettings = { [option in keyof AdamOptions]-?: NonNullable<AdamOptions[option]> };

/** @internal `max` is the largest `v` so far, for AMSGrad. */
export type MomentSlot = 'm' | 'v' | 'max';

/** @internal */
export function adamSettings(name: string, options: AdamOptions, defaultDecay: number): AdamSettings {
  const { learningRate = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, amsgrad = false, ...rest } = options;
  const { weightDecay = defaultDecay, ...others } = rest;
  refuseOthers(name, others, options);
  checkRate(name, learningRate);
  checkNumber(`${name}: beta1`, beta1, { min: 0, below: 1 });
  checkNumber(`${name}: beta2`, beta2, { min: 0, below: 1 });
  checkNumber(`${name}: epsilon`, epsilon, { min: 0 });
  checkNumber(`${name}: weightDecay`, weightDecay, { min: 0 });
  return { learningRate, beta1, beta2, epsilon, weightDecay, amsgrad };
}

/** @internal */
export function momentSlots({ amsgrad }: AdamSettings): MomentSlot[] {
  return amsgrad ? ['m', 'v', 'max'] : ['m', 'v'];
}

/** @internal Adam's step, with either kind of weight decay. */
export function moveByMoments(
  gradient: tf.Tensor,
  { value, slots, learningRate, steps }: Update<MomentSlot>,
  { beta1, beta2, epsilon, amsgrad }: AdamSettings,
  decay: { l2: number; shrink: number },
): Updated<MomentSlot> {
  // lr/c1 · m / (√v/c2 + ε) with both corrections taken out of the tensors: one pass less.
  const correction1 = 1 - beta1 ** steps;
  const correction2 = Math.sqrt(1 - beta2 ** steps);
  const step = {
    rate: (learningRate * correction2) / correction1,
    beta1,
    beta2,
    epsilon: epsilon * correction2,
    ...decay,
  };
  const { max, ...moved } = adamUpdate(gradient, { value, ...slots, max: amsgrad ? slots.max : undefined }, step);
  return { ...moved, max: max ?? moved.v };
}
