/** Weighted sums over the edges of a graph: the product of a sparse matrix and rows. */
import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runKernel } from './kernel.ts';
import { checkRows } from './rows.ts';
import { sumRows, takeRows } from './segment-sum.ts';
import { withGradient } from './with-gradient.ts';

/** The edges of one relation; each carries `weights[e]` times the row `from[e]` to the row `to[e]`. */
export interface Edges {
  from: Int32Array;
  to: Int32Array;
  weights: Float32Array;
}

/**
 * `y[i]` = the sum over the edges that lead to i of weight · `x[from]`: A x for the sparse matrix A with A[to, from] =
 * weight, where equal edges add up. A row that no edge leads to is 0.
 *
 * Several relations share the columns evenly: R lists of edges sum the first D / R columns of `x` by the first list, the
 * next ones by the second, and so on. A layer of SR-GNN (Wu et al., 2019) has two, incoming and outgoing edges:
 *
 * @example
 * ```ts
 * const sent = linear(nodes, wEdges, bEdges); // [N, 2H]
 * const received = neighborSums(sent, [incoming, outgoing]); // [N, 2H]
 * const next = gruCell(linear(received, wIh, bIh), nodes, wHh, { bias: bHh }); // [N, H]
 * ```
 *
 * @param x     `[N, D]`
 * @param edges rows 0 … N-1
 * @returns `[N, D]`
 */
export function neighborSums(x: tf.Tensor2D, edges: Edges | readonly Edges[]): tf.Tensor2D {
  const relations = 'from' in edges ? [edges] : edges;
  const [rows, columns] = x.shape;
  if (relations.length === 0 || columns % relations.length !== 0) {
    throw new RangeError(
      `The columns of neighborSums (${columns}) must be a multiple of its relations (${relations.length}).`,
    );
  }
  for (const { from, to, weights } of relations) {
    if (from.length !== to.length || from.length !== weights.length) {
      throw new RangeError(
        `Every edge of neighborSums needs from, to and a weight, got ${from.length}, ${to.length} and ${weights.length}.`,
      );
    }
    checkRows(from, rows, 'neighborSums');
    checkRows(to, rows, 'neighborSums');
  }
  return withGradient(
    [x],
    () => sums(x, relations),
    // The transposed matrix: along the edges backwards.
    (dy: tf.Tensor2D) => [
      sums(
        dy,
        relations.map(({ from, to, weights }) => ({ from: to, to: from, weights })),
      ),
    ],
  );
}

function sums(x: tf.Tensor2D, relations: readonly Edges[]): tf.Tensor2D {
  if (!hasKernel('SeqrecNeighborSums')) return composed(x, relations);
  const inputs: { [name: string]: tf.Tensor } = { x };
  relations.forEach(({ from, to, weights }, r) => {
    inputs[`from${r}`] = tf.tensor1d(from, 'int32');
    inputs[`to${r}`] = tf.tensor1d(to, 'int32');
    inputs[`weights${r}`] = tf.tensor1d(weights);
  });
  return runKernel('SeqrecNeighborSums', inputs, { relations: relations.length });
}

function composed(x: tf.Tensor2D, relations: readonly Edges[]): tf.Tensor2D {
  const [rows, columns] = x.shape;
  const width = columns / relations.length;
  const parts = relations.map(({ from, to, weights }, r) => {
    const sent = takeRows(relations.length === 1 ? x : tf.slice(x, [0, r * width], [rows, width]), from);
    return sumRows(tf.mul(sent, tf.tensor2d(weights, [weights.length, 1])), to, rows);
  });
  return parts.length === 1 ? (parts[0] as tf.Tensor2D) : tf.concat(parts, 1);
}
