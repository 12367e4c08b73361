import { Worker } from 'node:worker_threads';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import {
  bce,
  Caser,
  crossEntropy,
  type FitOptions,
  FOSSIL,
  FPMC,
  gbce,
  Interactions,
  inBatch,
  leaveLastOut,
  ndcg,
  popularity,
  ready,
  SASRec,
  type SequenceModel,
  SRGNN,
  sampledSoftmax,
  sgd,
  sparseAdam,
} from 'seqrec';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { Doubled, halved, Nowhere } from './doubled.ts';

/** Users who walk round a circle of 60 items with an occasional leap, in sequences of very different lengths. */
const rows = Array.from({ length: 45 }, (_, user) =>
  Array.from({ length: 3 + ((user * user) % 29) }, (_, t) => ({
    user,
    item: `i${(user * 5 + t + Number(t % 7 === 3)) % 60}`,
    time: t,
  })),
).flat();
const log = Interactions.from(rows);
const { train, validation } = leaveLastOut(log);
const size = { items: log.items, maxLength: 20, dim: 8, layers: 1, heads: 2, dropout: 0.3 };
// Not Adam, which makes whole steps of the rounding where a gradient is 0, as that of the biases of keys.
const settings: FitOptions = { epochs: 2, batchSize: 16, seed: 7, optimizer: sgd({ learningRate: 0.5 }) };

async function run(options: FitOptions, model: SequenceModel = new SASRec(size)) {
  const report = await model.fit(train, { ...settings, ...options });
  const weights: number[] = [];
  for (const parameter of model.parameters().values()) weights.push(...(await parameter.data()));
  model.dispose();
  return { report, weights, losses: report.epochs.map(({ loss }) => loss) };
}

function expectEqual(a: Awaited<ReturnType<typeof run>>, b: Awaited<ReturnType<typeof run>>): void {
  const furthest = (x: number[], y: number[]) =>
    Math.max(...x.map((value, i) => Math.abs(value - (y[i] as number)) / Math.max(1, Math.abs(value))));
  expect(furthest(a.losses, b.losses)).toBeLessThan(1e-6);
  expect(furthest(a.weights, b.weights)).toBeLessThan(1e-5);
}

/** The built worker, kept so that a test can hurt it. */
function worker(kept: Worker[] = []) {
  return () => {
    const made = new Worker(new URL('../../dist/worker.js', import.meta.url));
    kept.push(made);
    return made;
  };
}

afterEach(() => void vi.unstubAllGlobals());

describe.each(['wasm', 'cpu'])('workers on %s', (backend) => {
  beforeAll(async () => {
    await tf.setBackend(backend);
    await ready();
  });

  test.each([
    ['cross-entropy', { loss: crossEntropy() }],
    ['BCE', { loss: bce({ negatives: 2 }) }],
    ['gBCE, clipped', { loss: gbce({ negatives: 4 }), clipNorm: 0.5 }],
    ['sampled softmax', { loss: sampledSoftmax({ negatives: 5, sampler: popularity() }) }],
    ['shared negatives', { loss: sampledSoftmax({ negatives: 5, sampler: popularity({ shared: true }) }) }],
    ['in-batch negatives', { loss: sampledSoftmax({ sampler: inBatch() }) }],
    ['row gradients', { loss: bce(), trainable: (path: string) => path.startsWith('items'), optimizer: sparseAdam() }],
    ['some frozen', { trainable: (path: string) => !path.startsWith('items') }],
  ] as [string, FitOptions][])('train as one thread does: %s', async (_name, options) => {
    const alone = await run(options);
    expect(alone.report).toMatchObject({ threads: 1, alone: undefined });
    const two = await run({ ...options, workers: 2 });
    expect(two.report).toMatchObject({ threads: 2, alone: undefined });
    expectEqual(two, alone);
  });

  test.each([
    ['Caser with users', () => new Caser({ items: log.items, users: train.users, maxLength: 4, dim: 8 })],
    ['FOSSIL with users', () => new FOSSIL({ items: log.items, users: train.users, maxLength: 6, dim: 8 })],
    ['FPMC with users', () => new FPMC({ items: log.items, users: train.users, maxLength: 6, dim: 8 })],
    ['SR-GNN', () => new SRGNN({ items: log.items, maxLength: 6, dim: 8 })],
  ])('train as one thread does: %s', async (_name, make) => {
    expectEqual(await run({ workers: 2 }, make()), await run({}, make()));
  });
});

