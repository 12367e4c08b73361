/** The workers of a run, as the thread that called `fit` sees them. */
import { backendInfo } from '../../backend/select.ts';
import { type WasmOptions, wasmOptions } from '../../backend/wasm-options.ts';
import { isPart, type PartJson, partsToJson } from '../../core/part.ts';
import { range } from '../../core/ragged.ts';
import type { Examples } from '../../data/examples.ts';
import type { GradientSums } from '../../ops/gradients.ts';
import type { RunParts } from '../checkpoint.ts';
import type { FitSettings } from '../fit-options.ts';
import { lossOf } from '../passes.ts';
import type { Questions, StepPlace } from '../questions.ts';
import type { Trainable } from '../trainable.ts';
import { addGradients, DONE, type SharedRun, shareRun, TURN, writePlace, writeWeights } from './exchange.ts';
import { startThread, type Thread, type WorkerLike, whyNoThreads } from './thread.ts';

/** What a worker is told first. */
export interface WorkerOrder {
  /** From 1; 0 is the thread that called `fit`. */
  readonly index: number;
  readonly threads: number;
  readonly backend: string;
  readonly wasm: WasmOptions;
  /** The model as a file, from which it is made again. */
  readonly model: Uint8Array;
  readonly modelName: string;
  /** Modules that export classes and parts that are not of this library. */
  readonly modules: readonly string[];
  readonly loss: PartJson;
  readonly objective: PartJson;
  readonly seed: number;
  /** The paths of the parameters that are trained. */
  readonly trained: readonly string[];
  readonly shared: SharedRun;
  /** A small step, whose loss tells whether the worker made the same model. */
  readonly probe: StepPlace;
}

/** What a worker answers: that it is ready, with the loss of the probe, or why it cannot go on. */
export type WorkerAnswer = { readonly loss: number } | { readonly error: string };

/** Workers at work on the steps of one run, together with this thread. */
export interface Team {
  /** Threads, this one included. */
  readonly size: number;
  /** Sends the weights and the step to all workers. */
  begin(place: StepPlace): Promise<void>;
  /** Waits for all workers, adds their gradients to `sums` in their order and resolves to the sum of their losses. */
  finish(sums: GradientSums): Promise<number>;
  stop(): void;
}

/**
 * Starts the workers that `settings.workers` asks for.
 *
 * @returns the team, or the reason why this thread works alone
 */
export async function startTeam(
  model: Trainable,
  examples: Examples,
  settings: FitSettings,
  parameters: RunParts['parameters'],
  ask: (place: StepPlace) => Questions,
): Promise<Team | string> {
  const why = whyAlone(model, settings);
  if (why) return why;
  const team = new WorkerTeam(parameters);
  try {
    const order = await orderFor(model, examples, settings, parameters);
    const answers = await team.start(order, settings.workers.create);
    const probe = lossOf(model, settings.loss, ask(order.probe));
    const [expected] = (await probe.data()) as unknown as [number];
    probe.dispose();
    const other = answers.find((loss) => !(Math.abs(loss - expected) <= 1e-5 * Math.abs(expected)));
    if (other === undefined) return team;
    throw new Error(
      `made again from its name and options, the model has the loss ${other} where here it is ${expected}: classes and parts of the application must do what their 'module' exports under their names`,
    );
  } catch (error) {
    team.stop();
    return (error as Error).message;
  }
}

