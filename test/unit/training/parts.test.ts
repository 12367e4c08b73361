/** A step that is computed in parts is the step that is computed at once. */
import * as tf from '@tensorflow/tfjs-core';
import '../../../src/backend/gradients.ts';
import {
  bce,
  crossEntropy,
  Examples,
  GradientSums,
  gbce,
  Interactions,
  inBatch,
  type Loss,
  nextItem,
  type Objective,
  popularity,
  Rng,
  SASRec,
  sampledSoftmax,
  toDense,
} from 'seqrec';
import { beforeAll, describe, expect, test } from 'vitest';
import { passes } from '../../../src/training/passes.ts';
import { questioner } from '../../../src/training/questions.ts';
import { backends, use } from '../../support/backends.ts';
import { expectClose } from '../ops/check.ts';

const log = Interactions.from(
  Array.from({ length: 30 }, (_, user) =>
    Array.from({ length: 2 + ((user * user) % 9) }, (_, t) => ({ user, item: (user * 7 + t * t) % 50, time: t })),
  ).flat(),
);
const which = Int32Array.from({ length: 30 }, (_, i) => (i * 7) % 30);

/** Asks the questions of each sequence twice, from the last row to the first. */
const backwards: Objective = {
  ...nextItem(),
  batch(sequences, context) {
    const { inputs, targets } = nextItem().batch(sequences, context);
    const twice = <T extends Int32Array | Float32Array>(column: T) => {
      const out = [...column, ...column].reverse();
      return (column.constructor as unknown as { from(values: number[]): T }).from(out);
    };
    const { row, sequence, item, weight } = targets;
    return {
      inputs,
      targets: { row: twice(row), sequence: twice(sequence), item: twice(item), weight: twice(weight) },
    };
  },
};

const losses: [string, Loss, Objective][] = [
  ['cross-entropy', crossEntropy(), nextItem()],
  ['BCE', bce({ negatives: 2 }), nextItem()],
  ['gBCE', gbce({ negatives: 3 }), nextItem()],
  ['sampled softmax', sampledSoftmax({ negatives: 4, sampler: popularity() }), nextItem()],
  ['shared negatives', sampledSoftmax({ negatives: 4, sampler: popularity({ shared: true }) }), nextItem()],
  ['in-batch negatives', sampledSoftmax({ sampler: inBatch() }), nextItem()],
  ['targets out of order', sampledSoftmax({ sampler: inBatch() }), backwards],
];

describe.each(backends)('a step in parts on %s', (backend) => {
  beforeAll(() => use(backend));

  test.each(losses)('has the loss and the gradients of the whole: %s', async (_name, loss, objective) => {
    using model = new SASRec({ items: log.items, maxLength: 6, dim: 8, layers: 1, dropout: 0.4 }).init(3);
    const parameters = model.parameters();
    const ask = questioner(
      model,
      new Examples(log.sequences, { maxLength: model.maxLength }),
      { loss, objective },
      new Rng(5),
    );
    const questions = ask({ epoch: 1, step: 2, steps: 9, which });
    const gradientsIn = async (count: number) => {
      using sums = new GradientSums(parameters);
      let value = 0;
      for (let index = 0; index < count; index++) {
        const part = passes(model, loss, questions, sums, { index, count });
        value += (await part.data())[0] as number;
        part.dispose();
      }
      const dense = [...sums.take()].map(([path, gradient]) => {
        const rows = parameters.get(path)?.shape[0] as number;
        return [path, toDense(gradient, rows)] as const;
      });
      return { value, dense: new Map(dense) };
    };
    const whole = await gradientsIn(1);
    for (const count of [2, 5, 30, 100]) {
      const parts = await gradientsIn(count);
      expectClose([parts.value], [whole.value], `loss in ${count} parts`);
      expect([...parts.dense.keys()]).toEqual([...whole.dense.keys()]);
      for (const [path, gradient] of parts.dense) {
        expectClose(
          await gradient.data(),
          await (whole.dense.get(path) as tf.Tensor).data(),
          `${path} in ${count} parts`,
        );
      }
      tf.dispose([...parts.dense.values()]);
    }
    tf.dispose([...whole.dense.values()]);
  });

  test('cuts between sequences, into runs of about as many rows', () => {
    const model = new SASRec({ items: log.items, maxLength: 6, dim: 8 });
    const ask = questioner(
      model,
      new Examples(log.sequences, { maxLength: model.maxLength }),
      { loss: crossEntropy(), objective: nextItem() },
      new Rng(5),
    );
    const { parts, inputs } = ask({ epoch: 0, step: 0, steps: 1, which });
    const cut = parts(5);
    expect(cut).toHaveLength(5);
    let at = 0;
    for (const { sequences, rows, targets } of cut) {
      expect(rows).toEqual([inputs.offsets[sequences[0]], inputs.offsets[sequences[1]]]);
      expect(targets).toEqual(rows);
      expect(sequences[0]).toBe(at);
      expect(Math.abs(rows[1] - rows[0] - inputs.rows / 5)).toBeLessThan(7);
      at = sequences[1];
    }
    expect(at).toBe(30);
    expect(parts(1)).toEqual([{ sequences: [0, 30], rows: [0, inputs.rows], targets: [0, inputs.rows] }]);
  });
});
