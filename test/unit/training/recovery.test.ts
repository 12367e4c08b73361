/** Runs whose device is lost, on a stand-in for a GPU: the plain-JavaScript backend, whose reads fail from then on. */
import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import {
  type CheckpointOptions,
  crossEntropy,
  DeviceLostError,
  type FitOptions,
  type FitRecovery,
  GRU4Rec,
  Interactions,
  leaveLastOut,
  ndcg,
  ready,
  SASRec,
  sessionParallel,
} from 'seqrec';
import { beforeEach, expect, test, vi } from 'vitest';
import { type Candidate, type Device, setAutomatic } from '../../../src/backend/select.ts';

class Gpu extends MathBackendCPU implements Device {
  lost: DeviceLostError | undefined;
  #untold: DeviceLostError | undefined;

  lose(): void {
    this.lost = new DeviceLostError('The device was lost (a test).');
    this.#untold = this.lost;
  }
  takeProblem() {
    const taken = this.#untold;
    this.#untold = undefined;
    return taken;
  }
  #check() {
    if (this.lost) throw this.takeProblem() ?? this.lost;
  }
  override async read(id: object) {
    this.#check();
    return super.read(id);
  }
  override readSync(id: object) {
    this.#check();
    return super.readSync(id);
  }
}

let gpus: Gpu[];
/** How many devices there are before the adapter is gone. */
let available: number;
let whenMade: (gpu: Gpu) => void;

function candidate(name: Candidate['name'], backend: string, make: () => Gpu | MathBackendCPU): Candidate {
  return {
    name,
    backend,
    async load() {
      const made = make();
      Object.assign(made, { firstUse: false }); // no advice to install tfjs-node
      if (tf.getKernelsForBackend(backend).length === 0) tf.copyRegisteredKernels('cpu', backend);
      tf.registerBackend(backend, () => made);
      return { device: made instanceof Gpu ? made : undefined };
    },
  };
}

const gpu = candidate('webgpu', 'gpu', () => {
  if (gpus.length >= available) throw new Error('There is no adapter.');
  const made = new Gpu();
  gpus.push(made);
  whenMade(made);
  return made;
});
const other = candidate('wasm', 'other', () => new MathBackendCPU());

beforeEach(() => {
  for (const name of tf.engine().backendNames()) tf.removeBackend(name);
  [gpus, available, whenMade] = [[], Infinity, () => {}];
  setAutomatic({ wanted: () => undefined, order: () => [gpu, other] });
});

const lose = () => gpus.at(-1)?.lose();

const log = Interactions.from(
  Array.from({ length: 120 }, (_, i) => ({ user: i % 12, item: `i${(i % 12) + Math.floor(i / 12)}`, time: i })),
);
const { train, validation } = leaveLastOut(log);
const make = () => new SASRec({ items: log.items, maxLength: 8, dim: 8, layers: 1, dropout: 0.3 });
/** Two steps an epoch. */
const settings: FitOptions = { epochs: 4, batchSize: 6, seed: 1 };
const stopping = { ...settings, validation, earlyStopping: { metric: ndcg(10), patience: 9 } };

async function outcome(model: SASRec | GRU4Rec) {
  const weights = await Promise.all([...model.parameters().values()].map((parameter) => parameter.data()));
  return { weights, next: await model.recommend(['i3', 'i4'], { k: 5 }) };
}

async function undisturbed(model: SASRec | GRU4Rec, options: FitOptions) {
  await model.fit(train, options);
  return outcome(model);
}

/** A run in which the device is lost after some calls of `onProgress`, counted over the whole run. */
async function disturbed(model: SASRec | GRU4Rec, options: FitOptions, ...when: number[]) {
  const events: FitRecovery[] = [];
  let calls = 0;
  const report = await model.fit(train, {
    ...options,
    onProgress: () => void (when.includes(++calls) && lose()),
    onRecovery: (event) => void events.push(event),
  });
  expect(report.recoveries).toEqual(events);
  return { report, events };
}

