/** What the pointwise objective asks. */
import {
  categorical,
  Examples,
  Interactions,
  inBatch,
  type Objective,
  pointwise,
  popularity,
  Ragged,
  Rng,
  uniform,
} from 'seqrec';
import { expect, test } from 'vitest';
import { prepared } from '../../../src/training/objectives/objective.ts';

const log = Interactions.from(
  Array.from({ length: 6 }, (_, user) =>
    Array.from({ length: 1 + user }, (_, t) => ({
      user,
      item: (user + t) % 5,
      time: 10 * user + t,
      action: t % 2 ? 'buy' : 'view',
      device: `d${t % 3}`,
      country: `c${user % 2}`,
    })),
  ).flat(),
  {
    features: {
      event: { action: categorical() },
      context: { device: categorical() },
      user: { country: categorical() },
    },
  },
);
const context = { maxLength: 3, items: 5, stream: (b: number) => new Rng(7).fork(b) };
const examples = new Examples(log.sequences, { maxLength: 3, rule: pointwise().examples });
const ask = (objective: Objective, which: Int32Array, stream = context.stream) =>
  prepared(objective, examples, 5)(examples.take(which), { ...context, stream });

test('every event but the first is an example: its history followed by it, and by each negative', () => {
  expect(examples.count).toBe(0 + 1 + 2 + 3 + 4 + 5);
  const objective = pointwise({ negatives: 2 });
  const { inputs, targets } = ask(objective, Int32Array.of(examples.firstOf(5) + 3, 0));
  // user 5: 0 1 2 3 4 0; its example 3 has the history 1 2 3 and is followed by 4
  expect(inputs.count).toBe(6);
  for (const b of [0, 1, 2]) expect([...inputs.items(b)].slice(0, -1)).toEqual([1, 2, 3]);
  for (const b of [3, 4, 5]) expect([...inputs.items(b)].slice(0, -1)).toEqual([1]);
  expect(inputs.items(0).at(-1)).toBe(4);
  expect(inputs.items(3).at(-1)).toBe(2);
  expect([...targets.row]).toEqual([3, 7, 11, 13, 15, 17]);
  expect([...targets.sequence]).toEqual([0, 0, 0, 1, 1, 1]);
  expect([...(targets.label as Float32Array)]).toEqual([1, 0, 0, 1, 0, 0]);
  expect([...targets.item]).toEqual(Array.from({ length: 6 }, (_, b) => inputs.items(b).at(-1)));
  targets.weight.forEach((weight, m) => {
    const hit = targets.label?.[m] === 0 && targets.item[m] === (m < 3 ? 4 : 2);
    expect(weight).toBe(hit ? 0 : 1);
  });
});

test('a candidate has no event features; the moment is that of the true event, the user stays', () => {
  const { inputs } = ask(pointwise({ negatives: 1 }), Int32Array.of(examples.firstOf(5) + 3));
  const column = (name: string) => [...(inputs.events[name] as Int32Array)];
  expect(column('action')).toEqual([1, 0, 1, -1, 1, 0, 1, -1]);
  expect(column('time')).toEqual([51, 52, 53, 54, 51, 52, 53, 54]);
  const { device, country, time } = inputs.sequences as { [name: string]: Int32Array };
  expect([device, country].map((codes) => [...(codes as Int32Array)])).toEqual([
    [1, 1],
    [1, 1],
  ]);
  expect([...(time as unknown as Float64Array)]).toEqual([54, 54]);
});

test('draws depend on the example alone', () => {
  const objective = pointwise({ negatives: 3, sampler: popularity() });
  const draws = (...which: number[]) => {
    const stream = (b: number) => new Rng(7).fork(which[b] as number);
    return [...ask(objective, Int32Array.from(which), stream).targets.item];
  };
  expect(draws(3, 9)).toEqual([...draws(3), ...draws(9)]);
});

test('refuses what it cannot do', () => {
  expect(() => pointwise({ negatives: 0 })).toThrow('pointwise: negatives must be an integer at least 1, got 0.');
  expect(() => pointwise({ sampler: inBatch() })).toThrow(/negatives of each target, which inBatch/);
  expect(() => pointwise({ sampler: uniform({ shared: true }) })).toThrow(/uniform with these options/);
  expect(() => pointwise().batch(Ragged.from([[1, 2]]), context)).toThrow(/call its prepare first/);
});
