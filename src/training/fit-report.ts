/** What `fit` did. */
import type { BestWeights } from './early-stopping.ts';
import type { FitRecovery } from './recovery.ts';

/** What happened in one epoch. */
export interface EpochRecord {
  /** From 1. */
  epoch: number;
  /** Mean loss over the epoch's targets. */
  loss: number;
  seconds: number;
  validation?: Record<string, number> | undefined;
}

/** What `fit` did; prints as a short text. */
export interface FitReport {
  epochs: EpochRecord[];
  /** Whole time, of earlier parts of a resumed run too. */
  seconds: number;
  /** 'epochs': all were done. 'earlyStopping': validation no longer improved. */
  stopped: 'epochs' | 'earlyStopping';
  /** Threads that shared the work. */
  threads: number;
  /** Why one thread worked although more were asked for. */
  alone?: string | undefined;
  /** With early stopping: the validation whose weights the model has now. */
  best?: { epoch: number; metric: string; value: number } | undefined;
  /** What may spoil the result, a sentence each: a `maxLength` that cuts many sequences. */
  warnings: readonly string[];
  /** How often the GPU took its device away, and where training went on; of this call. */
  recoveries: readonly FitRecovery[];
  toString(): string;
}

export function fitReport(
  epochs: EpochRecord[],
  seconds: number,
  best: BestWeights | undefined,
  { threads, alone, warnings, recoveries }: Pick<FitReport, 'threads' | 'alone' | 'warnings' | 'recoveries'>,
): FitReport {
  const stopped = best?.exhausted ? 'earlyStopping' : 'epochs';
  const chosen = best && best.epoch > 0 ? { epoch: best.epoch, metric: best.key, value: best.value } : undefined;
  return {
    epochs,
    seconds,
    stopped,
    best: chosen,
    threads,
    alone,
    warnings,
    recoveries,
    toString() {
      const last = epochs.at(-1);
      const end = stopped === 'epochs' ? 'all epochs done' : 'validation no longer improved';
      const line = `${epochs.length} ${epochs.length === 1 ? 'epoch' : 'epochs'} in ${seconds.toFixed(1)} s (${end}), loss ${last?.loss.toFixed(4)}`;
      const text = chosen
        ? `${line}, best ${chosen.metric} ${chosen.value.toFixed(4)} after epoch ${chosen.epoch}`
        : line;
      const first = alone ? `${text}; on one thread, because ${alone}` : text;
      const lost = recoveries.map(
        ({ from, to, epoch, step }) => `lost ${from}, went on with ${to} from step ${step} of epoch ${epoch}`,
      );
      return [first, ...lost, ...warnings].join('\n');
    },
  };
}
