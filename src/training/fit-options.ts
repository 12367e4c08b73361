/** What `fit` can be told, with its defaults and checks. */
import { checkPart, type Part, partsToJson } from '../core/part.ts';
import { checkBoolean, checkNumber, checkSignal, refuseOthers } from '../core/shape.ts';
import type { Holdout } from '../data/holdout.ts';
import type { Interactions } from '../data/interactions.ts';
import type { Metric } from '../evaluation/metric.ts';
import { ndcg } from '../evaluation/metrics/ndcg.ts';
import { crossEntropy } from '../losses/cross-entropy.ts';
import type { Loss } from '../losses/loss.ts';
import type { CheckpointOptions } from './checkpoint.ts';
import type { EarlyStopping } from './early-stopping.ts';
import { nextItem } from './objectives/next-item.ts';
import type { Objective } from './objectives/objective.ts';
import { adam } from './optimizers/adam.ts';
import type { Optimizer } from './optimizers/optimizer.ts';
import type { FitProgress } from './progress.ts';
import type { FitRecovery } from './recovery.ts';
import type { FitDefaults, Trainable } from './trainable.ts';
import type { WorkerLike } from './workers/thread.ts';

export interface FitOptions {
  /** What is predicted from what. @defaultValue the model's own, else nextItem() */
  objective?: Objective | undefined;
  /** @defaultValue the model's own, else crossEntropy() */
  loss?: Loss | undefined;
  /** @defaultValue the model's own, else adam() */
  optimizer?: Optimizer | undefined;
  /** Passes over the data. @defaultValue 20 */
  epochs?: number | undefined;
  /** Examples a step: sequences, or stretches of them if the objective says so. @defaultValue the model's own, else 128 */
  batchSize?: number | undefined;
  /** Decides initial weights, order, dropout and negatives. @defaultValue 42 */
  seed?: number | undefined;
  /** Gradients are scaled down to this global norm. @defaultValue the model's own, else none */
  clipNorm?: number | undefined;
  /** Which parameters are trained, by path; the others are frozen. @defaultValue all */
  trainable?: ((path: string) => boolean) | undefined;
  /** Evaluated after every `validateEvery` epochs and after the last. */
  validation?: Holdout | undefined;
  /** Epochs between validations. @defaultValue 1 */
  validateEvery?: number | undefined;
  /** Metrics of the validation. @defaultValue [ndcg(10)] */
  metrics?: readonly Metric[] | undefined;
  /** Whether validation leaves out the items of the history. @defaultValue true */
  excludeSeen?: boolean | undefined;
  /** Stops when validation no longer improves and puts the best weights back; needs `validation`. */
  earlyStopping?: EarlyStopping | undefined;
  /** Where checkpoints go. */
  checkpoint?: CheckpointOptions | undefined;
  /** Go on from these bytes, or (`true`) from `checkpoint.file` if it exists. @defaultValue false */
  resume?: boolean | Uint8Array | undefined;
  /**
   * Threads that share the work of a step, this one included: a number, or with what makes a worker where bundlers or
   * hosts need it. Needs shared memory, and the backend wasm or cpu; where something is missing, one thread works and
   * {@link FitReport.alone} says why. The result depends on the number of threads only by rounding. @defaultValue 1
   */
  workers?: number | WorkerOptions | undefined;
  /** Stops between two steps and rejects with the signal's reason; the model keeps the weights of the last whole step. */
  signal?: AbortSignal | undefined;
  /** Called before the first step with what may spoil the result, which {@link FitReport.warnings} holds too. */
  onWarning?: ((warning: string) => void) | undefined;
  /** Called after every step and every validation. */
  onProgress?: ((progress: FitProgress) => void) | undefined;
  /**
   * Called when the GPU took its device away, before training goes on: on a new device, or on the next backend where the
   * choice is seqrec's, from a state that is at most some ten seconds old. What was done since is done again with the
   * same draws, so the result is that of an undisturbed run, up to rounding. A device that is lost three times at one
   * place rejects with a {@link DeviceLostError}.
   */
  onRecovery?: ((recovery: FitRecovery) => void) | undefined;
}

