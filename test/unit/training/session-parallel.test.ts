/** Session-parallel steps, and the states that go on from one to the next. */
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import {
  Examples,
  type FitOptions,
  GRU4Rec,
  type GRU4RecOptions,
  Interactions,
  inBatch,
  Layout,
  mixed,
  oneHotEmbedding,
  popularity,
  Ragged,
  SASRec,
  sampledSoftmax,
  sessionParallel,
  sgd,
} from 'seqrec';
import { beforeAll, describe, expect, test } from 'vitest';
import { backends, use } from '../../support/backends.ts';

/** The items of each step's lanes, and of what they ask for. */
function stepsOf(sequences: Ragged, batchSize: number, least = 1) {
  const objective = sessionParallel({ least });
  const examples = new Examples(sequences, { maxLength: 2, rule: objective.examples });
  const context = {
    maxLength: 2,
    items: 1000,
    stream: () => {
      throw new Error('There is nothing to draw.');
    },
  };
  const steps = [...(objective.steps?.(examples, batchSize) ?? [])];
  return {
    examples,
    steps,
    items: steps.map((which) => {
      const { inputs, targets } = objective.batch(examples.take(which), context);
      return [...inputs.item].map((item, b) => [item, targets.item[b]]);
    }),
  };
}

describe('sessionParallel', () => {
  test('every session goes on at its place, and gives it to the next one', () => {
    const sessions = Ragged.from([[1, 2, 3], [10, 11], [20], [30, 31, 32], [40, 41]]);
    expect(stepsOf(sessions, 2).items).toEqual([
      [
        [1, 2],
        [10, 11],
      ],
      [
        [2, 3],
        [30, 31],
      ],
      [
        [40, 41],
        [31, 32],
      ],
    ]);
  });

  test('sessions begin in the order of their times', () => {
    const time = Float64Array.of(50, 51, 10, 11, 30, 31, 10, 12);
    const sessions = new Ragged(Int32Array.of(0, 2, 4, 6, 8), { item: Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8), time });
    expect(stepsOf(sessions, 1).items.flat()).toEqual([
      [3, 4],
      [7, 8],
      [5, 6],
      [1, 2],
    ]);
  });

  test('every event after another is asked for once, if one session may be alone', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(6), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 5 }),
        (lengths, size) => {
          if (lengths.every((length) => length < 2)) return;
          const { examples, steps } = stepsOf(Ragged.from(lengths.map((length) => new Int32Array(length))), size);
          const asked = steps.flatMap((which) => [...which]);
          expect(asked.sort((a, b) => a - b)).toEqual(Array.from({ length: examples.count }, (_, e) => e));
          expect(steps.every((which) => which.length <= size)).toBe(true);
          const { steps: some } = stepsOf(examples.sequences, size, 2);
          expect(some).toEqual(steps.slice(0, some.length));
          expect(some.every((which) => which.length >= 2)).toBe(true);
        },
      ),
    );
  });

  test('says what it cannot do', () => {
    expect(() => sessionParallel({ least: 0 })).toThrow('sessionParallel: least must be an integer at least 1, got 0.');
  });
});

const log = Interactions.from(
  Array.from({ length: 14 }, (_, user) =>
    Array.from({ length: 1 + ((user * 3) % 8) }, (_, t) => ({ user, item: (user * 5 + t) % 9, time: 10 * user + t })),
  ).flat(),
);
const sampler = mixed({ samplers: [inBatch(), popularity({ alpha: 0.5, shared: true })] });
const options: FitOptions = {
  loss: sampledSoftmax({ negatives: 4, sampler, logQ: false }),
  batchSize: 4,
  epochs: 2,
  seed: 5,
};

/** Notes what each step goes on from. */
class Spied extends GRU4Rec {
  static override readonly modelName: string = 'Spied';
  readonly notes: { items: number[]; before: number[][][] | undefined }[] = [];

  override encodeFrom(...call: Parameters<GRU4Rec['encodeFrom']>) {
    const [events, , before] = call;
    this.notes.push({ items: [...events.item], before: before?.map((state) => state.arraySync()) });
    return super.encodeFrom(...call);
  }
}