test('the run goes on with a new device and ends as if nothing had been', async () => {
  const whole = make();
  const plain = await whole.fit(train, settings);
  const expected = await outcome(whole);
  expect(plain.recoveries).toEqual([]);
  whole.dispose();
  await ready();
  const before = tf.memory().numTensors;
  const model = make();
  const { report, events } = await disturbed(model, settings, 5);
  expect(events).toEqual([{ cause: 'The device was lost (a test).', from: 'gpu', to: 'gpu', epoch: 1, step: 0 }]);
  expect(gpus).toHaveLength(2);
  expect(report.epochs.map(({ loss }) => loss)).toEqual(plain.epochs.map(({ loss }) => loss));
  expect(String(report)).toContain('\nlost gpu, went on with gpu from step 0 of epoch 1');
  expect(await outcome(model)).toEqual(expected);
  model.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

test('it goes on from the last checkpoint, and from any state once enough was done', async () => {
  const expected = await undisturbed(make(), settings);
  const checkpoint: CheckpointOptions = { write: () => {}, everySteps: 1 };
  const model = make();
  const { events } = await disturbed(model, { ...settings, checkpoint }, 6, 8);
  expect(events.map(({ epoch, step }) => [epoch, step])).toEqual([
    [3, 1],
    [4, 0],
  ]);
  expect(await outcome(model)).toEqual(expected);

  let minutes = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => 60_000 * minutes);
  const slow = make();
  const later: FitRecovery[] = [];
  await slow.fit(train, {
    ...settings,
    onProgress: () => void (++minutes === 6 && lose()),
    onRecovery: (event) => void later.push(event),
  });
  clock.mockRestore();
  expect(later.map(({ epoch, step }) => [epoch, step])).toEqual([[3, 1]]);
  expect(await outcome(slow)).toEqual(expected);
});

test('without another device it goes on with the next backend', async () => {
  const expected = await undisturbed(make(), settings);
  available = 1 + gpus.length;
  tf.removeBackend('gpu');
  const model = make();
  const { events } = await disturbed(model, settings, 3);
  expect(events).toMatchObject([{ from: 'gpu', to: 'other' }]);
  expect((await ready()).refused).toEqual([{ backend: 'webgpu', why: 'There is no adapter.' }]);
  expect(await outcome(model)).toEqual(expected);
});

test('a loss in a validation, and one right after the last step', async () => {
  const whole = make();
  const plain = await whole.fit(train, stopping);
  const expected = await outcome(whole);
  const model = make();
  // Two steps and a validation an epoch: at 2 and 5 the validation finds the device lost, at 9 it is done.
  const { report } = await disturbed(model, stopping, 2, 9);
  expect(report.recoveries).toHaveLength(2);
  expect(report.best).toEqual(plain.best);
  expect(report.epochs.map(({ validation }) => validation)).toEqual(plain.epochs.map(({ validation }) => validation));
  expect(await outcome(model)).toEqual(expected);

  const last = make();
  expect((await disturbed(last, settings, 8)).events).toHaveLength(1);
  expect(await outcome(last)).toEqual(await undisturbed(make(), settings));
});

test('frozen parameters and states that go on from step to step are put back', async () => {
  const frozen: FitOptions = { ...settings, trainable: (path) => !path.startsWith('items') };
  const model = make();
  await disturbed(model, frozen, 5);
  expect(await outcome(model)).toEqual(await undisturbed(make(), frozen));

  const recurrent = () => new GRU4Rec({ items: log.items, hidden: 8 });
  const parallel: FitOptions = { ...settings, epochs: 1, objective: sessionParallel(), loss: crossEntropy() };
  const checkpoint: CheckpointOptions = { write: () => {}, everySteps: 2 };
  const second = recurrent();
  const { events } = await disturbed(second, { ...parallel, checkpoint }, 7);
  expect(events).toMatchObject([{ epoch: 1, step: 6 }]);
  expect(await outcome(second)).toEqual(await undisturbed(recurrent(), parallel));
});

test('a device that is lost again and again at one place ends the run, with its last state stored', async () => {
  let stored: Uint8Array | undefined;
  const checkpoint: CheckpointOptions = { write: (bytes) => void (stored = bytes) };
  let after = Infinity;
  const running = make().fit(train, {
    ...settings,
    checkpoint,
    onProgress: ({ epoch, step }) => {
      if (epoch !== 2 || step !== 1) return;
      after = Math.min(after, gpus.length);
      lose();
    },
  });
  await expect(running).rejects.toThrow(
    /^The device was lost 3 times without getting any further, so that fit gave up: use a smaller batchSize, .*\(a test\)\.$/,
  );
  await expect(running).rejects.toBeInstanceOf(DeviceLostError);
  expect(gpus.length - after).toBe(2);
  const resumed = make();
  const report = await resumed.fit(train, { ...settings, resume: stored as Uint8Array });
  expect(report.epochs).toHaveLength(4);
  expect(await outcome(resumed)).toEqual(await undisturbed(make(), settings));
});

test('a loss while a new device is taken, which then is the next one or the next backend', async () => {
  const expected = await undisturbed(make(), settings);
  // The second device passes its test and is lost before all weights are there.
  const model = make();
  const events: FitRecovery[] = [];
  let calls = 0;
  await model.fit(train, {
    ...settings,
    onProgress: () => {
      if (++calls !== 5) return;
      lose();
      vi.spyOn(model.items.weight, 'set').mockImplementationOnce(() => {
        lose();
        throw new Error('Follows from the loss.');
      });
    },
    onRecovery: (event) => void events.push(event),
  });
  expect(events.map(({ to }) => to)).toEqual(['gpu']);
  expect(gpus).toHaveLength(3);
  expect(await outcome(model)).toEqual(expected);
  // The one after it is lost in its own test, so it is refused.
  whenMade = (made) => made.lose();
  const third = make();
  const { events: other } = await disturbed(third, settings, 5);
  expect(other.map(({ to }) => to)).toEqual(['other']);
  expect(await outcome(third)).toEqual(expected);
});

test('an abort while the device is lost rejects with its reason, and the model can be used', async () => {
  const stop = new AbortController();
  let stored: Uint8Array | undefined;
  const model = make();
  const running = model.fit(train, {
    ...settings,
    signal: stop.signal,
    checkpoint: { write: (bytes) => void (stored = bytes) },
    onProgress: ({ epoch }) => void (epoch === 2 && !stop.signal.aborted && lose()),
    onRecovery: () => stop.abort(new Error('Enough.')),
  });
  await expect(running).rejects.toThrow('Enough.');
  expect(await model.recommend(['i3', 'i4'])).toHaveLength(10);
  const resumed = make();
  await resumed.fit(train, { ...settings, resume: stored as Uint8Array });
  expect(await outcome(resumed)).toEqual(await undisturbed(make(), settings));
});

test('what else goes wrong is what it was', async () => {
  const running = make().fit(train, {
    ...settings,
    onProgress: () => {
      throw new Error('Of the application.');
    },
  });
  await expect(running).rejects.toThrow(/^Of the application\.$/);
  const model = make();
  await model.fit(train, { ...settings, epochs: 1 });
  lose();
  await expect(model.recommend(['i3'])).rejects.toThrow('The device was lost');
  // On the new device the weights are missed, not taken for zeros.
  await expect(model.recommend(['i3'])).rejects.toThrow('The device was lost');
});
