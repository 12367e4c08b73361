/** References of the losses, from the papers' formulas: each loss of one target as a function of its scores. */
import { at } from './array.ts';

/** The loss of one target: its score, and those of the negatives that count. */
export type TargetLoss = (positive: number, negatives: readonly number[]) => number;

/** ln(1 + eˣ) */
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]) => sum(values) / Math.max(values.length, 1);

/** -ln σ(p) - Σ ln(1 - σ(n)) */
export const bce: TargetLoss = (p, n) => softplus(-p) + sum(n.map(softplus));

/** -ln σ(p) - the mean of ln(1 - σ(n)) */
export const meanBce: TargetLoss = (p, n) => softplus(-p) + mean(n.map(softplus));

/** -(ln σ(p)^β + Σ ln(1 - σ(n))) / (1 + K) */
export function gbce(t: number, items: number): TargetLoss {
  return (p, n) => {
    const alpha = Math.min(1, n.length / (items - 1));
    const beta = alpha * ((1 - 1 / alpha) * t + 1 / alpha);
    return (beta * softplus(-p) + sum(n.map(softplus))) / (1 + n.length);
  };
}

/** -ln(eᵖ / (eᵖ + Σ eⁿ)) */
export const sampledSoftmax: TargetLoss = (p, n) => {
  const highest = Math.max(p, ...n);
  return Math.log(sum([p, ...n].map((x) => Math.exp(x - highest)))) + highest - p;
};

/** mean of -ln σ(p - n) */
export const bpr: TargetLoss = (p, n) => mean(n.map((x) => softplus(x - p)));

/** mean of σ(n - p) + σ(n²) */
export const top1: TargetLoss = (p, n) => mean(n.map((x) => sigmoid(x - p) + sigmoid(x * x)));

const shares = (n: readonly number[]) => {
  const highest = Math.max(...n);
  const raised = n.map((x) => Math.exp(x - highest));
  return raised.map((x) => x / sum(raised));
};

/** Σ s (σ(n - p) + σ(n²)), s the softmax over the negatives */
export const top1Max: TargetLoss = (p, n) => {
  const s = shares(n);
  return sum(n.map((x, k) => at(s, k) * (sigmoid(x - p) + sigmoid(x * x))));
};

/** -ln Σ s σ(p - n) + λ Σ s n², of scores after an ELU; s the softmax over the negatives */
export function bprMax(elu: number, regularization: number): TargetLoss {
  const f = (x: number) => (x > 0 || elu === 0 ? x : elu * Math.expm1(x));
  return (p, n) => {
    if (n.length === 0) return 0;
    const scores = n.map(f);
    const s = shares(scores);
    const won = sum(scores.map((x, k) => at(s, k) * sigmoid(f(p) - x)));
    return -Math.log(won + 1e-24) + regularization * sum(scores.map((x, k) => at(s, k) * x * x));
  };
}

/** What the losses are asked. */
export interface SampledCase {
  targets: Int32Array;
  weights: Float32Array;
  /** The negatives of each target that count. */
  negatives: readonly (readonly number[])[];
  scale: number;
  /** Subtracted from the score of an item. */
  correction?: ((item: number) => number) | undefined;
}

/** `states` [M, D], `table` [V, D], `bias` [V]: the weighted sum of `loss` over the targets. */
export function overTargets(
  loss: TargetLoss,
  { targets, weights, negatives, scale, correction = () => 0 }: SampledCase,
  states: ArrayLike<number>,
  table: ArrayLike<number>,
  bias?: ArrayLike<number>,
): number {
  const width = states.length / targets.length;
  const score = (m: number, item: number) => {
    let product = bias ? at(bias, item) : 0;
    for (let j = 0; j < width; j++) product += at(states, m * width + j) * at(table, item * width + j);
    return scale * product - correction(item);
  };
  return sum(
    [...targets].map((target, m) => {
      const scores = (negatives[m] ?? []).map((item) => score(m, item));
      return at(weights, m) * loss(score(m, target), scores);
    }),
  );
}

/** λ/2 · Σ over targets of weight · Σ of squares of the target's and the negatives' rows. */
export function l2Rows(
  lambda: number,
  { targets, weights, negatives }: SampledCase,
  table: ArrayLike<number>,
  width: number,
): number {
  const square = (item: number) => {
    let total = 0;
    for (let j = 0; j < width; j++) total += at(table, item * width + j) ** 2;
    return total;
  };
  return sum(
    [...targets].map((target, m) => (lambda / 2) * at(weights, m) * sum([target, ...(negatives[m] ?? [])].map(square))),
  );
}
