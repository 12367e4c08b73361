import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import { embedding, type Gradient, gradients, linear, Parameter, toDense, zeros } from 'seqrec';
import { expect, test } from 'vitest';
import { expectClose, expectNoLeak, normals, onEachBackend } from './check.ts';

onEachBackend(() => {
  test('a table that is only read gets a gradient of the rows read, each once and ascending', async () => {
    const table = parameter([6, 2]);
    const parameters = new Map([['table', table]]);
    const { value, gradients: found } = gradients(() => {
      const a = embedding(table, Int32Array.of(4, 1, 4));
      const b = embedding(table, Int32Array.of(1, 0));
      return tf.add(tf.sum(tf.mul(a, [[1], [2], [3]])), tf.sum(tf.mul(b, [[10], [20]]))) as tf.Scalar;
    }, parameters);
    const gradient = rowGradient(found.get('table'));
    expect([...gradient.rows]).toEqual([0, 1, 4]);
    expectClose(await gradient.values.data(), [20, 20, 12, 12, 4, 4], 'values');
    const dense = toDense(gradient, 6);
    expectClose(await dense.data(), [20, 20, 12, 12, 0, 0, 0, 0, 4, 4, 0, 0], 'dense');
    expect(value.shape).toEqual([]);
    expect(table.sink).toBeUndefined();
  });

  test('a table that a dense op reads as well gets the dense sum', async () => {
    const table = parameter([4, 3]);
    const rows = Int32Array.of(2, 0, 2);
    const loss = (weight: tf.Tensor | Parameter) => {
      const x = embedding(weight, rows);
      return tf.sum(tf.square(linear(x, weight))) as tf.Scalar;
    };
    const { gradients: found } = gradients(() => loss(table), new Map([['table', table]]));
    const expected = tf.grad((w: tf.Tensor) => loss(w))(tf.clone(table.value));
    const gradient = found.get('table') as tf.Tensor;
    expect(gradient).toBeInstanceOf(tf.Tensor);
    expectClose(await gradient.data(), await expected.data(), 'gradient');
    expect(toDense(gradient, 4)).toBe(gradient);
  });

  test('a parameter that the loss does not reach is absent', async () => {
    const [used, unused] = [parameter([2, 2]), parameter([2, 2])];
    const parameters = new Map([
      ['used', used],
      ['unused', unused],
    ]);
    const { gradients: found } = gradients(() => tf.sum(tf.mul(used.value, 3)) as tf.Scalar, parameters);
    expect([...found.keys()]).toEqual(['used']);
    expectClose(await (found.get('used') as tf.Tensor).data(), [3, 3, 3, 3], 'gradient');
    const none = gradients(() => tf.scalar(2), parameters);
    expect(none.gradients.size).toBe(0);
    expect([...(await none.value.data())]).toEqual([2]);
  });

  test('keeps the order of the parameters, whatever their names', () => {
    const parameters = new Map(['b', '1', '0', 'a'].map((name) => [name, parameter([1])]));
    const sum = () => tf.addN([...parameters.values()].map(({ value }) => tf.sum(value))) as tf.Scalar;
    expect([...gradients(sum, parameters).gradients.keys()]).toEqual(['b', '1', '0', 'a']);
  });

  test('leaves no tensor but its result', () => {
    const [table, weight] = [parameter([5, 3]), parameter([2, 3])];
    const parameters = new Map([
      ['table', table],
      ['weight', weight],
    ]);
    expectNoLeak(() => {
      const { value, gradients: found } = gradients(() => {
        return tf.sum(linear(embedding(table, Int32Array.of(1, 1)), weight)) as tf.Scalar;
      }, parameters);
      tf.dispose([value, found.get('weight') as tf.Tensor, rowGradient(found.get('table')).values]);
    });
    expectNoLeak(() => {
      tf.tidy(() => {
        gradients(() => tf.sum(embedding(table, Int32Array.of(1, 1))) as tf.Scalar, parameters);
      });
    });
  });

  test('leaves no tensor and no sink when the loss or a gradient throws', () => {
    const [table, weight] = [parameter([5, 3]), parameter([2, 3])];
    const parameters = new Map([
      ['table', table],
      ['weight', weight],
    ]);
    const forward = () => tf.sum(linear(embedding(table, Int32Array.of(1, 1)), weight)) as tf.Scalar;
    const broken = tf.customGrad((x) => ({
      value: tf.clone(x as tf.Tensor),
      gradFunc: () => {
        throw new Error('no gradient');
      },
    }));
    for (const [loss, message] of [
      [() => fail(forward()), 'no loss'],
      [() => broken(forward()) as tf.Scalar, 'no gradient'],
      [() => tf.sum(broken(linear(embedding(table, Int32Array.of(2)), weight))) as tf.Scalar, 'no gradient'],
    ] as [() => tf.Scalar, string][]) {
      expectNoLeak(() => {
        expect(() => gradients(loss, parameters)).toThrow(message);
      });
      expect(table.sink).toBeUndefined();
    }
    // The engine is usable afterwards.
    expect(gradients(forward, parameters).gradients.size).toBe(2);
  });
});

function parameter(shape: number[]): Parameter {
  const parameter = new Parameter(shape, zeros);
  parameter.set(normals(shape, 1).data);
  return parameter;
}

function rowGradient(gradient: Gradient | undefined) {
  if (!gradient || gradient instanceof tf.Tensor) throw new Error('Expected a gradient of rows.');
  return gradient;
}

function fail(_: tf.Tensor): tf.Scalar {
  throw new Error('no loss');
}
