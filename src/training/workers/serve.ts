/** The work of one worker: the same passes as in the thread that called `fit`, over its own parts of every step. */
import { ready } from '../../backend/select.ts';
import { type PartSource, partsFromJson } from '../../core/part.ts';
import { Rng } from '../../core/rng.ts';
import { Examples } from '../../data/examples.ts';
import type { Loss } from '../../losses/loss.ts';
import { GradientSums } from '../../ops/gradients.ts';
import type { Objective } from '../objectives/objective.ts';
import { lossOf, passes } from '../passes.ts';
import { questioner } from '../questions.ts';
import type { Trainable } from '../trainable.ts';
import { DONE, readPlace, readWeights, sequencesOf, TURN, writeGradients } from './exchange.ts';
import type { WorkerOrder } from './team.ts';

/** A class that makes a model from a file. */
interface Loadable {
  readonly modelName: string;
  load(file: Uint8Array, options: { parts: object }): Promise<Trainable>;
}

/**
 * Makes the model and its parts again and computes turn after turn, until the thread is stopped.
 *
 * @param library the exports of this library, where classes and parts are found by name
 * @param started called once before the first turn, with the loss of the order's probe
 */
export async function serve(order: WorkerOrder, library: object, started: (loss: number) => void): Promise<never> {
  await ready();
  await import('../../backend/gradients.ts');
  const others = await Promise.all(
    order.modules.map((url) => import(/* @vite-ignore */ /* webpackIgnore: true */ url)),
  );
  const exported: { [name: string]: unknown } = Object.assign({}, library, ...others);
  const { model, parameters } = await makeModel(order, exported);
  const sources = exported as { [name: string]: PartSource };
  const loss = partsFromJson(order.loss, sources) as Loss;
  const objective = partsFromJson(order.objective, sources) as Objective;
  const { shared, index, threads } = order;
  const root = new Rng(order.seed).fork('fit');
  const examples = new Examples(sequencesOf(shared), { maxLength: model.maxLength, rule: objective.examples });
  const ask = questioner(model, examples, { loss, objective }, root);
  const probe = lossOf(model, loss, ask(order.probe));
  started((await probe.data())[0] as number);
  probe.dispose();
  for (let turn = 0; ; turn++) {
    Atomics.wait(shared.control, TURN, turn);
    readWeights(shared, parameters);
    using sums = new GradientSums(parameters);
    const value = passes(model, loss, ask(readPlace(shared)), sums, { index, count: threads });
    const gradients = sums.take();
    await writeGradients(shared.gradients[index - 1] as (typeof shared.gradients)[number], gradients, parameters);
    shared.losses[index] = (await value.data())[0] as number;
    value.dispose();
    for (const gradient of gradients.values()) ('rows' in gradient ? gradient.values : gradient).dispose();
    Atomics.add(shared.control, DONE, 1);
    Atomics.notify(shared.control, DONE);
  }
}

async function makeModel({ model: file, modelName, trained }: WorkerOrder, exported: { [name: string]: unknown }) {
  const found = Object.values(exported).find(
    (value): value is Loadable => typeof value === 'function' && (value as Partial<Loadable>).modelName === modelName,
  );
  if (!found) {
    throw new Error(
      `the class of the model ${modelName} is unknown there: declare 'static readonly module = import.meta.url' in it and export it`,
    );
  }
  const model = await found.load(file, { parts: exported });
  const all = model.parameters();
  return {
    model,
    parameters: new Map(trained.map((path) => [path, all.get(path) as NonNullable<ReturnType<typeof all.get>>])),
  };
}
