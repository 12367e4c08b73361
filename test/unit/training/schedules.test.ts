import { constant, cosine, linearSchedule, linearWarmup, type Schedule, stepDecay } from 'seqrec';
import { describe, expect, test } from 'vitest';
import { partsFromJson, partsToJson } from '../../../src/core/part.ts';

const first = (schedule: Schedule, steps: number) => Array.from({ length: steps }, (_, step) => schedule.at(step));
const close = (values: number[]) => values.map((value) => expect.closeTo(value, 9));

describe('rates', () => {
  test('constant', () => {
    expect(first(constant({ learningRate: 0.1 }), 2)).toEqual([0.1, 0.1]);
  });

  // torch 1.13, CosineAnnealingLR(T_max=5)
  test('cosine falls to the minimum and stays', () => {
    const schedule = cosine({ learningRate: 0.01, steps: 5 });
    expect(first(schedule, 5)).toEqual(close([0.01, 0.009045084972, 0.006545084972, 0.003454915028, 0.0009549150281]));
    expect(schedule.at(5)).toBeCloseTo(0, 12);
    expect(schedule.at(8)).toBeCloseTo(0, 12);
    expect(cosine({ learningRate: 1, steps: 4, minimum: 0.5 }).at(2)).toBeCloseTo(0.75, 12);
  });

  test('stepDecay', () => {
    expect(first(stepDecay({ learningRate: 0.01, every: 2, factor: 0.5 }), 5)).toEqual(
      close([0.01, 0.01, 0.005, 0.005, 0.0025]),
    );
  });

  // torch 1.13, LinearLR(start_factor=0.25, total_iters=4)
  test('linearSchedule', () => {
    const schedule = linearSchedule({ learningRate: 0.01, startFactor: 0.25, endFactor: 1, steps: 4 });
    expect(first(schedule, 6)).toEqual(close([0.0025, 0.004375, 0.00625, 0.008125, 0.01, 0.01]));
    expect(first(linearSchedule({ learningRate: 1, steps: 2 }), 4)).toEqual([1, 0.5, 0, 0]);
  });

  test('linearWarmup rises to the first rate of what follows', () => {
    expect(first(linearWarmup({ steps: 4, next: 0.4 }), 6)).toEqual(close([0.1, 0.2, 0.3, 0.4, 0.4, 0.4]));
    const schedule = linearWarmup({ steps: 2, next: cosine({ learningRate: 0.05, steps: 3 }) });
    expect(first(schedule, 6)).toEqual(close([0.025, 0.05, 0.05, 0.0375, 0.0125, 0]));
  });
});

test('a schedule within a schedule survives JSON', () => {
  const schedule = linearWarmup({ steps: 2, next: cosine({ learningRate: 0.05, steps: 3 }) });
  const again = partsFromJson(JSON.parse(JSON.stringify(partsToJson(schedule))), { linearWarmup, cosine }) as Schedule;
  expect(first(again, 6)).toEqual(first(schedule, 6));
});

test('options out of range are refused with a sentence', () => {
  expect(() => cosine({ learningRate: 0.1, steps: 0 })).toThrow('cosine: steps must be an integer at least 1, got 0.');
  expect(() => cosine({ learningRate: 0.1, steps: 2, minimum: 1 })).toThrow('cosine: minimum must be a number');
  expect(() => stepDecay({ learningRate: 0.1, every: 1.5 })).toThrow(
    'stepDecay: every must be an integer at least 1, got 1.5.',
  );
  expect(() => linearWarmup({ steps: 2, next: -1 })).toThrow('linearWarmup: next: learningRate must be a number');
  expect(() => constant({ learningRate: Number.NaN })).toThrow('constant: learningRate must be a number');
});
