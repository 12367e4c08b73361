/** Contrastive training: what is asked beside the questions, and what the loss makes of it. */
import * as tf from '@tensorflow/tfjs-core';
import {
  cloze,
  contrastive,
  crop,
  crossEntropy,
  Examples,
  gatherRows,
  gbce,
  Interactions,
  infoNCE,
  Layout,
  type Loss,
  nextItem,
  type Objective,
  prefixes,
  Ragged,
  Rng,
  reorder,
  SASRec,
  sameTarget,
  sessionParallel,
  sgd,
  twoOf,
  unchanged,
  withContrast,
} from 'seqrec';
import { beforeAll, describe, expect, test } from 'vitest';
import { backends, use } from '../../support/backends.ts';

const log = Interactions.from(
  Array.from({ length: 12 }, (_, user) =>
    Array.from({ length: 2 + (user % 5) }, (_, t) => ({ user, item: (3 * user + t) % 9, time: t })),
  ).flat(),
);
const size = { items: log.items, maxLength: 4, dim: 6, layers: 1, dropout: 0 };
const options = { epochs: 1, batchSize: 1000, seed: 1, optimizer: sgd({ learningRate: 0.1 }) };
const same = twoOf({ augmentations: [unchanged()] });

const examples = new Examples(log.sequences, { maxLength: 4, rule: prefixes().examples });
const context = { maxLength: 4, items: 9, stream: (b: number) => new Rng(7).fork(b) };
const batchOf = (objective: Objective) => {
  const which = Int32Array.from({ length: examples.count }, (_, i) => i);
  return objective.prepare?.(examples, 9)(examples.take(which), context) as ReturnType<Objective['batch']>;
};

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => use(backend));
  const lossOf = async (objective: Objective, loss: Loss, settings: object = {}) => {
    using model = new SASRec({ ...size, ...settings });
    return (await model.fit(log, { ...options, objective, loss })).epochs[0]?.loss as number;
  };

  test('is the mean over the questions and a share of the mean over the views', async () => {
    const weight = 0.3;
    const plain = await lossOf(prefixes(), crossEntropy());
    using model = new SASRec(size).init(1);
    const { inputs, targets } = prefixes().batch(
      examples.take(Int32Array.from({ length: examples.count }, (_, i) => i)),
      context,
    );
    using layout = new Layout(inputs);
    const twice = Int32Array.from([...targets.row].flatMap((row) => [row, row]));
    const item = Int32Array.from([...targets.item].flatMap((row) => [row, row]));
    const nce = tf.tidy(() => {
      const states = gatherRows(model.encode(inputs, layout), twice);
      const all = { item, weight: new Float32Array(item.length).fill(1) };
      return tf.div(infoNCE({ maskSameItem: true }).forward(states, model.output(), all), item.length);
    });
    const [value] = await nce.data();
    nce.dispose();
    const contrast = infoNCE({ maskSameItem: true });
    const both = await lossOf(contrastive({ objective: prefixes(), views: same }), withContrast({ contrast, weight }));
    expect(both).toBeCloseTo(plain + weight * (value as number), 4);
  });

  test.each([prefixes(), nextItem()])(
    'without a share it is the loss of $name alone, negatives and all',
    async (objective) => {
      const views = twoOf({ augmentations: [crop(), reorder()] });
      const loss = gbce({ negatives: 3 });
      const beside = await lossOf(contrastive({ objective, views }), withContrast({ loss, weight: 0 }));
      expect(beside).toBeCloseTo(await lossOf(objective, loss), 5);
    },
  );

  test('CL4SRec and DuoRec learn, and a seed repeats them', async () => {
    for (const views of [twoOf({ augmentations: [crop(), reorder()] }), sameTarget()]) {
      const run = async () => {
        const before = tf.memory().numTensors;
        using model = new SASRec({ ...size, dropout: 0.2 });
        const objective = contrastive({ objective: prefixes(), views });
        const report = await model.fit(log, { ...options, epochs: 12, batchSize: 8, objective, loss: withContrast() });
        const scores = await model.scores(Ragged.from([[0, 1]]));
        model.dispose();
        expect(tf.memory().numTensors).toBe(before);
        return { losses: report.epochs.map(({ loss }) => loss), scores };
      };
      const { losses, scores } = await run();
      expect(losses.at(-1)).toBeLessThan(losses[0] as number);
      expect(await run()).toEqual({ losses, scores });
    }
  });
});

describe('views', () => {
  test('two augmentations make one each, and a single event stays', () => {
    const { inputs, targets } = batchOf(
      contrastive({
        objective: prefixes(),
        views: twoOf({ augmentations: [crop({ share: 0.5 }), reorder({ share: 1 })] }),
      }),
    );
    const count = examples.count;
    expect([inputs.count, targets.views, targets.row.length]).toEqual([3 * count, 2 * count, 3 * count]);
    for (let b = 0; b < count; b++) {
      const [own, one, other] = [b, count + 2 * b, count + 2 * b + 1].map((s) => [...inputs.items(s)]) as [
        number[],
        number[],
        number[],
      ];
      const lengths = [one.length, other.length].sort((x, y) => x - y);
      expect(lengths).toEqual([Math.max(1, Math.floor(own.length / 2)), own.length]);
      expect([...(one.length === own.length ? one : other)].sort()).toEqual([...own].sort());
      for (const i of [count + 2 * b, count + 2 * b + 1]) {
        expect(targets.item[i]).toBe(targets.item[b]);
        expect(targets.row[i]).toBe((inputs.offsets[i + 1] as number) - 1);
      }
    }
  });

  test('histories that lead to the same item, and not by themselves where there are others', () => {
    const { inputs, targets } = batchOf(contrastive({ objective: prefixes(), views: sameTarget() }));
    const count = examples.count;
    const beginnings = Array.from({ length: count }, (_, e) => [...examples.take(Int32Array.of(e)).item]);
    let others = 0;
    for (let b = 0; b < count; b++) {
      const [own, first, second] = [b, count + 2 * b, count + 2 * b + 1].map((s) => [...inputs.items(s)]) as [
        number[],
        number[],
        number[],
      ];
      expect(first).toEqual(own);
      expect(beginnings).toContainEqual([...second, targets.item[b]]);
      if (`${second}` !== `${own}`) others++;
    }
    expect(others).toBeGreaterThan(count / 3);
  });
});

describe('what does not fit is refused', () => {
  beforeAll(() => use('cpu'));
  const fit = (objective: Objective, loss: Loss) => new SASRec(size).fit(log, { ...options, objective, loss });
  const objective = contrastive({ objective: prefixes(), views: same });

  test('one without the other', async () => {
    await expect(fit(objective, crossEntropy())).rejects.toThrow('contrastive and the loss crossEntropy do not fit');
    await expect(fit(prefixes(), withContrast())).rejects.toThrow('prefixes and the loss withContrast do not fit');
  });

  test('objectives without a question at the last event, or without sequences', async () => {
    expect(() => contrastive({ objective: sessionParallel(), views: same })).toThrow('event by event');
    expect(() => twoOf({ augmentations: [] })).toThrow('at least one augmentation');
    const hidden = { ...context, mask: 9 };
    const asked = contrastive({ objective: cloze({ lastItem: 0, probability: 0.01 }), views: same }).prepare?.(
      examples,
      9,
    );
    expect(() =>
      asked?.(
        Ragged.from([
          [1, 2, 3, 4],
          [4, 5, 6, 7],
          [1, 2, 3, 5],
        ]),
        hidden,
      ),
    ).toThrow('asks nothing');
  });
});
