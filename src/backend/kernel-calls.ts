/** What ops hand to kernels that stand under one name on several backends, beyond a few plain tensors. */
import type * as tf from '@tensorflow/tfjs-core';

/** Where the sequences of queries and keys begin; of a sequence's starts, the positions of its first query and key. */
export type LayoutInputs = Readonly<Record<'queryOffsets' | 'queryStarts' | 'keyOffsets' | 'keyStarts', tf.TensorInfo>>;

/** Of attention; its gradients also have `dy`. */
export interface AttentionInputs extends LayoutInputs, Readonly<Record<'q' | 'k' | 'v', tf.TensorInfo>> {
  readonly dropoutKeys?: tf.TensorInfo;
  /** `[1 | heads, P, P]` */
  readonly bias?: tf.TensorInfo;
}

export interface AttentionAttributes {
  readonly heads: number;
  readonly causal: boolean;
  /** The number of keys of the longest sequence. */
  readonly longest: number;
  /** The number of real rows of the queries and of the keys. */
  readonly rows: readonly [queries: number, keys: number];
  readonly firstSequence: number;
  /** Of the dropout, if there is an input `dropoutKeys`. */
  readonly threshold: number;
  readonly scale: number;
}

export interface DropoutInputs {
  readonly x: tf.TensorInfo;
  readonly plus?: tf.TensorInfo;
  readonly sequences?: tf.TensorInfo;
  readonly positions?: tf.TensorInfo;
}

export interface DropoutAttributes {
  /** Rows after these have a mask of 0. */
  readonly rows: number;
  readonly firstSequence: number;
  readonly key: readonly [low: number, high: number];
  readonly threshold: number;
  readonly scale: number;
}

export interface CrossEntropyInputs {
  readonly states: tf.TensorInfo;
  readonly table: tf.TensorInfo;
  readonly bias?: tf.TensorInfo;
  readonly targets: tf.TensorInfo;
  readonly weights: tf.TensorInfo;
}
