import * as tf from '@tensorflow/tfjs-core';
import {
  adagrad,
  adagradMomentum,
  adam,
  adamW,
  type Gradient,
  type Optimizer,
  Parameter,
  rmsProp,
  sgd,
  sparseAdam,
  stepDecay,
  zeros,
} from 'seqrec';
import { describe, expect, test } from 'vitest';
import * as reference from '../../reference/optimizers.ts';
import { expectClose, normals, onEachBackend, tensor } from '../ops/check.ts';

const shape = [4, 3];
const size = 12;
const steps = 5;
const start = normals(shape, 1);
/** The gradient of each step; values of very different size, and a zero. */
const given = Array.from({ length: steps }, (_, step) => {
  const { data } = normals(shape, 10 + step);
  return { shape, data: data.map((g, i) => (i === 0 ? 0 : g * 10 ** ((i % 4) - 2))) };
});

const rate = 0.05;
const schedule = stepDecay({ learningRate: rate, every: 2, factor: 0.5 });
const rates = [0.05, 0.05, 0.025, 0.025, 0.0125];

const variants: [name: string, optimizer: Optimizer, rule: () => reference.Rule][] = [
  ['adam', adam({ learningRate: schedule }), () => reference.adam({})],
  [
    'adam with other betas, epsilon and L2',
    adam({ learningRate: schedule, beta1: 0.8, beta2: 0.98, epsilon: 1e-3, weightDecay: 0.1 }),
    () => reference.adam({ beta1: 0.8, beta2: 0.98, epsilon: 1e-3, l2: 0.1 }),
  ],
  ['adam with amsgrad', adam({ learningRate: schedule, amsgrad: true }), () => reference.adam({ amsgrad: true })],
  ['adamW', adamW({ learningRate: schedule }), () => reference.adam({ decay: 0.01 })],
  [
    'adamW with amsgrad',
    adamW({ learningRate: schedule, weightDecay: 0.2, amsgrad: true }),
    () => reference.adam({ decay: 0.2, amsgrad: true }),
  ],
  ['sparseAdam', sparseAdam({ learningRate: schedule }), () => reference.sparseAdam({})],
  ['sgd', sgd({ learningRate: schedule }), () => reference.sgd({})],
  ['sgd with L2', sgd({ learningRate: schedule, weightDecay: 0.1 }), () => reference.sgd({ l2: 0.1 })],
  ['sgd with momentum', sgd({ learningRate: schedule, momentum: 0.9 }), () => reference.sgd({ momentum: 0.9 })],
  [
    'sgd with Nesterov momentum and L2',
    sgd({ learningRate: schedule, momentum: 0.9, nesterov: true, weightDecay: 0.1 }),
    () => reference.sgd({ momentum: 0.9, nesterov: true, l2: 0.1 }),
  ],
  ['adagrad', adagrad({ learningRate: schedule }), () => reference.adagrad({})],
  [
    'adagrad with a start and L2',
    adagrad({ learningRate: schedule, initialAccumulator: 0.1, weightDecay: 0.1 }),
    () => reference.adagrad({ start: 0.1, l2: 0.1 }),
  ],
  ['adagradMomentum', adagradMomentum({ learningRate: schedule }), () => reference.adagradMomentum({})],
  [
    'adagradMomentum with momentum',
    adagradMomentum({ learningRate: schedule, momentum: 0.3 }),
    () => reference.adagradMomentum({ momentum: 0.3 }),
  ],
  ['rmsProp', rmsProp({ learningRate: schedule }), () => reference.rmsProp({})],
  [
    'rmsProp with momentum and L2',
    rmsProp({ learningRate: schedule, momentum: 0.9, weightDecay: 0.1 }),
    () => reference.rmsProp({ momentum: 0.9, l2: 0.1 }),
  ],
];

function parameter(): Parameter {
  const made = new Parameter(shape, zeros);
  made.set(start.data);
  return made;
}

function apply(run: ReturnType<Optimizer['start']>, gradient: Gradient): void {
  run.step(new Map([['w', gradient]]));
  tf.dispose(gradient instanceof tf.Tensor ? gradient : gradient.values);
}

/** Rows 1 and 3 of a step's gradient. */
function rowsOf(step: number): Gradient {
  const { data } = given[step] as { data: Float32Array };
  const values = Float32Array.from([...data.subarray(3, 6), ...data.subarray(9, 12)]);
  return { rows: Int32Array.of(1, 3), values: tensor({ shape: [2, 3], data: values }) };
}

