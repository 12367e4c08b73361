/** Layer normalisation and its gradients. */
import { LANES, program, total } from './program.ts';

/** A workgroup for each row. `statistics` [rows, 3]: the mean, its correction, 1 / √(variance + epsilon). */
export const layerNorm = program({
  name: 'layerNorm',
  lanes: LANES,
  inputs: { x: 'f32', weight: 'f32', bias: 'f32' },
  outputs: { y: 'f32', statistics: 'f32' },
  numbers: { rows: 'i32', width: 'i32', epsilon: 'f32' },
  code: /* wgsl */ `${total(LANES)}
fn run(row: i32, lane: i32) {
  if (row >= u.rows) { return; }
  let first = row * u.width;
  var sum = 0.0;
  for (var c = lane; c < u.width; c += ${LANES}) { sum += x[first + c]; }
  let mean = total(lane, sum) / f32(u.width);
  // Centred twice: the mean of a constant row is off by a rounding, which an epsilon of 1e-12 would magnify 10^6 times.
  sum = 0.0;
  for (var c = lane; c < u.width; c += ${LANES}) { sum += x[first + c] - mean; }
  let correction = total(lane, sum) / f32(u.width);
  sum = 0.0;
  for (var c = lane; c < u.width; c += ${LANES}) {
    let centred = (x[first + c] - mean) - correction;
    sum += centred * centred;
  }
  let inverse = inverseSqrt(total(lane, sum) / f32(u.width) + u.epsilon);
  for (var c = lane; c < u.width; c += ${LANES}) {
    y[first + c] = ((x[first + c] - mean) - correction) * inverse * weight[c] + bias[c];
  }
  if (lane == 0) {
    statistics[3 * row] = mean;
    statistics[3 * row + 1] = correction;
    statistics[3 * row + 2] = inverse;
  }
}`,
});

const normal = /* wgsl */ `
fn normal(row: i32, value: f32) -> f32 {
  return ((value - statistics[3 * row]) - statistics[3 * row + 1]) * statistics[3 * row + 2];
}`;

export const layerNormInputGradient = program({
  name: 'layerNormInputGradient',
  lanes: LANES,
  inputs: { x: 'f32', weight: 'f32', statistics: 'f32', dy: 'f32' },
  outputs: { dx: 'f32' },
  numbers: { rows: 'i32', width: 'i32' },
  code: /* wgsl */ `${total(LANES)}${normal}
fn run(row: i32, lane: i32) {
  if (row >= u.rows) { return; }
  let first = row * u.width;
  var sum = 0.0;
  var along = 0.0;
  for (var c = lane; c < u.width; c += ${LANES}) {
    let g = dy[first + c] * weight[c];
    sum += g;
    along += g * normal(row, x[first + c]);
  }
  let mean = total(lane, sum) / f32(u.width);
  let meanAlong = total(lane, along) / f32(u.width);
  for (var c = lane; c < u.width; c += ${LANES}) {
    let g = dy[first + c] * weight[c];
    dx[first + c] = statistics[3 * row + 2] * (g - mean - normal(row, x[first + c]) * meanAlong);
  }
}`,
});

/** Columns of a workgroup, each of which has 64 lanes for the rows. */
export const COLUMNS_OF_GROUP = 4;
const COLUMNS = COLUMNS_OF_GROUP;
const ROWS = 64;

/** A workgroup for every four columns. */
export const layerNormWeightGradients = program({
  name: 'layerNormWeightGradients',
  lanes: COLUMNS * ROWS,
  inputs: { x: 'f32', statistics: 'f32', dy: 'f32' },
  outputs: { dWeight: 'f32', dBias: 'f32' },
  numbers: { rows: 'i32', width: 'i32' },
  code: /* wgsl */ `${normal}
var<workgroup> weightParts: array<f32, ${COLUMNS * ROWS}>;
var<workgroup> biasParts: array<f32, ${COLUMNS * ROWS}>;

fn run(group: i32, lane: i32) {
  let column = group * ${COLUMNS} + lane % ${COLUMNS};
  var ofWeight = 0.0;
  var ofBias = 0.0;
  if (column < u.width) {
    for (var row = lane / ${COLUMNS}; row < u.rows; row += ${ROWS}) {
      let g = dy[row * u.width + column];
      ofWeight += g * normal(row, x[row * u.width + column]);
      ofBias += g;
    }
  }
  weightParts[lane] = ofWeight;
  biasParts[lane] = ofBias;
  workgroupBarrier();
  for (var half = ${(COLUMNS * ROWS) / 2}; half >= ${COLUMNS}; half /= 2) {
    if (lane < half) {
      weightParts[lane] += weightParts[lane + half];
      biasParts[lane] += biasParts[lane + half];
    }
    workgroupBarrier();
  }
  if (lane < ${COLUMNS} && column < u.width) {
    dWeight[column] = weightParts[lane];
    dBias[column] = biasParts[lane];
  }
}`,
});
