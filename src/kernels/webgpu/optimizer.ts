/** Adam, and sums of many values. */
import { LANES, program, total } from './program.ts';

const numbers = {
  size: 'i32',
  rate: 'f32',
  beta1: 'f32',
  rest1: 'f32',
  beta2: 'f32',
  rest2: 'f32',
  epsilon: 'f32',
  l2: 'f32',
  shrink: 'f32',
} as const;

export const adam = program({
  name: 'adam',
  lanes: LANES,
  inputs: { value: 'f32', gradient: 'f32', m: 'f32', v: 'f32' },
  outputs: { newValue: 'f32', newM: 'f32', newV: 'f32' },
  numbers,
  constants: ['moves'],
  code: /* wgsl */ `
fn run(group: i32, lane: i32) {
  let i = group * ${LANES} + lane;
  if (i >= u.size) { return; }
  let g = gradient[i] + u.l2 * value[i];
  let mean = u.beta1 * m[i] + u.rest1 * g;
  let square = u.beta2 * v[i] + u.rest2 * (g * g);
  newM[i] = mean;
  newV[i] = square;
  if (moves) { newValue[i] = u.shrink * value[i] - mean / (sqrt(square) + u.epsilon) * u.rate; }
}`,
});

/** AMSGrad divides by the largest square so far. A program of its own after the one that makes `m` and `v`: a GPU need not bind more than eight tensors. */
export const amsgrad = program({
  name: 'amsgrad',
  lanes: LANES,
  inputs: { value: 'f32', m: 'f32', v: 'f32', highest: 'f32' },
  outputs: { newValue: 'f32', newHighest: 'f32' },
  numbers: { size: 'i32', rate: 'f32', epsilon: 'f32', shrink: 'f32' },
  code: /* wgsl */ `
fn run(group: i32, lane: i32) {
  let i = group * ${LANES} + lane;
  if (i >= u.size) { return; }
  let most = max(highest[i], v[i]);
  newHighest[i] = most;
  newValue[i] = u.shrink * value[i] - m[i] / (sqrt(most) + u.epsilon) * u.rate;
}`,
});

/** Lanes of a sum. */
const MANY = 256;

/** Each workgroup adds `share` values, always in the same order. */
export const sumAll = program({
  name: 'sumAll',
  lanes: MANY,
  inputs: { x: 'f32' },
  outputs: { sums: 'f32' },
  numbers: { size: 'i32', share: 'i32', groups: 'i32' },
  code: /* wgsl */ `${total(MANY)}
fn run(group: i32, lane: i32) {
  if (group >= u.groups) { return; }
  let end = min(u.size, (group + 1) * u.share);
  var sum = 0.0;
  for (var i = group * u.share + lane; i < end; i += ${MANY}) { sum += x[i]; }
  let all = total(lane, sum);
  if (lane == 0) { sums[group] = all; }
}`,
});

/** Tensors that one program squares. */
export const SQUARED = 6;
const squared = Array.from({ length: SQUARED }, (_, i) => i);
const named = <Name extends string, Type extends string>(name: Name, type: Type) =>
  Object.fromEntries(squared.map((i) => [`${name}${i}`, type])) as { [name in `${Name}${number}`]: Type };

/** The same for the squares of up to six tensors, `share` values of each. */
export const sumSquares = program({
  name: 'sumSquares',
  lanes: MANY,
  inputs: named('x', 'f32'),
  outputs: { sums: 'f32' },
  numbers: { ...named('size', 'i32'), first: 'i32', share: 'i32', groups: 'i32' },
  code: /* wgsl */ `${total(MANY)}
fn run(group: i32, lane: i32) {
  if (group >= u.groups) { return; }
  var sum = 0.0;
  ${squared
    .map(
      (i) => `
  for (var i = group * u.share + lane; i < min(u.size${i}, (group + 1) * u.share); i += ${MANY}) {
    sum += x${i}[i] * x${i}[i];
  }`,
    )
    .join('')}
  let all = total(lane, sum);
  if (lane == 0) { sums[u.first + group] = all; }
}`,
});
