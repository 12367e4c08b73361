/** Early stopping: keep the weights of the best validation, stop when it is long past. */
import type { Parameter } from '../core/parameter.ts';
import { checkNumber, refuseOthers } from '../core/shape.ts';
import type { Metric } from '../evaluation/metric.ts';

export interface EarlyStopping {
  /** Higher is better. */
  metric: Metric;
  /** Stop after this many validations without a better one. @defaultValue 5 */
  patience?: number | undefined;
  /** A validation is better only by more than this. @defaultValue 0 */
  minDelta?: number | undefined;
}

/** The best validation so far and the weights it had. */
export class BestWeights {
  readonly key: string;
  readonly #patience: number;
  readonly #minDelta: number;
  value = -Infinity;
  epoch = 0;
  /** Validations since the best. */
  waited = 0;
  weights = new Map<string, Float32Array>();

  constructor({ metric, patience = 5, minDelta = 0, ...others }: EarlyStopping) {
    refuseOthers('earlyStopping', others);
    this.key = metric.key;
    this.#patience = checkNumber('earlyStopping.patience', patience, { min: 1, integer: true });
    this.#minDelta = checkNumber('earlyStopping.minDelta', minDelta, { min: 0 });
  }

  /** Takes note of a validation, copying the weights if it is the best. */
  async offer(epoch: number, value: number, parameters: ReadonlyMap<string, Parameter>): Promise<void> {
    if (value > this.value + this.#minDelta) {
      this.value = value;
      this.epoch = epoch;
      this.waited = 0;
      for (const [path, parameter] of parameters) this.weights.set(path, await parameter.data());
    } else {
      this.waited++;
    }
  }

  get exhausted(): boolean {
    return this.waited >= this.#patience;
  }

  /** Puts the best weights back. */
  restore(parameters: ReadonlyMap<string, Parameter>): void {
    for (const [path, values] of this.weights) parameters.get(path)?.set(values);
  }
}