async function weights(model: GRU4Rec): Promise<number[]> {
  const out: number[] = [];
  for (const parameter of model.parameters().values()) out.push(...(await parameter.data()));
  return out;
}

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => use(backend));

  test.each([
    ['two layers', { hidden: [5, 3] }],
    ['one-hot', { hidden: [4, 6], embedding: oneHotEmbedding() }],
  ] as [string, Partial<GRU4RecOptions>][])('each event meets the state of its whole past: %s', async (_, size) => {
    using model = new Spied({ items: log.items, maxLength: 2, ...size });
    // So small that the weights stay what they are.
    await model.fit(log, { ...options, optimizer: sgd({ learningRate: 1e-12 }) });
    const { examples, steps } = stepsOf(log.sequences, 4);
    const notes = model.notes.splice(0);
    expect(notes).toHaveLength(2 * steps.length);
    const widths = size.hidden as number[];
    for (const [i, { items, before }] of notes.entries()) {
      const which = steps[i % steps.length] as Int32Array;
      expect(items).toEqual([...examples.take(which).item].filter((_, event) => event % 2 === 0));
      for (const [lane, example] of which.entries()) {
        const b = examples.sequenceOf(example);
        const past = log.sequences.items(b).slice(0, example - examples.firstOf(b));
        const found =
          before?.map((state) => state[lane] as number[]) ?? widths.map((n) => new Array<number>(n).fill(0));
        const expected = past.length > 0 ? after(model, past) : widths.map((n) => new Array<number>(n).fill(0));
        for (const [layer, state] of found.entries()) {
          expect(state).toEqual((expected[layer] as number[]).map((value) => expect.closeTo(value, 5)));
        }
      }
    }
  });

  test('a run goes on from a checkpoint within an epoch as if it had not been interrupted', async () => {
    const size = { items: log.items, hidden: [5, 3], dropout: 0.3, embeddingDropout: 0.2 };
    const before = tf.memory().numTensors;
    const saved: Uint8Array[] = [];
    const whole = new GRU4Rec(size);
    const checkpoint = { everySteps: 3, write: (bytes: Uint8Array) => void saved.push(bytes.slice()) };
    const expected = await whole.fit(log, { ...options, checkpoint });
    for (const bytes of saved) {
      const rest = new GRU4Rec(size);
      const report = await rest.fit(log, { ...options, resume: bytes });
      expect(report.epochs.map(({ loss }) => loss)).toEqual(expected.epochs.map(({ loss }) => loss));
      expect(await weights(rest)).toEqual(await weights(whole));
      rest.dispose();
    }
    expect(saved.length).toBeGreaterThan(4);
    whole.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('an aborted run leaves no tensor', async () => {
    const before = tf.memory().numTensors;
    const model = new GRU4Rec({ items: log.items, hidden: 6 });
    const stop = new AbortController();
    const onProgress = ({ step }: { step: number }) => (step === 4 ? stop.abort(new Error('enough')) : undefined);
    await expect(model.fit(log, { ...options, signal: stop.signal, onProgress })).rejects.toThrow('enough');
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('one thread works, and the report says why', async () => {
    using model = new GRU4Rec({ items: log.items, hidden: 6 });
    const report = await model.fit(log, { ...options, epochs: 1, workers: 2 });
    expect(report.threads).toBe(1);
    expect(report.alone).toBe("the steps of sessionParallel go on from each other's states");
  });

  test('a model without states to carry reads one event at a time', async () => {
    using model = new SASRec({ items: log.items, maxLength: 3, dim: 4, layers: 1 });
    const report = await model.fit(log, { ...options, objective: sessionParallel(), epochs: 4 });
    expect(report.epochs.at(-1)?.loss).toBeLessThan(report.epochs[0]?.loss as number);
  });
});

/** The states of every layer after some items. */
function after(model: GRU4Rec, items: Int32Array): number[][] {
  const events = Ragged.from([items]);
  using layout = new Layout(events);
  return tf.tidy(() => model.encodeFrom(events, layout).after.map((state) => state.arraySync()[0] as number[]));
}
