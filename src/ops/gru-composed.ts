/** Gated recurrent units composed of tfjs operations: one product a step, over the sequences that have it. */
import * as tf from '@tensorflow/tfjs-core';
import { columnSums } from './column-sums.ts';
import type { GruPlan } from './gru-recurrence.ts';
import { multiply } from './product.ts';
import { takeRows } from './segment-sum.ts';

/** `[capacity, H]` */
export function composedGru(
  { steps, before }: GruPlan,
  x: tf.Tensor2D,
  weight: tf.Tensor2D,
  bias: tf.Tensor1D | undefined,
  initial: tf.Tensor2D | undefined,
): tf.Tensor2D {
  const width = weight.shape[1];
  const inputs = takeRows(x, steps.rows);
  const cell = cellOf(weight, bias, before);
  let state = initialStates(steps.order, initial, width);
  const states: tf.Tensor2D[] = [];
  let first = 0;
  for (const active of steps.counts) {
    const previous = tf.slice(state, [0, 0], [active, width]);
    const input = tf.slice(inputs, [first, 0], [active, 3 * width]);
    state = tf.tidy(() => {
      const { z, n } = cell(input, previous);
      return tf.add(n, tf.mul(z, tf.sub(previous, n)));
    });
    states.push(state);
    first += active;
  }
  return unsorted(states, steps.rows, x.shape[0], width);
}

/** The gradients by x, weight and, if there are any, bias and initial. `states` is what {@link composedGru} returned. */
export function composedGruGradients(
  { steps, before }: GruPlan,
  dy: tf.Tensor2D,
  x: tf.Tensor2D,
  states: tf.Tensor2D,
  weight: tf.Tensor2D,
  bias: tf.Tensor1D | undefined,
  initial: tf.Tensor2D | undefined,
): tf.Tensor[] {
  const { rows, counts, order } = steps;
  const [capacity, width] = states.shape;
  // The gates of all rows at once, and what the gradient of a state is multiplied by on its way to each of them.
  const previous = previousStates(steps, states, initial);
  const { r, z, n, product } = cellOf(weight, bias, before)(takeRows(x, rows), previous);
  const slope = (gate: tf.Tensor2D) => tf.mul(gate, tf.sub(1, gate)) as tf.Tensor2D;
  const toCandidate: tf.Tensor2D = tf.mul(tf.sub(1, z), tf.sub(1, tf.square(n)));
  const toUpdate: tf.Tensor2D = tf.mul(tf.sub(previous, n), slope(z));
  const toReset: tf.Tensor2D = tf.mul(before ? previous : product, slope(r));
  const gatesWeight = tf.slice(weight, [0, 0], [2 * width, width]);
  const candidateWeight = tf.slice(weight, [2 * width, 0], [width, width]);

  const upstream = takeRows(dy, rows);
  const inputSlopes: tf.Tensor2D[] = [];
  const productSlopes: tf.Tensor2D[] = [];
  let dState: tf.Tensor2D = tf.zeros([0, width]);
  let first = rows.length;
  for (const active of counts.slice().reverse()) {
    first -= active;
    const of = (all: tf.Tensor2D) => tf.slice(all, [first, 0], [active, width]);
    const g: tf.Tensor2D = tf.add(of(upstream), lengthened(dState, active));
    const dn: tf.Tensor2D = tf.mul(g, of(toCandidate));
    const dz: tf.Tensor2D = tf.mul(g, of(toUpdate));
    const dProduct: tf.Tensor2D = before ? multiply(dn, candidateWeight) : tf.mul(dn, of(r));
    const dr: tf.Tensor2D = tf.mul(before ? dProduct : dn, of(toReset));
    inputSlopes.unshift(tf.concat([dr, dz, dn], 1));
    if (before) {
      const ofGates = multiply(tf.concat([dr, dz], 1), gatesWeight);
      dState = tf.add(tf.add(tf.mul(g, of(z)), tf.mul(dProduct, of(r))), ofGates);
    } else {
      const slopes: tf.Tensor2D = tf.concat([dr, dz, dProduct], 1);
      productSlopes.unshift(slopes);
      dState = tf.add(tf.mul(g, of(z)), multiply(slopes, weight));
    }
  }

  const slopes = sorted(before ? inputSlopes : productSlopes, 3 * width);
  const dWeight = before
    ? tf.concat([
        multiply(tf.slice(slopes, [0, 0], [-1, 2 * width]), previous, { transposeA: true }),
        multiply(tf.slice(slopes, [0, 2 * width]), tf.mul(r, previous), { transposeA: true }),
      ])
    : multiply(slopes, previous, { transposeA: true });
  return [
    unsorted(inputSlopes, rows, capacity, 3 * width),
    dWeight,
    ...(bias ? [columnSums(slopes)] : []),
    ...(initial ? [takeRows(lengthened(dState, order.length), inverse(order, order.length))] : []),
  ];
}

