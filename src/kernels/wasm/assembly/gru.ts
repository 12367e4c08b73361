/**
 * Gated recurrent units, one step of all sequences at a time. Rows come sorted: by step, and within a step by sequence,
 * longest first, so that the sequences which have step t are the first `counts[t]` ones and their states follow each
 * other. `rows` says for each sorted place which row of the inputs and outputs it is.
 *
 * What stays inside is padded: every gate takes whole panels of a product (8 columns) and the columns past `width` are 0,
 * or of no effect. A row of `gates` has four parts: r, z, the product of the candidate, and the candidate; with the reset
 * before the product: r, z, the candidate, and r · state.
 */
import { addTo } from './add-to';
import { addPacked, addProduct, matMulScratch, packB, packedScratch } from './mat-mul';
import { expNegative4, madd, sigmoid4 } from './math';

/** Terms of the gradient by the weight that are collected before they are added. */
const COLLECTED = 512;
/** Rows of a step that are taken through it together, so that what belongs to them stays in cache. */
const BLOCK = 96;

/** The width of a gate in bytes. */
@inline
function padded(width: i32): usize {
  return (<usize>((width + 7) & ~7)) << 2;
}

/** The scratch space of {@link gruForward} in bytes. */
export function gruForwardScratch(width: i32): usize {
  return 3 * padded(width) * <usize>width + packedScratch(width);
}

/**
 * Writes `states` and, on the way, `gates` and `previous`, the state before each sorted row. With `keep` these two hold
 * all sorted rows (`previous` and `count` more); else a block of a step, and two steps of `count` rows.
 */
export function gruForward(
  x: usize,
  weight: usize,
  bias: usize,
  initial: usize,
  rows: usize,
  counts: usize,
  steps: i32,
  order: usize,
  count: i32,
  width: i32,
  before: bool,
  states: usize,
  gates: usize,
  previous: usize,
  keep: bool,
  scratch: usize,
): void {
  const row: usize = width << 2;
  const wide = padded(width);
  const panels = scratch;
  const candidatePanels = panels + 2 * wide * <usize>width;
  const work = panels + 3 * wide * <usize>width;
  for (let gate: usize = 0; gate < 3; gate++) {
    packB(weight + gate * <usize>width * row, 4, row, width, width, panels + gate * wide * <usize>width);
  }
  for (let i: usize = 0; i < <usize>count; i++) {
    const from = initial ? initial + <usize>load<i32>(order + (i << 2)) * row : 0;
    loadPadded(from, width, previous + i * wide, wide);
  }
  const columns = <i32>(wide >> 2);
  const inProduct = before ? 2 * columns : 3 * columns;
  let following = previous + <usize>count * wide;
  for (let step = 0; step < steps; step++) {
    const active = load<i32>(counts + (step << 2));
    if (keep) following = previous + <usize>active * wide;
    for (let first = 0; first < active; first += BLOCK) {
      const block: usize = min(BLOCK, active - first);
      const state = previous + <usize>first * wide;
      const next = following + <usize>first * wide;
      for (let i: usize = 0; i < block; i++) {
        const from = x + 3 * row * <usize>load<i32>(rows + (i << 2));
        addInputs(from, bias, width, wide, before, gates + i * 4 * wide);
      }
      addPacked(<i32>block, inProduct, width, state, wide, 4, false, panels, gates, 4 * wide, work);
      for (let i: usize = 0; i < block; i++) {
        const at = gates + i * 4 * wide;
        sigmoids(at, 2 * wide);
        if (before) resetState(at, state + i * wide, wide);
        else resetProduct(at, wide);
      }
      if (before) {
        const reset = gates + 3 * wide;
        const to = gates + 2 * wide;
        addPacked(<i32>block, columns, width, reset, 4 * wide, 4, false, candidatePanels, to, 4 * wide, work);
      }
      for (let i: usize = 0; i < block; i++) {
        const at = gates + i * 4 * wide;
        newState(at + (before ? 2 : 3) * wide, at + wide, state + i * wide, wide, next + i * wide);
        copyRow(next + i * wide, width, states + row * <usize>load<i32>(rows + (i << 2)));
      }
      rows += block << 2;
      if (keep) gates += block * 4 * wide;
    }
    const last = previous;
    previous = following;
    following = last;
  }
}

