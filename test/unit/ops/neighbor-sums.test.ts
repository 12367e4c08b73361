import { type Edges, neighborSums, Rng } from 'seqrec';
import { expect, test } from 'vitest';
import * as reference from '../../reference/neighbor-sums.ts';
import { checkOp, normals, onEachBackend, tensor } from './check.ts';

onEachBackend(() => {
  test.each([
    // nodes, columns, edges of each relation
    [1, 1, [1]],
    [5, 3, [12]],
    [6, 8, [9, 4]],
    [7, 15, [3, 0, 20]],
    [4, 26, [5, 7]],
    [3, 2, [0]],
    [0, 4, [0, 0]],
  ] as const)('%i nodes, %i columns, edges %j', async (rows, columns, counts) => {
    const relations = counts.map((count, r) => randomEdges(rows, count, r));
    await checkOp(
      [normals([rows, columns])],
      (x) => neighborSums(x, relations.length === 1 ? (relations[0] as Edges) : relations),
      (x) => reference.neighborSums(x as Float64Array, rows, relations),
    );
  });

  test('says what does not fit', () => {
    const x = tensor(normals([3, 5]));
    const edges = randomEdges(3, 2, 0);
    expect(() => neighborSums(x, [edges, edges])).toThrow(
      'The columns of neighborSums (5) must be a multiple of its relations (2).',
    );
    expect(() => neighborSums(x, [])).toThrow(
      'The columns of neighborSums (5) must be a multiple of its relations (0).',
    );
    expect(() => neighborSums(x, { ...edges, weights: new Float32Array(1) })).toThrow(
      'Every edge of neighborSums needs from, to and a weight, got 2, 2 and 1.',
    );
    for (const end of ['from', 'to']) {
      expect(() => neighborSums(x, { ...edges, [end]: Int32Array.of(0, 3) })).toThrow(
        'neighborSums takes rows from 0 to 2, got 3 at index 1.',
      );
    }
  });
});

/** Some edges may be equal. */
function randomEdges(rows: number, count: number, seed: number): Edges {
  const ends = new Rng(seed).fork('ends');
  const pick = (i: number) => ends.int(i, rows);
  return {
    from: Int32Array.from({ length: count }, (_, e) => pick(2 * e)),
    to: Int32Array.from({ length: count }, (_, e) => pick(2 * e + 1)),
    weights: normals([count], seed).data,
  };
}
