import { type Edges, Ragged, Rng, sessionGraph } from 'seqrec';
import { expect, test } from 'vitest';

const list = ({ from, to, weights }: Edges) => Array.from(from, (tail, e) => [tail, to[e], weights[e]]);
const third = Math.fround(1 / 3);

// The session of the paper's figure 2, v1 v2 v3 v2 v4, after another one with a step to itself and a repeated step.
const sessions = Ragged.from([[7, 7, 5, 7, 5], [1, 2, 3, 2, 4], [9]]);

test('nodes by first appearance, edges once each', () => {
  const graph = sessionGraph(sessions);
  expect([...graph.item]).toEqual([7, 5, 1, 2, 3, 4, 9]);
  expect([...graph.offsets]).toEqual([0, 2, 6, 7]);
  expect([...graph.nodeOf]).toEqual([0, 0, 1, 0, 1, 2, 3, 4, 3, 5, 6]);
  expect(list(graph.incoming)).toEqual([
    [0, 0, 0.5],
    [0, 1, 1],
    [1, 0, 0.5],
    [2, 3, 0.5],
    [3, 4, 1],
    [4, 3, 0.5],
    [3, 5, 1],
  ]);
  expect(list(graph.outgoing)).toEqual([
    [0, 0, 0.5],
    [1, 0, 0.5],
    [0, 1, 1],
    [3, 2, 1],
    [4, 3, 0.5],
    [3, 4, 1],
    [5, 3, 0.5],
  ]);
});

test('nodes by row, edges counted', () => {
  const { item, nodeOf, incoming, outgoing } = sessionGraph(sessions, { nodes: 'row', counted: true });
  expect([...item]).toEqual([5, 7, 1, 2, 3, 4, 9]);
  expect([...nodeOf.subarray(0, 5)]).toEqual([1, 1, 0, 1, 0]);
  expect(list(incoming).slice(0, 3)).toEqual([
    [1, 1, 0.5],
    [1, 0, 1],
    [0, 1, 0.5],
  ]);
  expect(list(outgoing).slice(0, 3)).toEqual([
    [1, 1, third],
    [0, 1, Math.fround(2 / 3)],
    [1, 0, 1],
  ]);
});

test('sessions stay apart, and what enters a node has the sum 1', () => {
  const rng = new Rng(1);
  const lists = Array.from({ length: 30 }, (_, b) =>
    Array.from({ length: rng.int(b, 20) }, (_, t) => rng.int(100 * b + t, 9)),
  );
  const graph = sessionGraph(Ragged.from(lists), { counted: true });
  const session = (node: number) =>
    graph.offsets.findIndex((first, b) => node >= first && node < (graph.offsets[b + 1] ?? 0));
  for (const edges of [graph.incoming, graph.outgoing]) {
    const sums = new Map<number, number>();
    for (const [from, to, weight] of list(edges) as [number, number, number][]) {
      expect(session(from)).toBe(session(to));
      sums.set(to, (sums.get(to) ?? 0) + weight);
    }
    for (const sum of sums.values()) expect(sum).toBeCloseTo(1, 6);
  }
  expect(graph.incoming.from).toEqual(graph.outgoing.to);
});

test('no sessions, and empty ones', () => {
  expect(sessionGraph(Ragged.from([])).item).toHaveLength(0);
  const graph = sessionGraph(Ragged.from([[], [3], []]));
  expect([...graph.offsets]).toEqual([0, 0, 1, 1]);
  expect(graph.incoming.from).toHaveLength(0);
});