describe('workers', () => {
  beforeAll(async () => void (await tf.setBackend('wasm')));

  test('one seed and one number of threads give one run to the last bit', async () => {
    const first = await run({ workers: 3, loss: bce() });
    const again = await run({ workers: 3, loss: bce() });
    expect(again.weights).toEqual(first.weights);
    expect(first.report.threads).toBe(3);
    expectEqual(first, await run({ loss: bce() }));
  });

  test('may be more than the sequences of a step', async () => {
    expectEqual(await run({ workers: 4, batchSize: 2, epochs: 1 }), await run({ batchSize: 2, epochs: 1 }));
  });

  test('import classes and parts of the application from their module', async () => {
    const options = { loss: halved() };
    const two = await run({ ...options, workers: 2 }, new Doubled(size));
    expect(two.report).toMatchObject({ threads: 2, alone: undefined });
    expectEqual(two, await run(options, new Doubled(size)));
  });

  test('are not used for what they cannot make again, and the report says why', async () => {
    const { report } = await run({ workers: 2 }, new Nowhere(size));
    expect(report.threads).toBe(1);
    expect(report.alone).toMatch(/the model Nowhere is unknown .* declare 'static readonly module/);
    expect(String(report)).toContain(`on one thread, because ${report.alone}`);

    const { forward } = crossEntropy();
    const tampered = {
      ...crossEntropy(),
      forward: (...args: Parameters<typeof forward>) => tf.mul(forward(...args), 3) as tf.Scalar,
    };
    expect((await run({ workers: 2, loss: tampered })).report.alone).toMatch(/has the loss .* where here it is/);
    expect((await run({ workers: 2, loss: { ...crossEntropy(), name: 'mine' } })).report.alone).toMatch(
      /'mine' is not known/,
    );
    expect((await run({ workers: 2, loss: { ...crossEntropy(), coupled: true } })).report.alone).toMatch(/not split/);
  });

  test('are not used without shared memory, and the report says what to do', async () => {
    vi.stubGlobal('SharedArrayBuffer', undefined);
    const { report } = await run({ workers: 2 });
    expect(report.threads).toBe(1);
    expect(report.alone).toMatch(/Cross-Origin-Opener-Policy: same-origin/);
  });

  test('that cannot start leave the work to one thread', async () => {
    const create = () => new Worker("throw new Error('no luck')", { eval: true });
    const { report } = await run({ workers: { count: 2, create } });
    expect(report.threads).toBe(1);
    expect(report.alone).toBe('training worker 1 stopped: no luck');
    const nothing = { count: 2, create: () => ({}) as Worker };
    expect((await run({ workers: nothing })).report.alone).toMatch(/^workers.create must return a worker .* got/);
  });

  test('a worker that dies in the middle of a run is an error, not a hang', async () => {
    const kept: Worker[] = [];
    const before = tf.memory().numTensors;
    const model = new SASRec(size);
    const fitted = model.fit(train, {
      ...settings,
      epochs: 1000,
      workers: { count: 3, create: worker(kept) },
      onProgress: ({ epoch, threads }) => {
        expect(threads).toBe(3);
        if (epoch === 2) void kept[1]?.terminate();
      },
    });
    await expect(fitted).rejects.toThrow('training worker 2 stopped: it ended with code 1');
    await expect(Promise.all(kept.map(ended))).resolves.toHaveLength(2);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('stop when the run is aborted, and a resumed run ends as one that was not', async () => {
    const options: FitOptions = { workers: 2, validation, metrics: [ndcg(5)] };
    const whole = await run(options);
    const kept: Worker[] = [];
    const abort = new AbortController();
    let saved: Uint8Array | undefined;
    const checkpoint = { write: (bytes: Uint8Array) => void (saved = bytes) };
    let steps = 0;
    const onProgress = () => void (++steps === 4 && abort.abort(new Error('enough')));
    const workers = { count: 2, create: worker(kept) };
    await expect(run({ ...options, workers, checkpoint, signal: abort.signal, onProgress })).rejects.toThrow('enough');
    await expect(Promise.all(kept.map(ended))).resolves.toHaveLength(1);
    expect((await run({ ...options, resume: saved as unknown as Uint8Array })).weights).toEqual(whole.weights);
  });

  test('leave no tensor', async () => {
    await run({ workers: 2 });
    const before = tf.memory().numTensors;
    await run({ workers: 2 });
    expect(tf.memory().numTensors).toBe(before);
  });

  test('a number that makes no sense is refused', async () => {
    await expect(run({ workers: 0 })).rejects.toThrow('workers must be');
    await expect(run({ workers: { count: 1.5 } })).rejects.toThrow('workers must be');
    await expect(run({ workers: '2' as unknown as number })).rejects.toThrow("got '2'");
  });
});

/** Resolves when the worker has ended. */
function ended(worker: Worker): Promise<unknown> {
  return worker.threadId === -1 ? Promise.resolve() : new Promise((resolve) => worker.once('exit', resolve));
}