/** The scratch space of {@link gruBackward} in bytes. */
export function gruBackwardScratch(count: i32, width: i32): usize {
  const wide = padded(width);
  const work = max(packedScratch(3 * <i32>(wide >> 2)), matMulScratch(width, COLLECTED));
  return 3 * wide * (wide >> 2) + (<usize>count + BLOCK + 3 * COLLECTED + 3) * wide + work;
}

/**
 * The gradients by the inputs (`dx`), weight, bias and initial states; the last two are left out if 0. `gates` and
 * `previous` are those of {@link gruForward}, and `total` is the number of sorted rows.
 */
export function gruBackward(
  dy: usize,
  weight: usize,
  rows: usize,
  total: i32,
  counts: usize,
  steps: i32,
  order: usize,
  count: i32,
  width: i32,
  before: bool,
  gates: usize,
  previous: usize,
  dx: usize,
  dWeight: usize,
  dBias: usize,
  dInitial: usize,
  scratch: usize,
): void {
  const row: usize = width << 2;
  const wide = padded(width);
  const columns = <i32>(wide >> 2);
  const panels = scratch;
  const candidatePanels = panels + 2 * wide * <usize>columns;
  const dState = panels + 3 * wide * <usize>columns;
  const dReset = dState + <usize>count * wide;
  const slopesEnd = dReset + (BLOCK + 3 * COLLECTED) * wide;
  const dBiases = slopesEnd;
  const work = dBiases + 3 * wide;
  memory.fill(dWeight, 0, 3 * <usize>width * row);
  memory.fill(dState, 0, <usize>count * wide);
  memory.fill(dBiases, 0, 3 * wide);
  if (before) {
    packRows(weight, width, 2, panels);
    packRows(weight + 2 * <usize>width * row, width, 1, candidatePanels);
  } else packRows(weight, width, 3, panels);

  rows += total << 2;
  gates += <usize>total * 4 * wide;
  previous += <usize>total * wide;
  let collected = 0;
  for (let step = steps - 1; step >= 0; step--) {
    for (let left = load<i32>(counts + (step << 2)); left > 0; left -= BLOCK) {
      const here = min(BLOCK, left);
      const block: usize = here;
      if (collected + here > COLLECTED) {
        addToWeight(slopesEnd, collected, width, before, gates, previous, dWeight, work);
        collected = 0;
      }
      collected += here;
      rows -= block << 2;
      gates -= block * 4 * wide;
      previous -= block * wide;
      const slope = slopesEnd - 3 * <usize>collected * wide;
      const upstream = dState + <usize>(left - here) * wide;
      for (let i: usize = 0; i < block; i++) {
        const at = <usize>load<i32>(rows + (i << 2)) * row;
        const from = gates + i * 4 * wide;
        const to = slope + i * 3 * wide;
        addTo(upstream + i * wide, dy + at, width);
        if (before) candidateSlopes(from, previous + i * wide, wide, upstream + i * wide, to);
        else {
          allSlopes(from, previous + i * wide, wide, upstream + i * wide, to, dReset);
          copyRow(to, width, dx + 3 * at);
          copyRow(to + wide, width, dx + 3 * at + row);
          copyRow(dReset, width, dx + 3 * at + 2 * row);
        }
      }
      if (before) {
        memory.fill(dReset, 0, block * wide);
        addPacked(here, columns, columns, slope + 2 * wide, 3 * wide, 4, false, candidatePanels, dReset, wide, work);
        for (let i: usize = 0; i < block; i++) {
          const from = slope + i * 3 * wide;
          const to = dx + 3 * row * <usize>load<i32>(rows + (i << 2));
          resetSlopes(gates + i * 4 * wide, previous + i * wide, wide, dReset + i * wide, upstream + i * wide, from);
          for (let gate: usize = 0; gate < 3; gate++) copyRow(from + gate * wide, width, to + gate * row);
        }
      }
      for (let i: usize = 0; i < block; i++) addTo(dBiases, slope + i * 3 * wide, (3 * wide) >> 2);
      addPacked(here, columns, (before ? 2 : 3) * columns, slope, 3 * wide, 4, false, panels, upstream, wide, work);
    }
  }
  addToWeight(slopesEnd, collected, width, before, gates, previous, dWeight, work);
  if (dBias) for (let gate: usize = 0; gate < 3; gate++) copyRow(dBiases + gate * wide, width, dBias + gate * row);
  if (dInitial) {
    for (let i: usize = 0; i < <usize>count; i++) {
      copyRow(dState + i * wide, width, dInitial + <usize>load<i32>(order + (i << 2)) * row);
    }
  }
}

