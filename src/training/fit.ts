/** `fit`: trains a network on sequences. */
import * as tf from '@tensorflow/tfjs-core';
import { checkDevice, ready } from '../backend/select.ts';
import { Layout } from '../core/layout.ts';
import type { Gradient } from '../core/parameter.ts';
import { type Part, partsToJson } from '../core/part.ts';
import { pauser } from '../core/pause.ts';
import { Rng } from '../core/rng.ts';
import { checkNumber } from '../core/shape.ts';
import { batches, epochOrder, type SequenceBatch } from '../data/batches.ts';
import type { Holdout } from '../data/holdout.ts';
import type { Interactions } from '../data/interactions.ts';
import { evaluate } from '../evaluation/evaluate.ts';
import type { Metric } from '../evaluation/metric.ts';
import { ndcg } from '../evaluation/metrics/ndcg.ts';
import { crossEntropy } from '../losses/cross-entropy.ts';
import type { Loss } from '../losses/loss.ts';
import { gatherRows } from '../ops/gather-rows.ts';
import { gradients } from '../ops/gradients.ts';
import {
  type CheckpointOptions,
  encodeCheckpoint,
  type RunParts,
  type RunState,
  restoreCheckpoint,
  resumeBytes,
  storeCheckpoint,
} from './checkpoint.ts';
import { clipByGlobalNorm } from './clip.ts';
import { BestWeights, type EarlyStopping } from './early-stopping.ts';
import { NonFiniteError, nonFiniteParameter } from './finite.ts';
import { nextItem } from './next-item.ts';
import type { Objective } from './objective.ts';
import { adam } from './optimizers/adam.ts';
import type { Optimizer } from './optimizers/optimizer.ts';
import { type FitProgress, SpeedMeter } from './progress.ts';
import type { Trainable } from './trainable.ts';

export interface FitOptions {
  /** What is predicted from what. @defaultValue nextItem() */
  objective?: Objective | undefined;
  /** @defaultValue crossEntropy() */
  loss?: Loss | undefined;
  /** @defaultValue adam() */
  optimizer?: Optimizer | undefined;
  /** Passes over the data. @defaultValue 20 */
  epochs?: number | undefined;
  /** Sequences a step. @defaultValue 128 */
  batchSize?: number | undefined;
  /** Decides initial weights, order, dropout and negatives. @defaultValue 42 */
  seed?: number | undefined;
  /** Gradients are scaled down to this global norm. @defaultValue none */
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
  /** Stops between two steps and rejects with the signal's reason; the model keeps the weights of the last whole step. */
  signal?: AbortSignal | undefined;
  /** Called after every step and every validation. */
  onProgress?: ((progress: FitProgress) => void) | undefined;
}

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
  /** With early stopping: the validation whose weights the model has now. */
  best?: { epoch: number; metric: string; value: number } | undefined;
  toString(): string;
}

/**
 * Trains `model` on `data`. A model that has values continues from them; one that has none is initialised from `seed`.
 *
 * The loss of a step is the weighted sum over its targets divided by their total weight. The same seed gives the same
 * run to the bit on one machine and backend. A loss or gradient that is not finite rejects with a
 * {@link NonFiniteError} before it reaches the weights.
 */
