/** What the threads of a run share: one block of memory for the weights, one a worker for its gradients. */
import * as tf from '@tensorflow/tfjs-core';
import type { Gradient, Parameter } from '../../core/parameter.ts';
import { type Column, Ragged } from '../../core/ragged.ts';
import type { GradientSums } from '../../ops/gradients.ts';

/** Places in the control words. */
export const TURN = 0;
export const DONE = 1;
const PLACE = 2; // epoch, step, steps, the number of sequences, and then the sequences

/** Shared memory of a run, as it is sent to a worker. */
export interface SharedRun {
  readonly control: Int32Array;
  /** The values of all parameters that are trained, one after the other. */
  readonly weights: Float32Array;
  /** For each thread the loss of its last turn; thread 0 writes none. */
  readonly losses: Float64Array;
  /** For each worker, thread 1 first. */
  readonly gradients: readonly SharedGradients[];
  readonly sequences: SharedSequences;
}

/** One worker's gradients. */
export interface SharedGradients {
  /** For each parameter {@link ABSENT}, {@link DENSE} or the number of rows. */
  readonly kinds: Int32Array;
  /** Room for one number for each row of each parameter. */
  readonly rows: Int32Array;
  /** Room for all values of each parameter. */
  readonly values: Float32Array;
}

const ABSENT = -1;
const DENSE = -2;

interface SharedSequences {
  readonly offsets: Int32Array;
  readonly events: { readonly [name: string]: Column };
  readonly sequences: { readonly [name: string]: Column };
}

/** Allocates what a run of `threads` threads shares. */
export function shareRun(
  parameters: ReadonlyMap<string, Parameter>,
  sequences: Ragged,
  batchSize: number,
  threads: number,
): SharedRun {
  const values = total(parameters, ({ size }) => size);
  const rows = total(parameters, rowsOf);
  return {
    control: shared(Int32Array, PLACE + 4 + batchSize),
    weights: shared(Float32Array, values),
    losses: shared(Float64Array, threads),
    gradients: Array.from({ length: threads - 1 }, () => ({
      kinds: shared(Int32Array, parameters.size),
      rows: shared(Int32Array, rows),
      values: shared(Float32Array, values),
    })),
    sequences: shareSequences(sequences),
  };
}

/** The sequences of the run, on the shared memory. */
export function sequencesOf({ sequences }: SharedRun): Ragged {
  const { offsets, events, sequences: columns } = sequences;
  return new Ragged(offsets, events as Ragged['events'], columns);
}

export function writePlace(
  { control }: SharedRun,
  place: { epoch: number; step: number; steps: number; which: Int32Array },
): void {
  control.set([place.epoch, place.step, place.steps, place.which.length], PLACE);
  control.set(place.which, PLACE + 4);
}

export function readPlace({ control }: SharedRun) {
  const [epoch, step, steps, count] = control.subarray(PLACE, PLACE + 4) as unknown as [number, number, number, number];
  return { epoch, step, steps, which: control.slice(PLACE + 4, PLACE + 4 + count) };
}

export async function writeWeights({ weights }: SharedRun, parameters: ReadonlyMap<string, Parameter>): Promise<void> {
  for (const { parameter, value } of placesOf(parameters)) {
    weights.set(await parameter.value.data<'float32'>(), value);
  }
}

export function readWeights({ weights }: SharedRun, parameters: ReadonlyMap<string, Parameter>): void {
  for (const { parameter, value } of placesOf(parameters)) {
    parameter.set(weights.subarray(value, value + parameter.size));
  }
}

export async function writeGradients(
  to: SharedGradients,
  gradients: ReadonlyMap<string, Gradient>,
  parameters: ReadonlyMap<string, Parameter>,
): Promise<void> {
  for (const { path, index, row, value } of placesOf(parameters)) {
    const gradient = gradients.get(path);
    if (!gradient) to.kinds[index] = ABSENT;
    else if (gradient instanceof tf.Tensor) {
      to.kinds[index] = DENSE;
      to.values.set(await gradient.data<'float32'>(), value);
    } else {
      to.kinds[index] = gradient.rows.length;
      to.rows.set(gradient.rows, row);
      to.values.set(await gradient.values.data<'float32'>(), value);
    }
  }
}

/** Adds one worker's gradients to `sums`. */
export function addGradients(
  from: SharedGradients,
  sums: GradientSums,
  parameters: ReadonlyMap<string, Parameter>,
): void {
  for (const { path, parameter, index, row, value } of placesOf(parameters)) {
    const kind = from.kinds[index] as number;
    if (kind === DENSE) {
      const gradient = tf.tensor(from.values.slice(value, value + parameter.size), [...parameter.shape], 'float32');
      sums.addDense(path, gradient);
      gradient.dispose();
    } else if (kind > 0) {
      const width = parameter.size / rowsOf(parameter);
      const values = from.values.slice(value, value + kind * width);
      sums.addRows(path, from.rows.slice(row, row + kind), tf.tensor2d(values, [kind, width]));
    }
  }
}

/** Each parameter with its number and where its rows and its values begin. */
function* placesOf(parameters: ReadonlyMap<string, Parameter>) {
  let [index, row, value] = [0, 0, 0];
  for (const [path, parameter] of parameters) {
    yield { path, parameter, index, row, value };
    index++;
    row += rowsOf(parameter);
    value += parameter.size;
  }
}

function rowsOf({ shape }: Parameter): number {
  return shape[0] ?? 1;
}

function total(parameters: ReadonlyMap<string, Parameter>, of: (parameter: Parameter) => number): number {
  return [...parameters.values()].reduce((sum, parameter) => sum + of(parameter), 0);
}

function shareSequences({ offsets, events, sequences }: Ragged): SharedSequences {
  const share = <T extends Column>(column: T): T => {
    const type = column.constructor as new (buffer: ArrayBufferLike) => T;
    const out = new type(new SharedArrayBuffer(column.byteLength));
    out.set(column);
    return out;
  };
  const all = (columns: { readonly [name: string]: Column | undefined }) =>
    Object.fromEntries(Object.entries(columns).flatMap(([name, column]) => (column ? [[name, share(column)]] : [])));
  return { offsets: share(offsets), events: all(events), sequences: all(sequences) };
}

function shared<T extends Int32Array | Float32Array | Float64Array>(
  type: { new (buffer: SharedArrayBuffer): T; readonly BYTES_PER_ELEMENT: number },
  length: number,
): T {
  return new type(new SharedArrayBuffer(length * type.BYTES_PER_ELEMENT));
}
