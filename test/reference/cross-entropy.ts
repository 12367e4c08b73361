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
    const { logits, logTotal } = row(states, table, bias, m, width, scale);
    logits.forEach((logit, v) => {
      const probability = (v === target ? 1 - labelSmoothing : 0) + labelSmoothing / items;
      loss += at(weights, m) * probability * (logTotal - logit);
    });
  });
  return loss;
}

/** The gradients of {@link crossEntropy}, written out: for sizes at which differences would take too long. */
export function crossEntropyGradients(
  states: Float64Array,
  table: Float64Array,
  bias: Float64Array | undefined,
  { targets, weights, scale, labelSmoothing }: CrossEntropyCase,
): { states: Float64Array; table: Float64Array; bias: Float64Array } {
  const width = states.length / targets.length;
  const items = table.length / width;
  const out = {
    states: new Float64Array(states.length),
    table: new Float64Array(table.length),
    bias: new Float64Array(items),
  };
  targets.forEach((target, m) => {
    const { logits, logTotal } = row(states, table, bias, m, width, scale);
    logits.forEach((logit, v) => {
      const probability = (v === target ? 1 - labelSmoothing : 0) + labelSmoothing / items;
      const slope = at(weights, m) * (Math.exp(logit - logTotal) - probability);
      out.bias[v] = at(out.bias, v) + slope;
      for (let j = 0; j < width; j++) {
        const [s, t] = [m * width + j, v * width + j];
        out.states[s] = at(out.states, s) + scale * slope * at(table, t);
        out.table[t] = at(out.table, t) + scale * slope * at(states, s);
      }
    });
  });
  return out;
}

/** The logits of a state, and ln of the sum of their exponentials. */
function row(
  states: Float64Array,
  table: Float64Array,
  bias: Float64Array | undefined,
  m: number,
  width: number,
  scale: number,
): { logits: Float64Array; logTotal: number } {
  const logits = new Float64Array(table.length / width);
  for (let v = 0; v < logits.length; v++) {
    let sum = 0;
    for (let j = 0; j < width; j++) sum += at(states, m * width + j) * at(table, v * width + j);
    logits[v] = scale * sum + (bias ? at(bias, v) : 0);
  }
  const highest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  return { logits, logTotal: highest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0)) };
}
