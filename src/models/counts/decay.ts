/** How much an event counts by its distance: the weights of rules and neighbours. */
import type { Part } from '../../core/part.ts';
import { checkNumber, describe, refuseOthers } from '../../core/shape.ts';

/** A weight that falls with the distance. */
export interface Decay extends Part {
  /**
   * @param step   1 for the nearest
   * @param length the most steps that there can be
   * @returns at least 0
   */
  weight(step: number, length: number): number;
}

/** 1: every distance counts the same (session-rec's `same`). */
export function noDecay(): Decay {
  return { name: 'noDecay', options: {}, weight: () => 1 };
}

/** 1 / step (session-rec's `div`). */
export function inverseDecay(): Decay {
  return { name: 'inverseDecay', options: {}, weight: (step) => 1 / step };
}

/** 1 / step² (session-rec's `quadratic`). */
export function quadraticDecay(): Decay {
  return { name: 'quadraticDecay', options: {}, weight: (step) => 1 / (step * step) };
}

/** 1 / log10(step + 1.7) (session-rec's `log`). */
export function logDecay(): Decay {
  return { name: 'logDecay', options: {}, weight: (step) => 1 / Math.log10(step + 1.7) };
}

/** 1 - step / 10, and 0 from step 10 on (session-rec's `linear`, which goes on below 0). */
export function linearDecay(): Decay {
  return { name: 'linearDecay', options: {}, weight: (step) => Math.max(0, 1 - step / 10) };
}

/**
 * ((length - step + 1) / length)^power: 1 for the nearest, least for the farthest (the positions of V-SkNN; session-rec's
 * `div`, and with power 2 its `quadratic`).
 *
 * @param options `power` defaults to 1
 */
export function shareDecay(options: { power?: number | undefined } = {}): Decay {
  const { power = 1, ...others } = options;
  refuseOthers('shareDecay', others, options);
  checkNumber('shareDecay: power', power, { above: 0, below: Infinity });
  return {
    name: 'shareDecay',
    options: { power },
    weight: (step, length) => ((length - step + 1) / length) ** power,
  };
}

/**
 * exp((1 - step) / scale): 1 for the nearest (STAN, equations 3 and 7).
 *
 * @param options `scale`: the steps in which the weight falls to 1/e, above 0
 */
export function exponentialDecay({ scale, ...others }: { scale: number }): Decay {
  refuseOthers('exponentialDecay', others);
  checkNumber('exponentialDecay: scale', scale, { above: 0, below: Infinity });
  return { name: 'exponentialDecay', options: { scale }, weight: (step) => Math.exp((1 - step) / scale) };
}

/** @throws TypeError unless `decay` is one */
export function checkDecay(name: string, decay: Decay): Decay {
  if (typeof decay?.weight === 'function') return decay;
  throw new TypeError(`${name} must be a decay such as inverseDecay(), got ${describe(decay)}.`);
}
