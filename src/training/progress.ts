/** Progress of long work: what callbacks receive, and how speed is measured. */

/** One report of progress of `fit`, after a step or a validation. */
export interface FitProgress {
  phase: 'train' | 'validate';
  /** From 1. */
  epoch: number;
  epochs: number;
  /** Steps done in this epoch. */
  step: number;
  /** Steps of an epoch. */
  steps: number;
  /** Mean loss of this epoch so far. */
  loss: number;
  /** Threads that share the work. */
  threads: number;
  /** Sequences trained a second, over this call of `fit`. */
  sequencesPerSecond: number;
  /** Events (targets) trained a second, over this call of `fit`. */
  eventsPerSecond: number;
  /** Seconds until the last epoch would end at this speed, validation included. */
  remainingSeconds: number;
  /** The metrics of the validation just done; only in phase 'validate'. */
  validation?: Readonly<Record<string, number>> | undefined;
}

/** Counts work against a clock. */
export class SpeedMeter {
  readonly #start = performance.now();
  #sequences = 0;
  #events = 0;
  #steps = 0;

  add(sequences: number, events: number): void {
    this.#sequences += sequences;
    this.#events += events;
    this.#steps++;
  }

  get seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }

  read(remainingSteps: number): Pick<FitProgress, 'sequencesPerSecond' | 'eventsPerSecond' | 'remainingSeconds'> {
    const seconds = Math.max(this.seconds, 1e-9);
    return {
      sequencesPerSecond: this.#sequences / seconds,
      eventsPerSecond: this.#events / seconds,
      remainingSeconds: this.#steps ? (seconds / this.#steps) * remainingSteps : Infinity,
    };
  }
}
