/** What is special about SASRec: dropout on the table of items. */
import * as tf from '@tensorflow/tfjs-core';
import {
  dropoutMask,
  gradients,
  Interactions,
  Layout,
  Ragged,
  Rng,
  SASRec,
  type SASRecOptions,
  softmaxCrossEntropy,
  untiedOutput,
} from 'seqrec';
import { describe, expect, test } from 'vitest';
import { onEachBackend } from '../ops/check.ts';

const log = Interactions.from(Array.from({ length: 30 }, (_, i) => ({ user: i % 6, item: (i * 7) % 10, time: i })));
const events = Ragged.from([[1, 2, 3, 1], [4]]);
const targets = Int32Array.of(2, 3, 1, 5, 6);
const rate = 0.5;
const rng = new Rng(3);
const make = (options: Partial<SASRecOptions> = {}) =>
  new SASRec({ items: log.items, maxLength: 5, dim: 8, layers: 1, dropout: 0, itemDropout: rate, ...options }).init(1);

/** The loss and the gradient of the table of items, which is dense, as it is scored. */
async function step(model: SASRec, random?: Rng) {
  using layout = new Layout(events);
  const { value, gradients: found } = gradients(() => {
    const { weight } = model.output(random?.fork('output'));
    return softmaxCrossEntropy(model.encode(events, layout, random), weight, targets);
  }, model.parameters());
  const all = [...found.values()] as tf.Tensor[];
  const ofItems = found.get('items.weight') as tf.Tensor;
  const result = { loss: (await value.data())[0] as number, gradient: await ofItems.data() };
  tf.dispose([value, ...all]);
  return result;
}

onEachBackend(() => {
  describe('dropout on the table of items', () => {
    test('is one mask for what is read and what is scored, and for its gradient', async () => {
      using model = make();
      using dropped = make();
      const mask = dropoutMask(rng.fork('output'), rate, [log.items.size, 8]);
      const table = await model.items.weight.data();
      await dropped.items.weight.set(table.map((value, i) => value * (mask[i] as number)));
      const [ours, theirs] = [await step(model, rng), await step(dropped)];
      expect(ours.loss).toBeCloseTo(theirs.loss, 5);
      ours.gradient.forEach((value, i) => {
        expect(value).toBeCloseTo((theirs.gradient[i] as number) * (mask[i] as number), 5);
      });
    });

    test('is off without an rng, and leaves an output of its own alone', () => {
      using model = make();
      expect(model.output().weight).toBe(model.items.weight);
      using untied = make({ output: untiedOutput() });
      expect(untied.output(rng).weight).toBe(untied.output().weight);
    });
  });
});

test('a rate that is none is refused', () => {
  expect(() => make({ itemDropout: 1 })).toThrow('itemDropout must be');
});
