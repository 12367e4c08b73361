/** `fit`: trains a network on sequences. */
import { ready } from '../backend/select.ts';
import { pauser } from '../core/pause.ts';
import { Rng } from '../core/rng.ts';
import { Examples } from '../data/examples.ts';
import type { Holdout } from '../data/holdout.ts';
import { checkTraining, type Interactions } from '../data/interactions.ts';
import { checkMeasurable, evaluate, sortMetrics } from '../evaluation/evaluate.ts';
import { CarriedStates } from './carried-states.ts';
import {
  encodeCheckpoint,
  type RunParts,
  type RunState,
  restoreCheckpoint,
  resumeBytes,
  storeCheckpoint,
} from './checkpoint.ts';
import { BestWeights } from './early-stopping.ts';
import { type FitOptions, fingerprint, readSettings } from './fit-options.ts';
import { type EpochRecord, type FitReport, fitReport } from './fit-report.ts';
import { type FitProgress, SpeedMeter } from './progress.ts';
import { questioner } from './questions.ts';
import { type FitRecovery, Recovery } from './recovery.ts';
import { stepper } from './step.ts';
import type { Trainable } from './trainable.ts';
import { truncationWarning } from './truncation.ts';
import { startTeam } from './workers/team.ts';

/**
 * Trains `model` on `data`. A model that has values continues from them; one that has none is initialised from `seed`; one
 * that was disposed of is refused.
 *
 * The loss of a step is the weighted sum over its targets divided by their total weight. The same seed gives the same
 * run to the bit on one machine and backend. A loss or gradient that is not finite rejects with a
 * {@link NonFiniteError} before it reaches the weights.
 */
export async function fit(model: Trainable, data: Interactions, options: FitOptions = {}): Promise<FitReport> {
  const settings = readSettings(options, model.defaults);
  const { seed, epochs, batchSize, optimizer, checkpoint, signal, onProgress, onWarning, onRecovery, earlyStopping } =
    settings;
  signal?.throwIfAborted();
  checkTraining(data, model.catalog);
  if (settings.validation) {
    checkMeasurable(model, settings.validation);
    sortMetrics(settings.metrics);
  }
  await ready();
  await import('../backend/gradients.ts');
  // A model that was disposed of while this waited must not be trained from its beginning.
  for (const parameter of model.parameters().values()) parameter.requireKept();
  model.init(seed);

  const parameters = new Map([...model.parameters()].filter(([path]) => settings.trainable(path)));
  if (parameters.size === 0) throw new Error('trainable leaves no parameter to train.');
  const root = new Rng(seed).fork('fit');
  const { maxLength } = model;
  const examples = new Examples(data.sequences, { maxLength, rule: settings.objective.examples });
  const fixed = settings.objective.steps && [...settings.objective.steps(examples, batchSize)];
  const steps = fixed?.length ?? Math.ceil(examples.count / batchSize);

  const warning = truncationWarning(examples, settings.objective);
  const warnings = warning ? [warning] : [];
  for (const each of warnings) onWarning?.(each);

  const run: RunParts = {
    parameters,
    optimizer: optimizer.start(parameters),
    best: earlyStopping && new BestWeights(earlyStopping),
    carried: settings.objective.steps && model.encodeFrom && new CarriedStates(examples),
    fingerprint: fingerprint(settings, model, data, [...parameters.keys()]),
  };
  const ask = questioner(model, examples, settings, root);
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
      threads,
      ...speed.read((epochs - state.epoch) * steps - state.step),
      validation,
    });
  };
  const secondsSoFar = () => state.seconds + speed.seconds;
  const encode = () => encodeCheckpoint({ ...state, seconds: secondsSoFar() }, run);

  const validate = async () => {
    const report = await evaluate(model, settings.validation as Holdout, {
      metrics: settings.metrics,
      excludeSeen: settings.excludeSeen,
      signal,
    });
    return { ...report.metrics } as Record<string, number>;
  };

  // Before the try: a checkpoint that cannot be read must not be replaced by the state of a run that never began.
  const bytes = await resumeBytes(settings.resume, checkpoint);
  if (bytes) state = restoreCheckpoint(bytes, run);
  const team = settings.workers.count > 1 ? await startTeam(model, examples, settings, parameters, ask) : undefined;
  const [hands, alone] = typeof team === 'string' ? [undefined, team] : [team, undefined];
  const threads = hands?.size ?? 1;
  const step = stepper(model, settings, ask, run, hands);
  const recovery = await Recovery.start(model, run, encode);
  const store = async () => {
    const good = await recovery.keep(encode);
    if (checkpoint) await storeCheckpoint(good, checkpoint);
  };

  const train = async () => {
    while (state.epoch < epochs && !run.best?.exhausted) {
      const began = performance.now();
      const order = fixed ?? examples.batches(batchSize, root.fork('order').fork(state.epoch));
      for (const which of order.slice(state.step)) {
        const [meanLoss, weight] = await step({ epoch: state.epoch, step: state.step, steps, which });
        state.lossSum += meanLoss * weight;
        state.weightSum += weight;
        state.step++;
        speed.add(which.length, weight);
        progress('train');
        if (checkpoint?.everySteps && state.step % checkpoint.everySteps === 0 && state.step < steps) await store();
        else if (recovery.due) await recovery.keep(encode);
        await breathe();
        signal?.throwIfAborted();
      }
      run.carried?.clear();
      if (state.weightSum === 0) {
        throw new Error(
          `${settings.objective.name} asked for nothing in epoch ${state.epoch + 1}: every target must not be hidden or weigh 0.`,
        );
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
    await recovery.settle();
  };

  try {
    let done = false;
    while (!done) {
      done = await train().then(
        () => true,
        async (error) => {
          // A validation counts as a step.
          const stood = await recovery.recover(error, state.epoch * (steps + 1) + state.step);
          state = { ...stood, seconds: state.seconds };
          onRecovery?.(recovery.events.at(-1) as FitRecovery);
          signal?.throwIfAborted();
          return false;
        },
      );
    }
    run.best?.restore(parameters);
    return fitReport(state.records, secondsSoFar(), run.best, {
      threads,
      alone,
      warnings,
      recoveries: recovery.events,
    });
  } catch (error) {
    // Neither an abort nor a device that none replaces loses the work since the last checkpoint.
    if (checkpoint && recovery.stranded && recovery.good) await storeCheckpoint(recovery.good, checkpoint);
    else if (checkpoint && signal?.aborted) await store();
    throw error;
  } finally {
    hands?.stop();
    run.optimizer.dispose();
    run.carried?.clear();
  }
}
