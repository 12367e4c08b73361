import * as tf from '@tensorflow/tfjs-core';
import { AttentionPooling, type AttentionPoolingOptions, Layout, relu } from 'seqrec';
import { expect, test } from 'vitest';
import '../../../src/backend/gradients.ts';
import * as reference from '../../reference/attention-pooling.ts';
import { checkOp, expectClose, normals, onEachBackend, tensor, type Values } from '../ops/check.ts';
import { useTensors, weightsOf } from './with-weights.ts';

const offsets = Int32Array.of(0, 4, 5, 45);
const activation = (options: AttentionPoolingOptions) =>
  options.activation === relu ? (x: number) => Math.max(x, 0) : (x: number) => 1 / (1 + Math.exp(-x));

/** What the reference takes for the weights of a block. */
function referenceWeights(paths: Iterable<string>, values: readonly Float64Array[], row?: Float64Array) {
  const of = new Map([...paths].map((path, i) => [path, values[i] as Float64Array]));
  const map = (name: string) => ({
    weight: of.get(`${name}.weight`) as Float64Array,
    bias: of.get(`${name}.bias`) as Float64Array,
  });
  return { key: map('key'), query: row && { ...map('query'), row }, score: of.get('score') as Float64Array };
}

onEachBackend(() => {
  test.each<[AttentionPoolingOptions, capacity: number]>([
    [{ dim: 3 }, 45],
    [{ dim: 4 }, 50],
    [{ dim: 1, softmax: true }, 45],
    [{ dim: 5, softmax: true, query: false, activation: relu }, 48],
    [{ dim: 2, query: false }, 45],
  ])('%j, capacity %i', async (options, capacity) => {
    const { dim, query = true, softmax = false } = options;
    const before = tf.memory().numTensors;
    const layout = new Layout(offsets, { capacity });
    const weights = weightsOf(new AttentionPooling(options));
    const inputs: Values[] = [normals([capacity, dim]), ...(query ? [normals([3, dim], 1)] : [])];
    const run = (x: tf.Tensor2D, ...rest: tf.Tensor[]) => {
      const row = query ? (rest.shift() as tf.Tensor2D) : undefined;
      return useTensors(new AttentionPooling(options), weights.keys(), rest).forward(x, layout, row);
    };
    // Tensors of the layout are made once.
    tf.dispose(
      tf.tidy(() => run(...([...inputs, ...weights.values()].map((v) => tensor<tf.Tensor>(v)) as [tf.Tensor2D]))),
    );
    await checkOp([...inputs, ...weights.values()], run, (x, ...rest) => {
      const row = query ? rest.shift() : undefined;
      const it = { offsets, width: dim, activation: activation(options), softmax };
      return reference.attentionPooling(x as Float64Array, referenceWeights(weights.keys(), rest, row), it);
    });
    layout.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test.each([true, false])('its weights are those it sums by, softmax %s', async (softmax) => {
    using layout = new Layout(offsets, { capacity: 47 });
    using pooling = new AttentionPooling({ dim: 3, softmax, query: false }).init(1);
    const x = tensor(normals([47, 3]));
    const [weights, pooled] = tf.tidy(() => [pooling.weights(x, layout), pooling.forward(x, layout)]);
    const [values, rows, sums] = [await weights.data(), await x.data(), await pooled.data()];
    expect(weights.shape).toEqual([45]);
    const expected = new Float64Array(9);
    layout.sequences.subarray(0, 45).forEach((b, row) => {
      for (let j = 0; j < 3; j++) {
        expected[b * 3 + j] = (expected[b * 3 + j] as number) + (values[row] as number) * (rows[row * 3 + j] as number);
      }
    });
    expectClose(sums, expected, 'sums');
    tf.dispose([x, weights, pooled]);
  });

  test('a query is wanted or not', () => {
    using layout = new Layout(offsets);
    const [x, query] = [tensor(normals([45, 2])), tensor(normals([3, 2]))];
    expect(() => new AttentionPooling({ dim: 2 }).init(1).forward(x, layout)).toThrow(
      'This AttentionPooling needs a query.',
    );
    expect(() => new AttentionPooling({ dim: 2, query: false }).init(1).forward(x, layout, query)).toThrow(
      'This AttentionPooling takes no query.',
    );
    tf.dispose([x, query]);
  });
});