/** Adds the products of the collected slopes, which end at `slopesEnd`, with what the weight was multiplied by. */
function addToWeight(
  slopesEnd: usize,
  collected: i32,
  width: i32,
  before: bool,
  gates: usize,
  previous: usize,
  dWeight: usize,
  work: usize,
): void {
  const row: usize = width << 2;
  const wide = padded(width);
  const slopes = slopesEnd - 3 * <usize>collected * wide;
  for (let gate: usize = 0; gate < 3; gate++) {
    const ofReset = before && gate === 2;
    const factors = ofReset ? gates + 3 * wide : previous;
    const stride = ofReset ? 4 * wide : wide;
    const to = dWeight + gate * <usize>width * row;
    addProduct(width, width, collected, slopes + gate * wide, 4, 3 * wide, factors, stride, 4, to, row, work);
  }
}

/** Packs the rows of the first `gates` gates as the terms of a product, each gate padded with zeros. */
function packRows(weight: usize, width: i32, gates: i32, to: usize): void {
  const row: usize = width << 2;
  const wide = padded(width);
  // A panel of 8 columns has as many terms as a gate has padded columns.
  const panel = wide << 3;
  memory.fill(to, 0, <usize>gates * wide * (wide >> 2));
  for (let j = 0; j < width; j += 8) {
    for (let gate = 0; gate < gates; gate++) {
      packB(weight + <usize>(gate * width) * row + (j << 2), row, 4, width, min(8, width - j), to);
      to += panel;
    }
  }
}

/** Where the products are added: the inputs and biases of a row. */
function addInputs(x: usize, bias: usize, width: i32, wide: usize, before: bool, gates: usize): void {
  const row: usize = width << 2;
  sumPadded(x, bias, width, gates, wide);
  sumPadded(x + row, bias ? bias + row : 0, width, gates + wide, wide);
  const lastBias = bias ? bias + 2 * row : 0;
  if (before) sumPadded(x + 2 * row, lastBias, width, gates + 2 * wide, wide);
  else {
    loadPadded(lastBias, width, gates + 2 * wide, wide);
    loadPadded(x + 2 * row, width, gates + 3 * wide, wide);
  }
}

/** The sigmoids of `bytes` bytes in place. */
function sigmoids(at: usize, bytes: usize): void {
  for (const end = at + bytes; at < end; at += 16) v128.store(at, sigmoid4(v128.load(at)));
}

/** r · state, after {@link sigmoids}. */
function resetState(gates: usize, state: usize, wide: usize): void {
  for (let j: usize = 0; j < wide; j += 16) {
    const at = gates + j;
    v128.store(at + 3 * wide, f32x4.mul(v128.load(at), v128.load(state + j)));
  }
}

/** Adds r · product to the candidate's input. */
function resetProduct(gates: usize, wide: usize): void {
  for (const end = gates + wide; gates < end; gates += 16) {
    const input = v128.load(gates + 3 * wide);
    v128.store(gates + 3 * wide, madd(v128.load(gates), v128.load(gates + 2 * wide), input));
  }
}

/** The candidate n, of whose sum it is the tanh, and the new state n + z · (state - n). */
function newState(candidate: usize, z: usize, state: usize, wide: usize, to: usize): void {
  for (let j: usize = 0; j < wide; j += 16) {
    const n = tanh4(v128.load(candidate + j));
    v128.store(candidate + j, n);
    v128.store(to + j, madd(v128.load(z + j), f32x4.sub(v128.load(state + j), n), n));
  }
}