interface Gates {
  r: tf.Tensor2D;
  z: tf.Tensor2D;
  n: tf.Tensor2D;
  /** The candidate's product with its bias. */
  product: tf.Tensor2D;
}

/** Makes the function from inputs `[M, 3H]` and states `[M, H]` to the gates. */
function cellOf(
  weight: tf.Tensor2D,
  bias: tf.Tensor1D | undefined,
  before: boolean,
): (input: tf.Tensor2D, state: tf.Tensor2D) => Gates {
  const width = weight.shape[1];
  const part = (gates: number, from: number) => {
    const w = tf.transpose(tf.slice(weight, [from * width, 0], [gates * width, width]));
    const b = bias && tf.slice(bias, [from * width], [gates * width]);
    return (state: tf.Tensor2D): tf.Tensor2D => (b ? tf.add(multiply(state, w), b) : multiply(state, w));
  };
  const [all, ofGates, ofCandidate] = [part(3, 0), part(2, 0), part(1, 2)];
  return (input, state) => {
    const [xr, xz, xn] = tf.split(input, 3, 1) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
    const [pr, pz, pn] = before ? tf.split(ofGates(state), 2, 1) : tf.split(all(state), 3, 1);
    const r = tf.sigmoid(tf.add(xr, pr as tf.Tensor2D)) as tf.Tensor2D;
    const z = tf.sigmoid(tf.add(xz, pz as tf.Tensor2D)) as tf.Tensor2D;
    const product = before ? ofCandidate(tf.mul(r, state)) : (pn as tf.Tensor2D);
    const n = tf.tanh(tf.add(xn, before ? product : tf.mul(r, product))) as tf.Tensor2D;
    return { r, z, n, product };
  };
}

/** The initial states in the order of the sequences. */
function initialStates(order: Int32Array, initial: tf.Tensor2D | undefined, width: number): tf.Tensor2D {
  return initial ? takeRows(initial, order) : tf.zeros([order.length, width]);
}

/** The state before each sorted row. */
function previousStates(
  { rows, counts, order }: GruPlan['steps'],
  states: tf.Tensor2D,
  initial: tf.Tensor2D | undefined,
): tf.Tensor2D {
  const ofFirst = tf.slice(initialStates(order, initial, states.shape[1]), [0, 0], [counts[0] ?? 0, -1]);
  // Later rows: the row before it is of the same sequence.
  const later = rows.subarray(counts[0] ?? 0).map((row) => row - 1);
  return tf.concat([ofFirst, takeRows(states, later)]);
}

/** Parts of sorted rows at their places; other rows are 0. */
function unsorted(parts: tf.Tensor2D[], rows: Int32Array, capacity: number, width: number): tf.Tensor2D {
  const spare = rows.length < capacity ? [tf.zeros<tf.Rank.R2>([1, width])] : [];
  return takeRows(sorted([...parts, ...spare], width), inverse(rows, capacity));
}

function sorted(parts: tf.Tensor2D[], width: number): tf.Tensor2D {
  return parts.length === 0 ? tf.zeros([0, width]) : tf.concat(parts);
}

/** With rows of zeros. */
function lengthened(x: tf.Tensor2D, rows: number): tf.Tensor2D {
  return x.shape[0] === rows ? x : tf.concat([x, tf.zeros([rows - x.shape[0], x.shape[1]])]);
}

/** For each of `length` rows its place in `rows`, or the place after the last. */
function inverse(rows: Int32Array, length: number): Int32Array {
  const places = new Int32Array(length).fill(rows.length);
  for (let place = 0; place < rows.length; place++) places[rows[place] as number] = place;
  return places;
}