export async function fit(model: Trainable, data: Interactions, options: FitOptions = {}): Promise<FitReport> {
  const settings = readSettings(options);
  const { seed, epochs, batchSize, loss, objective, optimizer, checkpoint, signal, onProgress, earlyStopping } =
    settings;
  signal?.throwIfAborted();
  if (!data.items.equals(model.catalog)) {
    throw new Error(
      `The model was made for a catalogue of ${model.catalog.size} items and the data has another of ${data.items.size}: build the model with { items: data.items }, or the data with { catalog: model.catalog }.`,
    );
  }
  await ready();
  await import('../backend/gradients.ts');
  model.init(seed);

  const parameters = new Map([...model.parameters()].filter(([path]) => settings.trainable(path)));
  if (parameters.size === 0) throw new Error('trainable leaves no parameter to train.');
  const root = new Rng(seed).fork('fit');
  const { sequences } = data;
  const draw = loss.negatives?.sampler.prepare(sequences, model.catalog.size);
  const steps = Math.ceil(epochOrder(sequences).length / batchSize);

  const run: RunParts = {
    parameters,
    optimizer: optimizer.start(parameters),
    best: earlyStopping && new BestWeights(earlyStopping),
    fingerprint: fingerprint(settings, model, data, [...parameters.keys()]),
  };
  const speed = new SpeedMeter();
  const breathe = pauser();
  let state: RunState = { epoch: 0, step: 0, lossSum: 0, weightSum: 0, seconds: 0, records: [] };

  const progress = (phase: FitProgress['phase'], validation?: Record<string, number>) => {
    onProgress?.({
      phase,
      epoch: state.epoch + 1,
      epochs,
      step: state.step,
      steps,
      loss: state.lossSum / state.weightSum,
      ...speed.read((epochs - state.epoch) * steps - state.step),
      validation,
    });
  };
  const secondsBefore = () => state.seconds + speed.seconds;
  const store = async () => {
    if (!checkpoint) return;
    await storeCheckpoint(await encodeCheckpoint({ ...state, seconds: secondsBefore() }, run), checkpoint);
  };

  /** One optimizer step; returns the mean loss and the weight of its targets. */
  const step = async (batch: SequenceBatch, epoch: number): Promise<[loss: number, weight: number]> => {
    const chosen = batch.which;
    const stream = (use: string) => (b: number) =>
      root
        .fork(use)
        .fork(epoch)
        .fork(chosen[b] as number);
    const { maxLength } = model;
    const { inputs, targets } = objective.batch(batch.sequences, { maxLength, stream: stream('objective') });
    const negatives = draw?.({
      count: loss.negatives?.count as number,
      items: model.catalog.size,
      target: targets.item,
      sequence: targets.sequence,
      seen: sequences.take(chosen),
      stream: stream('negatives'),
    });
    const weight = targets.weight.reduce((sum, w) => sum + w, 0);
    const dropout = root.fork('dropout').fork(epoch * steps + state.step);
    using layout = new Layout(inputs);
    const { value, gradients: raw } = gradients(() => {
      const states = model.encode(inputs, layout, dropout);
      const asked = isRange(targets.row, layout.capacity) ? states : gatherRows(states, targets.row);
      const total = loss.forward(asked, model.output(), { item: targets.item, weight: targets.weight, negatives });
      return tf.div(total, weight);
    }, parameters);
    const { gradients: clipped, norm } = clipByGlobalNorm(raw, settings.clipNorm);
    try {
      const [[meanLoss], [size]] = await Promise.all([value.data(), norm.data()]);
      checkDevice();
      if (!Number.isFinite(meanLoss)) throw await notFinite('loss', raw, chosen, epoch);
      // The norm of finite gradients may still overflow; then the gradients themselves decide.
      if (!Number.isFinite(size) && (settings.clipNorm !== Infinity || (await nonFiniteParameter(raw)) !== undefined)) {
        throw await notFinite('gradient', raw, chosen, epoch);
      }
      run.optimizer.step(clipped);
      return [meanLoss as number, weight];
    } finally {
      tf.dispose([value, norm, ...tensorsOf(raw), ...tensorsOf(clipped)]);
    }
  };

  const notFinite = async (what: string, raw: ReadonlyMap<string, Gradient>, chosen: Int32Array, epoch: number) => {
    const parameter = await nonFiniteParameter(raw);
    const place = parameter ? ` and the gradient of ${parameter} is not finite` : '';
    return new NonFiniteError(
      `The ${what} of step ${state.step + 1} in epoch ${epoch + 1} is not a finite number${place} (sequences ${[...chosen.subarray(0, 5)].join(', ')}${chosen.length > 5 ? ', …' : ''}); the weights were not changed. Lower the learning rate or set clipNorm.`,
      state.step + 1,
      epoch + 1,
      parameter,
      chosen,
    );
  };

  const validate = async () => {
    const report = await evaluate(model, settings.validation as Holdout, {
      metrics: settings.metrics,
      excludeSeen: settings.excludeSeen,
      signal,
    });
    return { ...report.metrics } as Record<string, number>;
  };

  try {
    const bytes = await resumeBytes(settings.resume, checkpoint);
    if (bytes) state = restoreCheckpoint(bytes, run);
    while (state.epoch < epochs && !run.best?.exhausted) {
      const began = performance.now();
      const rng = root.fork('order').fork(state.epoch);
      for (const batch of batches(sequences, { batchSize, maxLength: model.maxLength, rng, from: state.step })) {
        const [meanLoss, weight] = await step(batch, state.epoch);
        state.lossSum += meanLoss * weight;
        state.weightSum += weight;
        state.step++;
        speed.add(batch.which.length, weight);
        progress('train');
        if (checkpoint?.everySteps && state.step % checkpoint.everySteps === 0 && state.step < steps) await store();
        await breathe();
        signal?.throwIfAborted();
      }
      const record: EpochRecord = { epoch: state.epoch + 1, loss: state.lossSum / state.weightSum, seconds: 0 };
      if (settings.validation && (record.epoch % settings.validateEvery === 0 || record.epoch === epochs)) {
        record.validation = await validate();
        progress('validate', record.validation);
        await run.best?.offer(record.epoch, record.validation[run.best.key] as number, parameters);
      }
      record.seconds = (performance.now() - began) / 1000;
      state = { ...state, epoch: record.epoch, step: 0, lossSum: 0, weightSum: 0, records: [...state.records, record] };
      if (checkpoint && (state.epoch % (checkpoint.everyEpochs ?? 1) === 0 || state.epoch === epochs)) await store();
    }
    run.best?.restore(parameters);
    return fitReport(state.records, secondsBefore(), run.best);
  } catch (error) {
    // An abort loses nothing: the work since the last checkpoint is stored before the promise rejects.
    if (signal?.aborted) await store();
    throw error;
  } finally {
    run.optimizer.dispose();
  }
}

