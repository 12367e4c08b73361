/** Requests that are answered by repeating kernels: the answers of the ordinary way, also after all that could spoil them. */
import * as tf from '@tensorflow/tfjs-core';
import {
  Catalog,
  GRU4Rec,
  gelu,
  type Layout,
  learnedFromStart,
  noPositions,
  oneHotEmbedding,
  Ragged,
  Rng,
  rotary,
  SASRec,
  type SASRecOptions,
  type SequenceModel,
  sinusoidal,
  topKOfScores,
  transformerBlock,
  untiedOutput,
} from 'seqrec';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { backends, use } from '../../support/backends.ts';

const size = 200;
const items = new Catalog(Array.from({ length: size }, (_, i) => i));
const make = (options: Partial<SASRecOptions> = {}) =>
  new SASRec({ items, maxLength: 9, dim: 12, heads: 2, ...options }).init(5);

/** `length` items that differ from call to call. */
function history(call: number, length: number): Ragged {
  const rng = new Rng(call).fork('history');
  return Ragged.from([Int32Array.from({ length }, (_, t) => rng.int(t, size))]);
}

/** Asks for a list and expects that of the scores; returns the tfjs kernels that the request took. */
async function ask(model: SequenceModel, of: Ragged, k = 5, exclude: Ragged | undefined = of): Promise<number> {
  const run = vi.spyOn(tf.engine(), 'runKernel');
  const best = await model.topK(of, k, { exclude });
  const kernels = run.mock.calls.length;
  run.mockRestore();
  expect(best).toEqual(topKOfScores(await model.scores(of), size, k, exclude));
  return kernels;
}

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => use(backend));
  const expectRepeated = (kernels: number) => {
    if (backend === 'wasm') expect(kernels).toBe(0);
  };
  /** The first request may enlarge the scratch space, which makes its recording worthless. */
  const settle = async (model: SequenceModel, length: number) => {
    for (let call = 0; call < 3; call++) await ask(model, history(call, length));
  };

  const stacks: Record<string, Partial<SASRecOptions>> = {
    default: {},
    'pre-norm': { block: transformerBlock({ hidden: 8, normFirst: true }), positions: learnedFromStart() },
    'post-norm': { block: transformerBlock({ hidden: 20, activation: gelu }), positions: sinusoidal() },
    rotary: { block: transformerBlock({ hidden: 8, positions: rotary() }), positions: noPositions() },
    untied: { positions: noPositions(), output: untiedOutput({ bias: true }) },
    'odd width, no blocks': { dim: 7, heads: 1, layers: 0 },
  };
  test.each([{}, { embedding: oneHotEmbedding(), hidden: [5, 7] }])('GRU4Rec %#', async (options) => {
    const model = new GRU4Rec({ items, maxLength: 9, hidden: 12, ...options }).init(5);
    await settle(model, 6);
    for (let call = 3; call < 6; call++) expectRepeated(await ask(model, history(call, 6)));
    model.dispose();
  });

  test.each(Object.entries(stacks))('%s: every history of a length is answered as by its scores', async (_, stack) => {
    const model = make(stack);
    const before = tf.memory().numTensors;
    for (const length of [1, 2, 9, 14]) {
      await settle(model, length);
      for (let call = 10; call < 14; call++) expectRepeated(await ask(model, history(call, length)));
    }
    await ask(model, history(1, 3), size + 4);
    await ask(model, history(1, 3), 5, history(2, 70));
    await ask(model, history(1, 3), 5, Ragged.from([[]]));
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });

  test('other weights, other sizes of scratch space and a grown memory are noticed', async () => {
    const model = make();
    await settle(model, 6);
    for (const parameter of model.parameters().values()) {
      parameter.set((await parameter.data()).map((value) => -0.5 * value));
      await ask(model, history(20, 6));
    }
    await settle(model, 6);
    // A wide product needs more scratch space than there was.
    const wide = make({ dim: 512, heads: 1 });
    await wide.topK(history(1, 9), 3);
    await ask(model, history(21, 6));
    await settle(model, 6);
    tf.dispose(tf.zeros([5_000_000]));
    expectRepeated(await ask(model, history(22, 6)));
    wide.dispose();
    model.dispose();
    await expect(model.topK(history(1, 6), 2)).rejects.toThrow('disposed');
  });

  test('a bad item is refused and does no harm', async () => {
    const model = make();
    await settle(model, 4);
    await expect(model.topK(Ragged.from([[1, 2, size, 3]]), 2)).rejects.toThrow(
      `rows from 0 to ${size - 1}, got ${size}`,
    );
    await expect(model.topK(Ragged.from([[-1, 2, 3, 3]]), 2)).rejects.toThrow('got -1');
    expectRepeated(await ask(model, history(2, 4)));
    model.dispose();
  });

  test('many at once, and many sizes, are answered right', async () => {
    const model = make({ maxLength: 40 });
    const requests = Array.from({ length: 60 }, (_, i) => history(i, 1 + (i % 40)));
    for (let round = 0; round < 3; round++) {
      const lists = await Promise.all(requests.map((of) => model.topK(of, 3)));
      for (const [i, of] of requests.entries()) {
        expect(lists[i]).toEqual(topKOfScores(await model.scores(of), size, 3));
      }
    }
    model.dispose();
  });

  test('disposing of a model frees what was kept', async () => {
    const { numTensors, numDataBuffers, numBytes } = tf.memory();
    const model = make();
    await settle(model, 6);
    model.dispose();
    expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers, numBytes });
  });

  /** Networks that are not what they claim, or cannot be repeated. */
  class Odd extends SASRec {
    constructor(readonly change: (states: tf.Tensor2D, events: Ragged) => tf.Tensor2D) {
      super({ items, maxLength: 9, dim: 8 });
    }
    protected override get recordable() {
      return true;
    }
    override encode(events: Ragged, layout: Layout): tf.Tensor2D {
      return this.change(super.encode(events, layout), events);
    }
  }
  test.each<[string, (states: tf.Tensor2D, events: Ragged) => tf.Tensor2D]>([
    ['kernels of TensorFlow.js', (states) => tf.tanh(states)],
    ['numbers from the host', (states, events) => tf.mul(states, 1 + (events.item[0] as number))],
    ['tensors from elsewhere', (states) => tf.add(states, elsewhere.table)],
    ['decisions by the items', (states, { item }) => ((item[0] as number) % 2 ? states : tf.add(states, states))],
  ])('%s are not repeated', async (_, change) => {
    elsewhere.table = tf.ones([6, 8]);
    const model = new Odd(change).init(2);
    for (let call = 0; call < 12; call++) {
      await ask(model, history(call, 6));
      const [table] = [elsewhere.table, tf.dispose(elsewhere.table)];
      elsewhere.table = tf.mul(tf.ones(table.shape as [number, number]), call);
    }
    elsewhere.table.dispose();
    model.dispose();
  });
});

const elsewhere: { table: tf.Tensor2D } = {} as never;