onEachBackend(() => {
  describe.each(variants)('%s', (_, optimizer, rule) => {
    test('follows the formula', async () => {
      const before = tf.memory().numTensors;
      const w = parameter();
      const run = optimizer.start(new Map([['w', w]]));
      const expected = Float64Array.from(start.data);
      const rules = Array.from({ length: size }, rule);
      for (let step = 0; step < steps; step++) {
        const { data } = given[step] as { data: Float32Array };
        rules.forEach((move, i) => {
          expected[i] = move(expected[i] as number, data[i] as number, rates[step] as number);
        });
        apply(run, tensor({ shape, data }));
        expectClose(await w.data(), expected, `step ${step + 1}`, { absolute: 1e-6, relative: 1e-5 });
      }
      run.dispose();
      w.dispose();
      expect(tf.memory().numTensors, 'tensors left').toBe(before);
    });

    test('a parameter without a gradient stays as it is, and so does its memory', async () => {
      const [w, other] = [parameter(), parameter()];
      const run = optimizer.start(
        new Map([
          ['w', w],
          ['other', other],
        ]),
      );
      const alone = parameter();
      const runAlone = optimizer.start(new Map([['w', alone]]));
      const grad = (step: number) => tensor(given[step] as (typeof given)[number]);
      run.step(
        new Map([
          ['w', grad(0)],
          ['other', grad(0)],
        ]),
      );
      runAlone.step(new Map([['w', grad(0)]]));
      const after = await w.data();
      run.step(new Map([['other', grad(1)]]));
      expect(await w.data()).toEqual(after);
      const state = await run.state();
      const stateAlone = await runAlone.state();
      for (const [key, { data }] of stateAlone) if (key.endsWith('/w')) expect(state.get(key)?.data).toEqual(data);
      tf.dispose([w, other, alone].map((p) => p.value));
      run.dispose();
      runAlone.dispose();
    });

    test('a restored state continues to the bit', async () => {
      const [w, copy] = [parameter(), parameter()];
      const run = optimizer.start(new Map([['w', w]]));
      const gradient = (step: number) => (step % 2 ? rowsOf(step) : tensor(given[step] as (typeof given)[number]));
      for (let step = 0; step < 3; step++) apply(run, gradient(step));
      const state = await run.state();
      copy.set(await w.data());
      const resumed = optimizer.start(new Map([['w', copy]]));
      resumed.restore(state);
      for (let step = 3; step < steps; step++) {
        apply(run, gradient(step));
        apply(resumed, gradient(step));
      }
      expect(await copy.data()).toEqual(await w.data());
      expect(await resumed.state()).toEqual(await run.state());
      tf.dispose([w.value, copy.value]);
      run.dispose();
      resumed.dispose();
    });

    test('a row gradient leaves no tensor', () => {
      const before = tf.memory().numTensors;
      const w = parameter();
      const run = optimizer.start(new Map([['w', w]]));
      for (let step = 0; step < 3; step++) apply(run, rowsOf(step));
      run.dispose();
      w.dispose();
      expect(tf.memory().numTensors).toBe(before);
    });
  });

  // Rows that were not read: the dense rule with a gradient of zero for them …
  test.each([
    ['adam', adam({ learningRate: rate })],
    ['adamW', adamW({ learningRate: rate })],
    ['sgd', sgd({ learningRate: rate })],
    ['sgd with momentum', sgd({ learningRate: rate, momentum: 0.9 })],
    ['adagrad', adagrad({ learningRate: rate })],
    ['adagrad with L2', adagrad({ learningRate: rate, weightDecay: 0.1 })],
    ['adagradMomentum without momentum', adagradMomentum({ learningRate: rate })],
    ['rmsProp', rmsProp({ learningRate: rate })],
  ] as [string, Optimizer][])('%s: rows give what a dense gradient gives', async (_, optimizer) => {
    const [dense, sparse] = [parameter(), parameter()];
    const [byDense, byRows] = [dense, sparse].map((w) => optimizer.start(new Map([['w', w]])));
    if (!byDense || !byRows) throw new Error('unreachable');
    apply(byDense, tensor(given[0] as (typeof given)[number]));
    apply(byRows, tensor(given[0] as (typeof given)[number]));
    for (let step = 1; step < steps; step++) {
      const data = (given[step] as (typeof given)[number]).data.map((g, i) => (Math.floor(i / 3) % 2 ? g : 0));
      apply(byDense, tensor({ shape, data }));
      apply(byRows, rowsOf(step));
    }
    expectClose(await sparse.data(), await dense.data(), 'weights', { absolute: 1e-6, relative: 1e-6 });
    tf.dispose([dense.value, sparse.value]);
    byDense.dispose();
    byRows.dispose();
  });

  // … or untouched by name.
  test.each([
    ['sparseAdam', sparseAdam({ learningRate: rate }), () => reference.sparseAdam({})],
    [
      'adagradMomentum with momentum',
      adagradMomentum({ learningRate: rate, momentum: 0.3 }),
      () => Object.assign(reference.adagradMomentum({ momentum: 0.3 }), { skip: () => {} }),
    ],
  ] as [string, Optimizer, () => reference.Rule & { skip: () => void }][])(
    '%s: only rows that were read move, whatever their memory',
    async (_, optimizer, rule) => {
      const w = parameter();
      const run = optimizer.start(new Map([['w', w]]));
      const expected = Float64Array.from(start.data);
      const rules = Array.from({ length: size }, rule);
      for (let step = 0; step < steps; step++) {
        const { data } = given[step] as (typeof given)[number];
        const isRead = (i: number) => step % 2 === 0 || Math.floor(i / 3) % 2 === 1;
        rules.forEach((move, i) => {
          if (isRead(i)) expected[i] = move(expected[i] as number, data[i] as number, rate);
          else move.skip();
        });
        apply(run, step % 2 === 0 ? tensor({ shape, data }) : rowsOf(step));
        expectClose(await w.data(), expected, `step ${step + 1}`, { absolute: 1e-6, relative: 1e-5 });
      }
      run.dispose();
      w.dispose();
    },
  );
});

