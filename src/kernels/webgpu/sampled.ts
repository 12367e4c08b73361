/** Losses over sampled scores: the scores, the formulas, the gradients. */
import { highest, LANES, program, total } from './program.ts';

/**
 * scale · (state · row + bias) of each state with its target and its negatives. `rows` are those of the targets and then,
 * state after state, of the negatives.
 */
export const sampledScores = program({
  name: 'sampledScores',
  lanes: LANES,
  inputs: { states: 'f32', table: 'f32', rows: 'i32', bias: 'f32' },
  outputs: { positive: 'f32', negative: 'f32' },
  numbers: { count: 'i32', width: 'i32', dim: 'i32', scale: 'f32' },
  constants: ['hasBias'],
  code: /* wgsl */ `
fn run(group: i32, lane: i32) {
  let i = group * ${LANES} + lane;
  if (i >= u.count * (u.width + 1)) { return; }
  let isTarget = i < u.count;
  let state = select((i - u.count) / max(u.width, 1), i, isTarget);
  let row = rows[i];
  var sum = 0.0;
  for (var d = 0; d < u.dim; d++) { sum += states[state * u.dim + d] * table[row * u.dim + d]; }
  if (hasBias) { sum += bias[row]; }
  if (isTarget) { positive[i] = u.scale * sum; } else { negative[i - u.count] = u.scale * sum; }
}`,
});

/** The slope of an element of `rows`, and the state that it belongs to. */
const slope = /* wgsl */ `
fn slope(i: i32) -> f32 {
  if (i < u.count) { return positive[i]; }
  return negative[i - u.count];
}

fn stateOf(i: i32) -> i32 { return select((i - u.count) / max(u.width, 1), i, i < u.count); }`;

export const sampledStateGradient = program({
  name: 'sampledStateGradient',
  lanes: LANES,
  inputs: { table: 'f32', rows: 'i32', positive: 'f32', negative: 'f32' },
  outputs: { dStates: 'f32' },
  numbers: { count: 'i32', width: 'i32', dim: 'i32', scale: 'f32' },
  code: /* wgsl */ `
fn run(group: i32, lane: i32) {
  let i = group * ${LANES} + lane;
  if (i >= u.count * u.dim) { return; }
  let state = i / u.dim;
  let column = i - state * u.dim;
  var sum = positive[state] * table[rows[state] * u.dim + column];
  for (var n = state * u.width; n < (state + 1) * u.width; n++) {
    sum += negative[n] * table[rows[u.count + n] * u.dim + column];
  }
  dStates[i] = u.scale * sum;
}`,
});

/** The gradient of each place, of which `order` names the elements of `rows` from `starts` on. */
export const sampledRowGradient = program({
  name: 'sampledRowGradient',
  lanes: LANES,
  inputs: { states: 'f32', positive: 'f32', negative: 'f32', order: 'i32', starts: 'i32' },
  outputs: { dRows: 'f32' },
  numbers: { size: 'i32', count: 'i32', width: 'i32', dim: 'i32', scale: 'f32' },
  code: /* wgsl */ `${slope}
fn run(group: i32, lane: i32) {
  let i = group * ${LANES} + lane;
  if (i >= u.size) { return; }
  let place = i / u.dim;
  let column = i - place * u.dim;
  var sum = 0.0;
  for (var at = starts[place]; at < starts[place + 1]; at++) {
    sum += slope(order[at]) * states[stateOf(order[at]) * u.dim + column];
  }
  dRows[i] = u.scale * sum;
}`,
});

/** The same for a bias. */
export const sampledBiasGradient = program({
  name: 'sampledBiasGradient',
  lanes: LANES,
  inputs: { positive: 'f32', negative: 'f32', order: 'i32', starts: 'i32' },
  outputs: { dBias: 'f32' },
  numbers: { size: 'i32', count: 'i32', width: 'i32', scale: 'f32' },
  code: /* wgsl */ `${slope}
fn run(group: i32, lane: i32) {
  let i = group * ${LANES} + lane;
  if (i >= u.size) { return; }
  var sum = 0.0;
  for (var at = starts[i]; at < starts[i + 1]; at++) { sum += slope(order[at]); }
  dBias[i] = u.scale * sum;
}`,
});

const formula = {
  lanes: LANES,
  outputs: { loss: 'f32', ofPositive: 'f32', ofNegative: 'f32' },
} as const;

/** A workgroup for each target: share · (beta · ln(1 + e^-p) + Σ ln(1 + e^n)) and its slopes. */
export const logistic = program({
  ...formula,
  name: 'logistic',
  inputs: { positive: 'f32', negative: 'f32', betas: 'f32', shares: 'f32' },
  numbers: { count: 'i32', width: 'i32', beta: 'f32', share: 'f32' },
  constants: ['hasBetas', 'hasShares'],
  code: /* wgsl */ `${total(LANES)}
fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(-max(x, -80.0))); }

fn softplus(x: f32) -> f32 {
  let e = exp(-min(abs(x), 80.0));
  return max(x, 0.0) + select(log(1.0 + e), e * (1.0 - e * (0.5 - e / 3.0)), e < 0.01);
}

fn run(row: i32, lane: i32) {
  if (row >= u.count) { return; }
  var beta = u.beta;
  if (hasBetas) { beta = betas[row]; }
  var share = u.share;
  if (hasShares) { share = shares[row]; }
  var sum = 0.0;
  for (var n = row * u.width + lane; n < (row + 1) * u.width; n += ${LANES}) {
    sum += softplus(negative[n]);
    ofNegative[n] = share * sigmoid(negative[n]);
  }
  sum = total(lane, sum);
  if (lane == 0) {
    loss[row] = share * (beta * softplus(-positive[row]) + sum);
    ofPositive[row] = -share * beta * sigmoid(-positive[row]);
  }
}`,
});

/** A workgroup for each target: ln(e^p + Σ e^n) - p and its slopes. */
export const softmaxOverNegatives = program({
  ...formula,
  name: 'softmaxOverNegatives',
  inputs: { positive: 'f32', negative: 'f32' },
  numbers: { count: 'i32', width: 'i32' },
  code: /* wgsl */ `${total(LANES)}${highest(LANES)}
fn run(row: i32, lane: i32) {
  if (row >= u.count) { return; }
  let first = row * u.width;
  var most = positive[row];
  for (var n = lane; n < u.width; n += ${LANES}) { most = max(most, negative[first + n]); }
  most = highest(lane, most);
  let own = exp(positive[row] - most);
  var sum = 0.0;
  for (var n = lane; n < u.width; n += ${LANES}) { sum += exp(negative[first + n] - most); }
  sum = own + total(lane, sum);
  for (var n = lane; n < u.width; n += ${LANES}) { ofNegative[first + n] = exp(negative[first + n] - most) / sum; }
  if (lane == 0) {
    loss[row] = log(sum) + most - positive[row];
    ofPositive[row] = own / sum - 1.0;
  }
}`,
});
