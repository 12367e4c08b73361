import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import {
  adam,
  adamW,
  bce,
  type FitOptions,
  type FitProgress,
  gbce,
  Interactions,
  inBatch,
  type Loss,
  leaveLastOut,
  NonFiniteError,
  ndcg,
  nextItem,
  popularity,
  SASRec,
  sampledSoftmax,
  uniform,
} from 'seqrec';
import { beforeAll, describe, expect, test } from 'vitest';
import { backends, use } from '../../support/backends.ts';

/** Users who walk round a circle of 12 items, so that the next item is certain. */
const rows = Array.from({ length: 40 }, (_, user) =>
  Array.from({ length: 3 + (user % 7) }, (_, t) => ({ user, item: `i${(user * 5 + t) % 12}`, time: t })),
).flat();
const log = Interactions.from(rows);
const { train, validation, test: held } = leaveLastOut(log);

const make = (options: Partial<ConstructorParameters<typeof SASRec>[0]> = {}) =>
  new SASRec({ items: log.items, maxLength: 6, dim: 8, layers: 1, dropout: 0.3, ...options });
const settings: FitOptions = { epochs: 3, batchSize: 16, seed: 7, optimizer: adam({ learningRate: 0.01 }) };

async function weights(model: SASRec): Promise<Record<string, number[]>> {
  const out: Record<string, number[]> = {};
  for (const [path, parameter] of model.parameters()) out[path] = [...(await parameter.data())];
  return out;
}