/** See {@link FitOptions.workers}. */
export interface WorkerOptions {
  /** Threads, this one included. */
  count: number;
  /** Makes a worker that runs `seqrec/worker`. @defaultValue the file of that name beside this one */
  create?: (() => WorkerLike) | undefined;
}

/** Options with their defaults filled in. */
export type FitSettings = ReturnType<typeof readSettings>;

/** @throws TypeError, RangeError or Error for an option that there is not or that cannot work */
export function readSettings(given: FitOptions, defaults: FitDefaults = {}) {
  const options: FitOptions = { ...defaults, ...withoutUndefined(given) };
  const { objective = nextItem(), loss = crossEntropy(), optimizer = adam(), epochs = 20, ...run } = options;
  const { batchSize = 128, seed = 42, clipNorm = Infinity, trainable = () => true, workers = 1, ...measured } = run;
  const { validation, validateEvery = 1, excludeSeen = true, earlyStopping, metrics, ...kept } = measured;
  const { checkpoint, resume = false, signal, onProgress, onWarning, onRecovery, ...others } = kept;
  refuseOthers('fit', others, given);
  if (earlyStopping && !validation) {
    throw new Error('earlyStopping needs validation: pass the validation part of a split.');
  }
  if (checkpoint && checkpoint.file === undefined && !checkpoint.write) {
    throw new Error('checkpoint needs a file or a write function.');
  }
  checkSignal(signal);
  const positive = { min: 1, integer: true };
  const { file, write, everyEpochs, everySteps, ...unknown }: CheckpointOptions = checkpoint ?? {};
  refuseOthers('checkpoint', unknown);
  if (everyEpochs !== undefined) checkNumber('checkpoint.everyEpochs', everyEpochs, positive);
  if (everySteps !== undefined) checkNumber('checkpoint.everySteps', everySteps, positive);
  const { count, create, ...strange }: WorkerOptions = typeof workers === 'object' ? workers : { count: workers };
  refuseOthers('workers', strange);
  const stopping = earlyStopping?.metric;
  const measures = [...(metrics ?? (stopping ? [] : [ndcg(10)]))];
  if (stopping && !measures.some(({ key }) => key === stopping.key)) measures.push(stopping);
  return {
    objective: checkPart('objective', objective, 'batch'),
    loss: checkPart('loss', loss, 'forward'),
    optimizer: checkPart('optimizer', optimizer, 'start'),
    epochs: checkNumber('epochs', epochs, positive),
    batchSize: checkNumber('batchSize', batchSize, positive),
    seed,
    clipNorm: checkNumber('clipNorm', clipNorm, { above: 0 }),
    trainable,
    validateEvery: checkNumber('validateEvery', validateEvery, positive),
    excludeSeen: checkBoolean('excludeSeen', excludeSeen),
    resume,
    workers: { count: checkNumber('workers', count, { min: 1, max: 256, integer: true }), create },
    metrics: measures,
    validation,
    earlyStopping,
    checkpoint,
    signal,
    onProgress,
    onWarning,
    onRecovery,
  };
}

function withoutUndefined(options: FitOptions): FitOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** What must not differ between a run and its continuation. `epochs` may: a finished run can be prolonged. */
export function fingerprint(settings: FitSettings, model: Trainable, data: Interactions, paths: string[]) {
  const part = (value: Part) => partsToJson(value);
  return {
    model: partsToJson(model.config()),
    seed: settings.seed,
    batchSize: settings.batchSize,
    clipNorm: settings.clipNorm === Infinity ? null : settings.clipNorm,
    objective: part(settings.objective),
    loss: part(settings.loss),
    optimizer: part(settings.optimizer),
    earlyStopping: settings.earlyStopping?.metric.key ?? null,
    parameters: paths,
    sequences: data.sequences.count,
    events: data.sequences.rows,
    items: data.items.size,
  };
}
