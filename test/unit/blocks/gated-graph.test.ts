import * as tf from '@tensorflow/tfjs-core';
import { GatedGraph, type GatedGraphOptions, Ragged, Rng, sessionGraph } from 'seqrec';
import { expect, test } from 'vitest';
import '../../../src/backend/gradients.ts';
import { range } from '../../../src/core/ragged.ts';
import { at } from '../../reference/array.ts';
import { gru } from '../../reference/gru.ts';
import { linear } from '../../reference/linear.ts';
import { neighborSums } from '../../reference/neighbor-sums.ts';
import { checkOp, normals, onEachBackend, tensor } from '../ops/check.ts';
import { useTensors, weightsOf } from './with-weights.ts';

/** Sessions of several lengths with repeats, one of a single item. */
const sessions = Ragged.from([[0, 1, 0, 2, 2, 1], [3], [1, 2, 1, 2, 4], [5, 5]]);

onEachBackend((backend) => {
  test.each<GatedGraphOptions>([
    { dim: 3 },
    { dim: 4, steps: 3 },
    { dim: 1, steps: 2, reset: 'before' },
    { dim: 5, relations: 1, mapped: false, reset: 'before' },
  ])('%j', async (options) => {
    const { dim, steps = 1, relations = 2, mapped = true, reset = 'after' } = options;
    const graph = sessionGraph(sessions, { counted: true });
    const edges = [graph.incoming, graph.outgoing].slice(0, relations);
    const nodes = graph.item.length;
    const weights = weightsOf(new GatedGraph(options));
    await checkOp(
      [normals([nodes, dim]), ...weights.values()],
      (x, ...tensors) => useTensors(new GatedGraph(options), weights.keys(), tensors).forward(x, edges),
      (x, ...values) => {
        const of = new Map([...weights.keys()].map((path, i) => [path, values[i] as Float64Array]));
        let states = x as Float64Array;
        for (let step = 0; step < steps; step++) {
          const received = edges.map((list, r) => {
            const sent = mapped
              ? linear(states, of.get(`edges.${r}.weight`) as Float64Array, of.get(`edges.${r}.bias`), dim)
              : states;
            const shift = of.get(`received.${r}`);
            return neighborSums(sent, nodes, [list]).map((sum, i) => sum + (shift ? at(shift, i % dim) : 0));
          });
          const joined = Float64Array.from(range(nodes * relations * dim), (i) => {
            const [node, column] = [Math.floor(i / (relations * dim)), i % (relations * dim)];
            return at(received[Math.floor(column / dim)] as Float64Array, node * dim + (column % dim));
          });
          const input = linear(joined, of.get('input.weight') as Float64Array, of.get('input.bias'), relations * dim);
          const it = { offsets: range(nodes + 1), capacity: nodes, width: dim, reset };
          states = gru(input, of.get('state.weight') as Float64Array, of.get('state.bias'), states, it);
        }
        return states;
      },
    );
  });

  test('takes as many lists of edges as it has relations', () => {
    const { incoming } = sessionGraph(sessions);
    const x = tensor(normals([11, 2]));
    expect(() => new GatedGraph({ dim: 2 }).init(1).forward(x, [incoming])).toThrow(
      'This GatedGraph takes 2 lists of edges, got 1.',
    );
    x.dispose();
  });

  test.runIf(backend === 'cpu')('makes tensors in proportion to nodes and edges', async () => {
    const dim = 8;
    using graph = new GatedGraph({ dim, steps: 2 }).init(1);
    /** All values that a pass and its gradient make for sessions of 40 items each, or for one long session. */
    const values = async (lists: number[][]) => {
      const { item, incoming, outgoing } = sessionGraph(Ragged.from(lists));
      const x = tensor(normals([item.length, dim]));
      const { kernels } = await tf.profile(() => {
        tf.tidy(() => void tf.grads((x) => graph.forward(x as tf.Tensor2D, [incoming, outgoing]))([x]));
      });
      x.dispose();
      const made = kernels.flatMap(({ outputShapes }) => outputShapes.map((shape) => tf.util.sizeFromShape(shape)));
      return { total: made.reduce((sum, n) => sum + n, 0), largest: Math.max(...made), edges: incoming.from.length };
    };
    const session = (items: number, length: number, seed: number) =>
      Array.from({ length }, (_, t) => new Rng(seed).int(t, items));
    const [short, long, many] = [
      await values([session(200, 200, 1)]),
      await values([session(1600, 1600, 2)]),
      await values(Array.from({ length: 8 }, (_, b) => session(200, 200, b))),
    ];
    // Eight times the events, in one session or in eight: eight times the values.
    expect(long.total / short.total).toBeCloseTo(8, 0);
    expect(many.total / short.total).toBeCloseTo(8, 0);
    expect(long.edges).toBeLessThan(1600);
    expect(long.largest).toBeLessThanOrEqual(1600 * 3 * dim);
  });
});