describe.each(backends)('fit on %s', (backend) => {
  beforeAll(() => use(backend));

  test('learns what is certain', async () => {
    using model = make({ dropout: 0 });
    const report = await model.fit(train, { ...settings, epochs: 40 });
    expect(report.epochs.at(-1)?.loss).toBeLessThan(0.3);
    expect(report.epochs).toHaveLength(40);
    expect(report.stopped).toBe('epochs');
    expect(String(report)).toMatch(/^40 epochs in \d+\.\d s \(all epochs done\), loss 0\.\d+$/);
    const [first] = await model.recommend(['i3', 'i4'], { k: 1 });
    expect(first?.item).toBe('i5');
  });

  test('one seed gives one run to the last bit, another seed another', async () => {
    const run = async (seed: number) => {
      using model = make();
      const { epochs } = await model.fit(train, { ...settings, seed, loss: bce({ negatives: 2 }) });
      return { losses: epochs.map(({ loss }) => loss), weights: await weights(model) };
    };
    const first = await run(7);
    expect(await run(7)).toEqual(first);
    expect((await run(8)).losses).not.toEqual(first.losses);
  });

  test.each([
    ['cross-entropy and Adam', {}],
    ['gBCE and AdamW', { loss: gbce({ negatives: 4, sampler: uniform() }), optimizer: adamW() }],
    ['sampled softmax', { loss: sampledSoftmax({ negatives: 5, sampler: popularity({ alpha: 0.5 }) }), clipNorm: 1 }],
    ['in-batch negatives', { loss: sampledSoftmax({ sampler: inBatch() }) }],
  ] as [string, FitOptions][])('interrupted and resumed equals uninterrupted: %s', async (_name, more) => {
    const options = { ...settings, ...more };
    using whole = make();
    const expected = await whole.fit(train, options);
    for (const stopAt of [1, 4, 6]) {
      const abort = new AbortController();
      let saved: Uint8Array | undefined;
      let steps = 0;
      using half = make();
      const interrupted = half.fit(train, {
        ...options,
        signal: abort.signal,
        checkpoint: { write: (bytes) => void (saved = bytes.slice()) },
        onProgress: () => ++steps === stopAt && abort.abort(new Error('enough')),
      });
      await expect(interrupted).rejects.toThrow('enough');
      using rest = make();
      const report = await rest.fit(train, { ...options, resume: saved as Uint8Array });
      expect(await weights(rest)).toEqual(await weights(whole));
      expect(report.epochs.map(({ loss }) => loss)).toEqual(expected.epochs.map(({ loss }) => loss));
    }
  });

  test('leaves only the parameters behind', async () => {
    const before = tf.memory().numTensors;
    const model = make();
    await model.fit(train, { ...settings, validation, earlyStopping: { metric: ndcg(5) } });
    expect(tf.memory().numTensors).toBe(before + model.parameters().size);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('fit', () => {
  test('reports progress with loss, speed and remaining time', async () => {
    using model = make();
    const events: FitProgress[] = [];
    await model.fit(train, { ...settings, validation, onProgress: (event) => events.push(event) });
    expect(events.map(({ phase, epoch, step, steps }) => `${phase} ${epoch} ${step}/${steps}`)).toEqual(
      [1, 2, 3].flatMap((epoch) => [
        `train ${epoch} 1/3`,
        `train ${epoch} 2/3`,
        `train ${epoch} 3/3`,
        `validate ${epoch} 3/3`,
      ]),
    );
    const last = events.at(-1) as FitProgress;
    expect(last.loss).toBeGreaterThan(0);
    expect(last.sequencesPerSecond).toBeGreaterThan(0);
    expect(last.eventsPerSecond).toBeGreaterThan(last.sequencesPerSecond);
    expect(last.remainingSeconds).toBe(0);
    expect(events[0]?.remainingSeconds).toBeGreaterThan(0);
    expect(Object.keys(last.validation ?? {})).toEqual(['NDCG@10']);
  });

  test('early stopping stops and puts the best weights back', async () => {
    using model = make({ dropout: 0 });
    const report = await model.fit(train, {
      ...settings,
      epochs: 50,
      optimizer: adam({ learningRate: 0.3 }), // so large that validation soon gets worse
      validation,
      earlyStopping: { metric: ndcg(3), patience: 3 },
    });
    const values = report.epochs.map((epoch) => epoch.validation?.['NDCG@3'] as number);
    expect(report.stopped).toBe('earlyStopping');
    expect(report.best?.value).toBe(Math.max(...values));
    expect(report.best?.epoch).toBe(values.indexOf(Math.max(...values)) + 1);
    expect(report.epochs).toHaveLength((report.best?.epoch ?? 0) + 3);
    using again = make({ dropout: 0 });
    await again.fit(train, { ...settings, epochs: report.best?.epoch, optimizer: adam({ learningRate: 0.3 }) });
    expect(await weights(model)).toEqual(await weights(again));
  });

  test('a resumed run keeps its early stopping', async () => {
    const options = { ...settings, epochs: 12, validation, earlyStopping: { metric: ndcg(3), patience: 2 } };
    using whole = make();
    const expected = await whole.fit(train, options);
    const saved: Uint8Array[] = [];
    using first = make();
    await first.fit(train, { ...options, epochs: 2, checkpoint: { write: (bytes) => void saved.push(bytes.slice()) } });
    using rest = make();
    const report = await rest.fit(train, { ...options, resume: saved.at(-1) as Uint8Array });
    expect(report.best).toEqual(expected.best);
    expect(report.epochs.map(({ loss }) => loss)).toEqual(expected.epochs.map(({ loss }) => loss));
    expect(await weights(rest)).toEqual(await weights(whole));
  });

  test('frozen parameters do not move', async () => {
    using model = make().init(7);
    const before = await weights(model);
    await model.fit(train, { ...settings, trainable: (path) => path.startsWith('blocks.') });
    const after = await weights(model);
    for (const path of Object.keys(before)) {
      if (path.startsWith('blocks.') && !path.endsWith('key.bias')) expect(after[path]).not.toEqual(before[path]);
      if (!path.startsWith('blocks.')) expect(after[path]).toEqual(before[path]);
    }
    await expect(model.fit(train, { trainable: () => false })).rejects.toThrow('trainable leaves no parameter');
  });

  test('continues from the values a model has', async () => {
    using model = make({ dropout: 0 });
    const first = await model.fit(train, settings);
    const second = await model.fit(train, settings);
    expect(second.epochs[0]?.loss).toBeLessThan(first.epochs[0]?.loss as number);
  });

  const poisoned = (at: number, poison: (loss: tf.Scalar) => tf.Scalar): Loss => {
    let step = 0;
    const base = bce();
    return {
      ...base,
      forward: (states, output, targets) => {
        const loss = base.forward(states, output, targets);
        return ++step === at ? poison(loss) : loss;
      },
    };
  };

  test.each([
    ['loss', (loss: tf.Scalar) => tf.mul(loss, Number.NaN) as tf.Scalar],
    ['gradient', (loss: tf.Scalar) => tf.add(loss, tf.sqrt(tf.mul(loss, 0))) as tf.Scalar],
  ])('a %s that is not finite never reaches the weights', async (what, poison) => {
    const count = tf.memory().numTensors;
    const model = make();
    let before: Promise<Record<string, number[]>> | undefined;
    const failed = await model
      .fit(train, {
        ...settings,
        loss: poisoned(5, poison),
        onProgress: ({ epoch, step }) => {
          if (epoch === 2 && step === 1) before = weights(model);
        },
      })
      .catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(NonFiniteError);
    const error = failed as NonFiniteError;
    expect(error.message).toMatch(`The ${what} of step 2 in epoch 2 is not a finite number`);
    expect(error.message).toContain('Lower the learning rate');
    expect([error.epoch, error.step]).toEqual([2, 2]);
    expect(error.parameter).toBe('items.weight');
    expect(error.sequences).toHaveLength(16);
    expect(await weights(model)).toEqual(await before);
    model.dispose();
    expect(tf.memory().numTensors).toBe(count);
  });

  test('a model disposed of while it waits or trains is not begun again', async () => {
    const before = tf.memory().numTensors;
    for (const disposedAt of ['the call', 'the first step']) {
      for (const begun of [false, true]) {
        const model = make();
        if (begun) model.init(1);
        const running = model.fit(train, {
          ...settings,
          onProgress: () => disposedAt === 'the first step' && model.dispose(),
        });
        if (disposedAt === 'the call') model.dispose();
        await expect(running).rejects.toThrow('was disposed of with the model that owns it');
        await expect(model.fit(train, settings)).rejects.toThrow('or call init(seed) or load on it again');
        expect(tf.memory().numTensors).toBe(before);
        await model.init(1).fit(train, { ...settings, epochs: 1 });
        model.dispose();
        expect(tf.memory().numTensors).toBe(before);
      }
    }
  });

  test('abort is honoured within a step and before the first', async () => {
    using model = make();
    const abort = new AbortController();
    let steps = 0;
    const running = model.fit(train, {
      ...settings,
      epochs: 1000,
      signal: abort.signal,
      onProgress: () => ++steps === 2 && abort.abort(),
    });
    await expect(running).rejects.toMatchObject({ name: 'AbortError' });
    expect(steps).toBe(2);
    await expect(model.fit(train, { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no');
    const timed = model.fit(train, { ...settings, epochs: 1e6, signal: AbortSignal.timeout(200) });
    await expect(timed).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  test('checkpoint files are replaced whole, and resume: true goes on from them', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'seqrec-'));
    const file = join(folder, 'run.safetensors');
    try {
      using model = make();
      const checkpoint = { file, everySteps: 2 };
      await model.fit(train, { ...settings, epochs: 2, checkpoint, resume: true });
      expect(await readdir(folder)).toEqual(['run.safetensors']);
      const size = (await readFile(file)).length;
      using longer = make();
      const report = await longer.fit(train, { ...settings, checkpoint, resume: true });
      using whole = make();
      await whole.fit(train, settings);
      expect(await weights(longer)).toEqual(await weights(whole));
      expect(report.epochs).toHaveLength(3);
      expect((await readFile(file)).length).toBeGreaterThanOrEqual(size);
      using other = make();
      const wrong = other.fit(train, { ...settings, seed: 1, loss: bce(), checkpoint, resume: true });
      await expect(wrong).rejects.toThrow(/belongs to another run: seed was 7, is 1; loss was .*crossEntropy.*bce/);
      using wider = make({ dropout: 0.5 });
      const changed = wider.fit(train, { ...settings, checkpoint, resume: true });
      await expect(changed).rejects.toThrow(/another run: model was .*"dropout":0.3.* is .*"dropout":0.5/);
      const broken = other.fit(train, { ...settings, resume: (await readFile(file)).subarray(0, 100) });
      await expect(broken).rejects.toThrow('the file is cut off');
      const flipped = await readFile(file);
      flipped.writeUInt8(flipped.readUInt8(flipped.length - 3) ^ 1, flipped.length - 3);
      await expect(other.fit(train, { ...settings, resume: flipped })).rejects.toThrow('its checksum is wrong');
      const model1 = await model.save();
      await expect(other.fit(train, { ...settings, resume: model1 })).rejects.toThrow('Expected a seqrec checkpoint');
      const gone = make().fit(train, { ...settings, checkpoint: { file: join(folder, 'no', 'such') } });
      await expect(gone).rejects.toThrow('ENOENT');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('gradient clipping bounds the step', async () => {
    const { sgd } = await import('seqrec');
    const moved = async (clipNorm: number | undefined) => {
      using model = make({ dropout: 0 }).init(7);
      const before = await weights(model);
      await model.fit(train, { ...settings, epochs: 1, batchSize: 100, optimizer: sgd({ learningRate: 1 }), clipNorm });
      const after = await weights(model);
      const squares = Object.keys(before).flatMap((path) =>
        (before[path] as number[]).map((x, i) => (x - (after[path] as number[])[i]!) ** 2),
      );
      return Math.sqrt(squares.reduce((sum, x) => sum + x, 0));
    };
    expect(await moved(0.01)).toBeCloseTo(0.01, 4);
    expect(await moved(undefined)).toBeGreaterThan(0.02);
  });

  test('a custom objective sees its stream and may weigh targets', async () => {
    const base = nextItem();
    const draws: number[][] = [];
    const lastOnly = {
      ...base,
      batch: (...[sequences, context]: Parameters<typeof base.batch>) => {
        const batch = base.batch(sequences, context);
        draws.push(Array.from({ length: sequences.count }, (_, b) => context.stream(b).uint32(0)));
        const row = batch.inputs.offsets.subarray(1).map((end) => end - 1);
        return {
          inputs: batch.inputs,
          targets: {
            row,
            sequence: row.map((r) => batch.targets.sequence[r] as number),
            item: row.map((r) => batch.targets.item[r] as number),
            weight: new Float32Array(row.length).fill(0.5),
          },
        };
      },
    };
    using model = make({ dropout: 0 });
    const report = await model.fit(train, { ...settings, epochs: 30, objective: lastOnly });
    expect(report.epochs.at(-1)?.loss).toBeLessThan(report.epochs[0]?.loss as number);
    expect(new Set(draws.flat()).size).toBe(draws.flat().length); // another epoch, another stream
  });

  test('refuses what cannot work, with a sentence', async () => {
    using model = make();
    const other = Interactions.from([...rows].reverse());
    await expect(model.fit(other)).rejects.toThrow(/catalogue of 12 items and the data has another of 12/);
    const single = Interactions.from([{ user: 1, item: 'i0' }], { catalog: log.items });
    await expect(model.fit(single)).rejects.toThrow('at least 2 events');
    const bad: [FitOptions, string][] = [
      [{ epochs: 0 }, 'epochs must be an integer at least 1, got 0.'],
      [{ batchSize: 1.5 }, 'batchSize must be an integer at least 1, got 1.5.'],
      [{ clipNorm: 0 }, 'clipNorm must be a number greater than 0, got 0.'],
      [{ seed: -1 }, 'A seed must be an integer from 0'],
      [{ earlyStopping: { metric: ndcg(10) } }, 'earlyStopping needs validation'],
      [{ validation, earlyStopping: { metric: ndcg(10), patience: 0 } }, 'patience must be an integer at least 1'],
      [{ checkpoint: {} }, 'checkpoint needs a file or a write function'],
      [{ resume: true }, 'resume: true needs checkpoint.file'],
    ];
    for (const [options, message] of bad) await expect(model.fit(train, options)).rejects.toThrow(message);
    const running = model.fit(train, settings);
    await expect(model.fit(train, settings)).rejects.toThrow('is being fitted already');
    await running;
  });

  test('a callback that throws stops the run and leaves the model usable', async () => {
    using model = make();
    const run = model.fit(train, {
      ...settings,
      onProgress: () => {
        throw new Error('from the callback');
      },
    });
    await expect(run).rejects.toThrow('from the callback');
    await model.fit(train, settings);
    expect(await model.recommend(['i1'], { k: 2 })).toHaveLength(2);
    expect(held.histories.count).toBeGreaterThan(0);
  });
});
