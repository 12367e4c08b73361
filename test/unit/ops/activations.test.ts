import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { isPart, partsToJson } from '../../../src/core/part.ts';
import * as activations from '../../../src/ops/activations.ts';
import * as reference from '../../reference/activations.ts';
import { checkOp, expectClose, onEachBackend } from './check.ts';

const { elu, leakyRelu, ...plain } = activations;
const scalars = { ...reference };

onEachBackend(() => {
  // 0 itself is left out: relu and its relatives have no derivative there.
  const x = { shape: [9, 9], data: new Float32Array(81).map((_, i) => (i - 40.25) / 4) };
  const cases = [
    ...Object.entries(plain).map(([name, op]) => ({ name, op, scalar: scalars[name as keyof typeof plain] })),
    { name: 'elu', op: elu(), scalar: reference.elu(1) },
    { name: 'elu of 0.5', op: elu({ alpha: 0.5 }), scalar: reference.elu(0.5) },
    { name: 'leakyRelu', op: leakyRelu(), scalar: reference.leakyRelu(0.01) },
    { name: 'leakyRelu of 0.2', op: leakyRelu({ slope: 0.2 }), scalar: reference.leakyRelu(0.2) },
  ];

  test.each(cases)('$name and its derivative', async ({ op, scalar }) => {
    await checkOp([x], op, (x) => (x as Float64Array).map(scalar), { absolute: 2e-6, relative: 1e-5 });
  });

  test.each(cases)('$name of large arguments, with a finite derivative', async ({ op, scalar }) => {
    const large = [-200, -100, -90, -30, 30, 90, 100, 200];
    const input = tf.tensor1d(large);
    expectClose(await op(input).data(), large.map(scalar), 'value');
    const derivative = await tf
      .grad((x: tf.Tensor) => op(x))(input)
      .data();
    expect([...derivative].every(Number.isFinite)).toBe(true);
  });

  test('keeps the shape of any tensor', () => {
    expect(activations.gelu(tf.zeros([2, 3, 4])).shape).toEqual([2, 3, 4]);
    expect(activations.softplus(tf.scalar(1)).shape).toEqual([]);
  });
});

test('activations are parts with the name of their export', () => {
  for (const [name, activation] of Object.entries(plain)) {
    expect(isPart(activation)).toBe(true);
    expect(partsToJson(activation)).toEqual({ part: name, options: {} });
  }
  expect(partsToJson(elu({ alpha: 0.5 }))).toEqual({ part: 'elu', options: { alpha: 0.5 } });
  expect(partsToJson(leakyRelu())).toEqual({ part: 'leakyRelu', options: { slope: 0.01 } });
  expect(() => elu({ alpha: -1 })).toThrow('alpha must be a number at least 0, got -1.');
});