function readSettings(options: FitOptions) {
  const { validation, earlyStopping, checkpoint, signal, onProgress } = options;
  const positive = { min: 1, integer: true };
  if (earlyStopping && !validation) {
    throw new Error('earlyStopping needs validation: pass the validation part of a split.');
  }
  if (checkpoint && checkpoint.file === undefined && !checkpoint.write) {
    throw new Error('checkpoint needs a file or a write function.');
  }
  if (checkpoint?.everyEpochs !== undefined) checkNumber('checkpoint.everyEpochs', checkpoint.everyEpochs, positive);
  if (checkpoint?.everySteps !== undefined) checkNumber('checkpoint.everySteps', checkpoint.everySteps, positive);
  const metrics = [...(options.metrics ?? (earlyStopping ? [] : [ndcg(10)]))];
  if (earlyStopping && !metrics.some(({ key }) => key === earlyStopping.metric.key)) metrics.push(earlyStopping.metric);
  return {
    objective: options.objective ?? nextItem(),
    loss: options.loss ?? crossEntropy(),
    optimizer: options.optimizer ?? adam(),
    epochs: checkNumber('epochs', options.epochs ?? 20, positive),
    batchSize: checkNumber('batchSize', options.batchSize ?? 128, positive),
    seed: options.seed ?? 42,
    clipNorm: checkNumber('clipNorm', options.clipNorm ?? Infinity, { above: 0 }),
    trainable: options.trainable ?? (() => true),
    validateEvery: checkNumber('validateEvery', options.validateEvery ?? 1, positive),
    excludeSeen: options.excludeSeen ?? true,
    resume: options.resume ?? false,
    metrics,
    validation,
    earlyStopping,
    checkpoint,
    signal,
    onProgress,
  };
}

/** What must not differ between a run and its continuation. `epochs` may: a finished run can be prolonged. */
function fingerprint(settings: ReturnType<typeof readSettings>, model: Trainable, data: Interactions, paths: string[]) {
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

/** Whether `rows` is 0 … length-1, all rows in order: then states need no gathering. */
function isRange(rows: Int32Array, length: number): boolean {
  return rows.length === length && rows.every((row, i) => row === i);
}

function tensorsOf(gradients: ReadonlyMap<string, Gradient>): tf.Tensor[] {
  return [...gradients.values()].map((gradient) => (gradient instanceof tf.Tensor ? gradient : gradient.values));
}

function fitReport(epochs: EpochRecord[], seconds: number, best: BestWeights | undefined): FitReport {
  const stopped = best?.exhausted ? 'earlyStopping' : 'epochs';
  const chosen = best && best.epoch > 0 ? { epoch: best.epoch, metric: best.key, value: best.value } : undefined;
  return {
    epochs,
    seconds,
    stopped,
    best: chosen,
    toString() {
      const last = epochs.at(-1);
      const end = stopped === 'epochs' ? 'all epochs done' : 'validation no longer improved';
      const line = `${epochs.length} epochs in ${seconds.toFixed(1)} s (${end}), loss ${last?.loss.toFixed(4)}`;
      return chosen ? `${line}, best ${chosen.metric} ${chosen.value.toFixed(4)} after epoch ${chosen.epoch}` : line;
    },
  };
}