/** The slopes of r, z and the product; that of the candidate's input goes to `input`; `upstream` becomes z · upstream. */
function allSlopes(gates: usize, state: usize, wide: usize, upstream: usize, slopes: usize, input: usize): void {
  for (let j: usize = 0; j < wide; j += 16) {
    const at = gates + j;
    const r = v128.load(at);
    const z = v128.load(at + wide);
    const n = v128.load(at + 3 * wide);
    const g = v128.load(upstream + j);
    const dn = candidateSlope(g, z, n);
    const dr = f32x4.mul(dn, v128.load(at + 2 * wide));
    v128.store(input + j, dn);
    v128.store(slopes + j, f32x4.mul(dr, sigmoidSlope(r)));
    v128.store(slopes + wide + j, f32x4.mul(f32x4.mul(g, f32x4.sub(v128.load(state + j), n)), sigmoidSlope(z)));
    v128.store(slopes + 2 * wide + j, f32x4.mul(dn, r));
    v128.store(upstream + j, f32x4.mul(g, z));
  }
}

/** The slopes of z and the candidate, with the reset before the product. */
function candidateSlopes(gates: usize, state: usize, wide: usize, upstream: usize, slopes: usize): void {
  for (let j: usize = 0; j < wide; j += 16) {
    const at = gates + j;
    const z = v128.load(at + wide);
    const n = v128.load(at + 2 * wide);
    const g = v128.load(upstream + j);
    v128.store(slopes + wide + j, f32x4.mul(f32x4.mul(g, f32x4.sub(v128.load(state + j), n)), sigmoidSlope(z)));
    v128.store(slopes + 2 * wide + j, candidateSlope(g, z, n));
    v128.store(upstream + j, f32x4.mul(g, z));
  }
}

/** The slope of r, given that of r · state. */
function resetSlopes(gates: usize, state: usize, wide: usize, dReset: usize, upstream: usize, slopes: usize): void {
  for (let j: usize = 0; j < wide; j += 16) {
    const r = v128.load(gates + j);
    const g = v128.load(dReset + j);
    v128.store(slopes + j, f32x4.mul(f32x4.mul(g, v128.load(state + j)), sigmoidSlope(r)));
    v128.store(upstream + j, madd(g, r, v128.load(upstream + j)));
  }
}

@inline
function candidateSlope(upstream: v128, z: v128, n: v128): v128 {
  const one = f32x4.splat(1);
  return f32x4.mul(f32x4.mul(upstream, f32x4.sub(one, z)), f32x4.sub(one, f32x4.mul(n, n)));
}

/** Of a sigmoid's value. */
@inline
function sigmoidSlope(s: v128): v128 {
  return f32x4.mul(s, f32x4.sub(f32x4.splat(1), s));
}

/** With an absolute error of 1e-7. */
@inline
function tanh4(x: v128): v128 {
  const one = f32x4.splat(1);
  const e = expNegative4(f32x4.mul(f32x4.abs(x), f32x4.splat(-2)));
  const value = f32x4.div(f32x4.sub(one, e), f32x4.add(one, e));
  return v128.bitselect(x, value, f32x4.splat(-0.0));
}

/** A row of `width` values, or zeros if there is none (0), padded with zeros. */
function loadPadded(from: usize, width: i32, to: usize, wide: usize): void {
  let j: usize = 0;
  if (from) {
    const whole: usize = (width & ~3) << 2;
    const end: usize = width << 2;
    for (; j < whole; j += 16) v128.store(to + j, v128.load(from + j));
    for (; j < end; j += 4) store<f32>(to + j, load<f32>(from + j));
  }
  for (; j < wide; j += 4) store<f32>(to + j, 0);
}

/** {@link loadPadded} plus another row, if that is not 0. */
function sumPadded(from: usize, other: usize, width: i32, to: usize, wide: usize): void {
  loadPadded(from, width, to, wide);
  if (other) addTo(to, other, width);
}

/** The first `width` values of a padded row. */
function copyRow(from: usize, width: i32, to: usize): void {
  const whole: usize = (width & ~3) << 2;
  const end: usize = width << 2;
  let j: usize = 0;
  for (; j < whole; j += 16) v128.store(to + j, v128.load(from + j));
  for (; j < end; j += 4) store<f32>(to + j, load<f32>(from + j));
}