test('the state is named after optimizer and path', async () => {
  const w = parameter();
  const run = adam().start(new Map([['blocks.0.weight', w]]));
  expect([...(await run.state()).keys()]).toEqual(['adam.steps']);
  run.step(new Map([['blocks.0.weight', tensor(given[0] as (typeof given)[number])]]));
  const state = await run.state();
  expect([...state.keys()]).toEqual([
    'adam.steps',
    'adam.steps/blocks.0.weight',
    'adam.m/blocks.0.weight',
    'adam.v/blocks.0.weight',
  ]);
  expect(state.get('adam.m/blocks.0.weight')?.shape).toEqual(shape);
  expect(() =>
    adam()
      .start(new Map([['other', w]]))
      .restore(state),
  ).toThrow('missing, unknown or misshapen: blocks.0.weight');
  expect(() =>
    adamW()
      .start(new Map([['blocks.0.weight', w]]))
      .restore(state),
  ).toThrow(
    'This is not the state of adamW on these parameters; missing, unknown or misshapen: adam.steps, adam.steps/blocks.0.weight',
  );
  expect(() => run.step(new Map([['nowhere', tensor(start)]]))).toThrow(
    "There is a gradient for 'nowhere', which is not a parameter of this optimizer.",
  );
  run.dispose();
  w.dispose();
});

test('a state read while training goes on is of one moment', async () => {
  const w = parameter();
  const run = adam().start(new Map([['w', w]]));
  apply(run, tensor(given[0] as (typeof given)[number]));
  const reading = run.state();
  const before = await run.state();
  const late = run.state();
  apply(run, tensor(given[1] as (typeof given)[number]));
  expect(await reading).toEqual(before);
  expect(await late).toEqual(before);
  run.dispose();
  w.dispose();
});

test('parts and their checks', () => {
  expect(adam({ beta2: 0.98 })).toMatchObject({
    name: 'adam',
    options: { learningRate: 1e-3, beta1: 0.9, beta2: 0.98, epsilon: 1e-8, weightDecay: 0, amsgrad: false },
  });
  expect(adamW().options).toMatchObject({ weightDecay: 0.01 });
  expect(sgd({ learningRate: schedule }).options.learningRate).toBe(schedule);
  expect(() => adam({ beta1: 1 })).toThrow('adam: beta1 must be a number at least 0 and less than 1, got 1.');
  expect(() => adamW({ weightDecay: -1 })).toThrow('adamW: weightDecay must be a number at least 0, got -1.');
  expect(() => adam({ learningRate: -1 })).toThrow('adam: learningRate must be a number at least 0, got -1.');
  expect(() => adam({ learningRate: 'fast' as unknown as number })).toThrow(
    "adam: learningRate must be a number or a schedule, got 'fast'.",
  );
  expect(() => sgd({ nesterov: true })).toThrow('sgd: nesterov needs a momentum greater than 0, got 0.');
  expect(() => adagrad({ epsilon: -1 })).toThrow('adagrad: epsilon must be a number at least 0, got -1.');
});
