/** Softmax cross-entropy composed of tfjs operations. */
import * as tf from '@tensorflow/tfjs-core';
import { addInto } from './add-to.ts';
import { sumRows, takeRows } from './segment-sum.ts';

/** One call of softmaxCrossEntropy, besides its differentiable inputs; checked. */
export interface CrossEntropyProblem {
  readonly targets: Int32Array;
  readonly weights: Float32Array;
  readonly scale: number;
  readonly labelSmoothing: number;
}

/** The sum of losses and, if wanted, its gradients by states, table and, if there is one, bias. */
export interface CrossEntropyResult {
  readonly loss: tf.Scalar;
  readonly gradients: tf.Tensor[];
}

/** Logits that exist at one time. */
const MAX_LOGITS = (16 * 2 ** 20) / 4;

/**
 * The gradient by a logit is weight · (softmax - (1 - ε) [is target] - ε / V). The target's part touches one row of the
 * table for each state, so it is added by lookups after the loop over chunks.
 */
export function composedCrossEntropy(
  problem: CrossEntropyProblem,
  states: tf.Tensor2D,
  table: tf.Tensor2D,
  bias: tf.Tensor1D | undefined,
  wanted: boolean,
): CrossEntropyResult {
  const { targets, weights, scale, labelSmoothing } = problem;
  const count = states.shape[0];
  const items = table.shape[0];
  const scaled = tf.mul(states, scale) as tf.Tensor2D;
  const transposed = tf.transpose(table);
  const rows = Math.max(1, Math.floor(MAX_LOGITS / items));

  const losses: tf.Scalar[] = [];
  const dStates: tf.Tensor2D[] = [];
  let sums: tf.Tensor[] = [];
  for (let begin = 0; begin < count; begin += rows) {
    const size = Math.min(rows, count - begin);
    const [loss, dRows, ...parts] = tf.tidy(() => {
      const rowStates = tf.slice(scaled, [begin, 0], [size, -1]);
      const rowWeights = tf.tensor2d(weights.subarray(begin, begin + size), [size, 1]);
      const products = tf.matMul(rowStates, transposed) as tf.Tensor2D;
      const logits: tf.Tensor2D = bias ? tf.add(products, bias) : products;
      const shifted: tf.Tensor2D = tf.sub(logits, tf.max(logits, 1, true));
      const exponentials: tf.Tensor2D = tf.exp(shifted);
      const total: tf.Tensor2D = tf.sum(exponentials, 1, true);
      const target = elements(shifted, targets.subarray(begin, begin + size));
      const fit = labelSmoothing === 0 ? target : smooth(target, tf.mean(shifted, 1, true), labelSmoothing);
      const loss = tf.sum(tf.mul(rowWeights, tf.sub(tf.log(total), fit))) as tf.Scalar;
      if (!wanted) return [loss];
      const spread = tf.mul(exponentials, tf.div(rowWeights, total)) as tf.Tensor2D;
      const dLogits: tf.Tensor2D =
        labelSmoothing === 0 ? spread : tf.sub(spread, tf.mul(rowWeights, labelSmoothing / items));
      return [
        loss,
        tf.matMul(dLogits, table),
        // [D, V]: of the two operands only the small one is transposed.
        tf.matMul(tf.transpose(rowStates), dLogits),
        ...(bias ? [tf.sum(dLogits, 0)] : []),
      ];
    }) as [tf.Scalar, tf.Tensor2D, ...tf.Tensor[]];
    losses.push(loss);
    if (!wanted) continue;
    dStates.push(dRows);
    sums = sums.length === 0 ? parts : parts.map((part, i) => addInto(sums[i] as tf.Tensor, part));
  }
  const loss = tf.sum(tf.stack(losses)) as tf.Scalar;
  if (!wanted) return { loss, gradients: [] };

  const hits = tf.tensor2d(
    weights.map((weight) => weight * (1 - labelSmoothing)),
    [count, 1],
  );
  const [dTable, dBias] = sums as [tf.Tensor2D, tf.Tensor1D | undefined];
  return {
    loss,
    gradients: [
      tf.mul(tf.sub(tf.concat(dStates), tf.mul(hits, takeRows(table, targets))), scale),
      tf.sub(tf.transpose(dTable), sumRows(tf.mul(hits, scaled), targets, items)),
      ...(dBias ? [tf.sub(dBias, tf.reshape(sumRows(hits, targets, items), [items]))] : []),
    ],
  };
}

/** The element of column `columns[i]` in each row i, as `[rows, 1]`. */
function elements(x: tf.Tensor2D, columns: Int32Array): tf.Tensor2D {
  const places = columns.map((column, row) => row * x.shape[1] + column);
  return tf.reshape(tf.gather(tf.reshape(x, [-1]), tf.tensor1d(places, 'int32')), [-1, 1]);
}

function smooth(target: tf.Tensor, mean: tf.Tensor, labelSmoothing: number): tf.Tensor {
  return tf.add(tf.mul(target, 1 - labelSmoothing), tf.mul(mean, labelSmoothing));
}
