// Scores of states against rows of a table, each state against rows of its own, and what flows back from them. Rows are
// read where they are.
import { madd, sumLanes } from './math';

/**
 * Scores scale · (state · table[row] + bias[row]): `positive` [count] for the first `count` rows, one for each state, and
 * `negative` [count, width] for the others, `width` for each state.
 *
 * @param bias 0 for none
 */
export function sampledScores(
  states: usize,
  table: usize,
  bias: usize,
  rows: usize,
  count: i32,
  width: i32,
  dim: i32,
  scale: f32,
  positive: usize,
  negative: usize,
): void {
  const bytes: usize = (<usize>dim) << 2;
  let others = rows + ((<usize>count) << 2);
  for (let i = 0; i < count; i++) {
    store<f32>(positive, score(states, table, bias, load<i32>(rows), bytes, scale));
    for (let k = 0; k < width; k++) {
      store<f32>(negative, score(states, table, bias, load<i32>(others), bytes, scale));
      others += 4;
      negative += 4;
    }
    states += bytes;
    rows += 4;
    positive += 4;
  }
}

@inline
function score(state: usize, table: usize, bias: usize, row: i32, bytes: usize, scale: f32): f32 {
  const product = dot(state, table + <usize>row * bytes, bytes);
  return scale * (bias ? product + load<f32>(bias + ((<usize>row) << 2)) : product);
}

function dot(x: usize, y: usize, bytes: usize): f32 {
  const four = bytes & ~63;
  const whole = bytes & ~15;
  let a = f32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  let i: usize = 0;
  for (; i < four; i += 64) {
    a = madd(v128.load(x + i), v128.load(y + i), a);
    b = madd(v128.load(x + i, 16), v128.load(y + i, 16), b);
    c = madd(v128.load(x + i, 32), v128.load(y + i, 32), c);
    d = madd(v128.load(x + i, 48), v128.load(y + i, 48), d);
  }
  for (; i < whole; i += 16) a = madd(v128.load(x + i), v128.load(y + i), a);
  let sum = sumLanes(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)));
  for (; i < bytes; i += 4) sum += load<f32>(x + i) * load<f32>(y + i);
  return sum;
}

/**
 * The gradients for slopes of the scores, shaped as those: `dStates` [count, dim], `dRows` [places, dim], where the
 * gradient of row i of `rows` is added at places[i], and `dBias` [items], where there is a bias (else 0).
 */
export function sampledGradients(
  states: usize,
  table: usize,
  rows: usize,
  places: usize,
  positive: usize,
  negative: usize,
  count: i32,
  width: i32,
  dim: i32,
  scale: f32,
  dStates: usize,
  dRows: usize,
  placeCount: i32,
  dBias: usize,
  items: i32,
): void {
  const bytes: usize = (<usize>dim) << 2;
  memory.fill(dStates, 0, <usize>count * bytes);
  memory.fill(dRows, 0, <usize>placeCount * bytes);
  if (dBias) memory.fill(dBias, 0, (<usize>items) << 2);
  let others: usize = (<usize>count) << 2;
  for (let i = 0; i < count; i++) {
    const at: usize = (<usize>i) << 2;
    addGradients(states, table, rows + at, places + at, positive + at, 1, bytes, scale, dStates, dRows, dBias);
    addGradients(states, table, rows + others, places + others, negative, width, bytes, scale, dStates, dRows, dBias);
    const passed: usize = (<usize>width) << 2;
    others += passed;
    negative += passed;
    states += bytes;
    dStates += bytes;
  }
}

/** The part of one state and `width` rows. */
function addGradients(
  state: usize,
  table: usize,
  rows: usize,
  places: usize,
  slopes: usize,
  width: i32,
  bytes: usize,
  scale: f32,
  dState: usize,
  dRows: usize,
  dBias: usize,
): void {
  const whole = bytes & ~15;
  const end = (<usize>width) << 2;
  for (let k: usize = 0; k < end; k += 4) {
    const slope = scale * load<f32>(slopes + k);
    const row = <usize>load<i32>(rows + k);
    const from = table + row * bytes;
    const to = dRows + <usize>load<i32>(places + k) * bytes;
    const by = f32x4.splat(slope);
    let j: usize = 0;
    for (; j < whole; j += 16) {
      v128.store(dState + j, madd(by, v128.load(from + j), v128.load(dState + j)));
      v128.store(to + j, madd(by, v128.load(state + j), v128.load(to + j)));
    }
    for (; j < bytes; j += 4) {
      store<f32>(dState + j, load<f32>(dState + j) + slope * load<f32>(from + j));
      store<f32>(to + j, load<f32>(to + j) + slope * load<f32>(state + j));
    }
    if (dBias) store<f32>(dBias + (row << 2), load<f32>(dBias + (row << 2)) + slope);
  }
}
