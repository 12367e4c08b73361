/** Reference of `softmaxCrossEntropy`. */
import { at } from './array.ts';

export interface CrossEntropyCase {
  targets: Int32Array;
  weights: Float32Array;
  scale: number;
  labelSmoothing: number;
}

/** `states` [M, D], `table` [V, D], `bias` [V]; the weighted sum of -Σ p ln softmax with PyTorch's smoothed p. */
export function crossEntropy(
  states: Float64Array,
  table: Float64Array,
  bias: Float64Array | undefined,
  { targets, weights, scale, labelSmoothing }: CrossEntropyCase,
): number {
  const width = states.length / targets.length;
  const items = table.length / width;
  let loss = 0;
  targets.forEach((target, m) => {
    const logits = Array.from({ length: items }, (_, v) => {
      let sum = 0;
      for (let j = 0; j < width; j++) sum += at(states, m * width + j) * at(table, v * width + j);
      return scale * sum + (bias ? at(bias, v) : 0);
    });
    const highest = Math.max(...logits);
    const logTotal = highest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0));
    logits.forEach((logit, v) => {
      const probability = (v === target ? 1 - labelSmoothing : 0) + labelSmoothing / items;
      loss += at(weights, m) * probability * (logTotal - logit);
    });
  });
  return loss;
}