class WorkerTeam implements Team {
  readonly #parameters: RunParts['parameters'];
  readonly #threads: Thread[] = [];
  #shared!: SharedRun;
  #fail: (error: Error) => void = () => {};
  readonly #failure = new Promise<never>((_, reject) => {
    this.#fail = reject;
  });

  constructor(parameters: RunParts['parameters']) {
    this.#parameters = parameters;
    this.#failure.catch(() => {}); // whoever waits hears of it; nobody may be waiting when it comes
  }

  get size(): number {
    return this.#threads.length + 1;
  }

  /** Resolves to the losses of the probe when all workers are ready. */
  async start(order: Omit<WorkerOrder, 'index'>, create?: () => WorkerLike): Promise<number[]> {
    this.#shared = order.shared;
    const ready = Array.from({ length: order.threads - 1 }, (_, i) =>
      this.#startThread({ ...order, index: i + 1 }, create),
    );
    return Promise.race([this.#failure, Promise.all(ready)]);
  }

  #startThread(order: WorkerOrder, create?: () => WorkerLike): Promise<number> {
    const fail = (reason: string) => this.#fail(new Error(`training worker ${order.index} stopped: ${reason}`));
    return new Promise((resolve) => {
      const message = (answer: unknown) => {
        if ('error' in (answer as WorkerAnswer)) fail((answer as { error: string }).error);
        else resolve((answer as { loss: number }).loss);
      };
      const thread = startThread({ message, end: fail }, create);
      this.#threads.push(thread);
      thread.post(order);
    });
  }

  async begin(place: StepPlace): Promise<void> {
    const { control } = this.#shared;
    await writeWeights(this.#shared, this.#parameters);
    writePlace(this.#shared, place);
    Atomics.store(control, DONE, 0);
    Atomics.add(control, TURN, 1);
    Atomics.notify(control, TURN);
  }

  async finish(sums: GradientSums): Promise<number> {
    await Promise.race([this.#failure, done(this.#shared.control, this.#threads.length)]);
    for (const gradients of this.#shared.gradients) addGradients(gradients, sums, this.#parameters);
    return this.#shared.losses.reduce((sum, loss) => sum + loss, 0);
  }

  stop(): void {
    for (const thread of this.#threads) thread.stop();
  }
}

async function orderFor(
  model: Trainable,
  { sequences, count }: Examples,
  { loss, objective, seed, batchSize, workers }: FitSettings,
  parameters: RunParts['parameters'],
): Promise<Omit<WorkerOrder, 'index'>> {
  return {
    threads: workers.count,
    backend: backendInfo()?.name as string,
    wasm: wasmOptions(),
    model: (await model.save?.()) as Uint8Array,
    modelName: (model.constructor as { modelName?: string }).modelName ?? '',
    modules: [...modulesOf([model.constructor, model.config(), loss, objective])],
    loss: partsToJson(loss) as PartJson,
    objective: partsToJson(objective) as PartJson,
    seed,
    trained: [...parameters.keys()],
    shared: shareRun(parameters, sequences, batchSize, workers.count),
    probe: { epoch: 0, step: 0, steps: 1, which: range(Math.min(count, PROBE_EXAMPLES)) },
  };
}

/** Examples of the probe. */
const PROBE_EXAMPLES = 4;

function whyAlone(model: Trainable, { loss, objective }: FitSettings): string | undefined {
  if (objective.steps && model.encodeFrom) return `the steps of ${objective.name} go on from each other's states`;
  if (loss.coupled) return `the loss ${loss.name} compares states with each other, so that its steps are not split`;
  const name = backendInfo()?.name;
  if (name !== 'wasm' && name !== 'cpu') return `the backend ${name} computes on threads or processors of its own`;
  if (!model.save) return 'the model cannot be saved, and so not be made again in a worker';
  return whyNoThreads();
}

/** The modules that classes and parts in `value` say they are exported by. */
function modulesOf(value: unknown, found = new Set<string>()): Set<string> {
  const { module } = (value ?? {}) as { module?: unknown };
  if (typeof module === 'string') found.add(module);
  if (isPart(value)) modulesOf(Object.values(value.options), found);
  else if (Array.isArray(value)) for (const entry of value) modulesOf(entry, found);
  else if (value !== null && typeof value === 'object') modulesOf(Object.values(value), found);
  return found;
}

/** How long to look again and again before giving the event loop a turn. */
const SPIN_MS = 0.5;

/** Resolves when all `count` workers are done with their turn. */
async function done(control: Int32Array, count: number): Promise<void> {
  const until = performance.now() + SPIN_MS;
  while (performance.now() < until) if (Atomics.load(control, DONE) === count) return;
  for (;;) {
    const now = Atomics.load(control, DONE);
    if (now === count) return;
    await change(control, now);
  }
}

interface WaitAsync {
  waitAsync?(words: Int32Array, index: number, value: number): { async: boolean; value: unknown };
}

/** Resolves when the number of workers that are done is no longer `value`, or may not be. */
async function change(control: Int32Array, value: number): Promise<void> {
  const { waitAsync } = Atomics as WaitAsync;
  if (waitAsync) await waitAsync.call(Atomics, control, DONE, value).value;
  else await new Promise((resolve) => setTimeout(resolve, 0));
}
