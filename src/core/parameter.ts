/** A trainable array: a shape and an initializer from the start, values once its module is initialised or loaded. */
import * as tf from '@tensorflow/tfjs-core';
import type { Rng } from './rng.ts';
import { sizeOf } from './shape.ts';

/** Writes the initial values of a parameter of shape `shape` into `out`. */
export type Initializer = (out: Float32Array, shape: readonly number[], rng: Rng) => void;

/** The gradient of a table of which only some rows were read: `values[i]` belongs to row `rows[i]`, each row once. */
export interface RowGradient {
  readonly rows: Int32Array;
  /** `[rows.length, D]` */
  readonly values: tf.Tensor2D;
}

/** The gradient of one parameter. */
export type Gradient = tf.Tensor | RowGradient;

/**
 * Where an op leaves the gradient of rows that it read, instead of a gradient the size of the table. Present on a
 * parameter only while `gradients` runs.
 */
export interface RowGradientSink {
  /** A scalar on the tape: an op that depends on it is differentiated although the table itself is not its input. */
  readonly anchor: tf.Scalar;
  /** Adds `values` `[rows.length, D]` to the rows; takes ownership of the tensor. Rows may repeat. */
  add(rows: Int32Array, values: tf.Tensor2D): void;
}

/**
 * A trainable array. It has a shape and an initializer from the start and gets values at `init` or `load`, so that a
 * model can be built before any backend is ready. Its name is the property path in the module that owns it.
 */
export class Parameter {
  #value: tf.Variable | undefined;
  #disposed = false;
  /** Set by `gradients` for the time of one call. */
  sink: RowGradientSink | undefined;

  /**
   * @param shape for example `[out, in]` for a linear weight, as in PyTorch
   * @param init  writes the initial values; another may take its place until there are values
   */
  constructor(
    readonly shape: readonly number[],
    public init: Initializer,
  ) {
    if (!shape.every((n) => Number.isInteger(n) && n > 0)) {
      throw new RangeError(`A parameter's shape must be positive integers, got [${shape.join(', ')}].`);
    }
  }

  /** The number of values. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Whether the parameter has values. */
  get ready(): boolean {
    return this.#value !== undefined;
  }

  /** The values; throws before `init` or `load`, and after `dispose`. */
  get value(): tf.Variable {
    if (this.#value) return this.#value;
    this.requireKept();
    throw new Error(`${this.#which} has no values yet: call init(seed), fit or load on the model that owns it.`);
  }

  /** Throws if the parameter was disposed of and has no values since. */
  requireKept(): void {
    if (this.ready || !this.#disposed) return;
    throw new Error(
      `${this.#which} was disposed of with the model that owns it: await what the model is doing before disposing of it, or call init(seed) or load on it again.`,
    );
  }

  get #which(): string {
    return `This [${this.shape.join(', ')}] parameter`;
  }

  /** Sets the values (row-major), copying `data`. */
  set(data: Float32Array): void {
    if (data.length !== this.size) {
      throw new RangeError(
        `A parameter of shape [${this.shape.join(', ')}] takes ${this.size} values, got ${data.length}.`,
      );
    }
    this.assign(tf.tensor(data.slice(), [...this.shape], 'float32'));
  }

  /** Sets the values and takes ownership of `tensor`. */
  assign(tensor: tf.Tensor): void {
    if (this.#value) this.#value.assign(tensor);
    // Outside any tidy of the caller: a variable is kept anyway, but its tensor must not be tidied away.
    else this.#value = tf.variable(tensor);
    tensor.dispose();
  }

  /** The values as a new array. */
  async data(): Promise<Float32Array> {
    return Float32Array.from(await this.value.data());
  }

  dispose(): void {
    this.#disposed = true;
    this.#value?.dispose();
    this.#value = undefined;
  }
}

/** What ops take for a weight: a parameter, or any tensor. */
export type Weight<T extends tf.Tensor = tf.Tensor> = Parameter | T;

/** The tensor of a weight. */
export function tensorOf<T extends tf.Tensor>(weight: Weight<T>): T {
  return (weight instanceof Parameter ? weight.value : weight) as T;
}
