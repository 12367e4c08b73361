/** Multi-head linear attention over ragged rows. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import { Module } from '../core/module.ts';
import { checkHeads, checkNumber, refuseOthers } from '../core/shape.ts';
import { linearAttention } from '../ops/linear-attention.ts';
import { normalizeElus } from '../ops/normalize-rows.ts';
import { Linear } from './linear.ts';

export interface LinearAttentionBlockOptions {
  /** Width of inputs and outputs. */
  dim: number;
  /** Heads; must divide `dim`. */
  heads: number;
  /** What the sums are multiplied by. @defaultValue 1 / √(dim / heads) */
  scale?: number | undefined;
}

/**
 * The attention of LinRec (Liu et al., SIGIR 2023): `Σⱼ (q · kⱼ) vⱼ · scale` with queries and keys that are ELUs of linear
 * maps, each head of each row of length 1. No softmax; the cost grows with the number of rows, not with its square.
 *
 * As the authors' code (Applied-Machine-Learning-Lab/LinRec, `layers.py`), keys too are normalised over the features of
 * their own row, where the paper's text has their columns over all rows. WarpRec scales by heads / dim.
 */
export class LinearAttention extends Module {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly output: Linear;
  readonly heads: number;
  readonly scale: number;

  constructor({ dim, heads, scale, ...others }: LinearAttentionBlockOptions) {
    super();
    refuseOthers('LinearAttention', others);
    this.heads = checkHeads(dim, heads);
    this.scale = checkNumber('scale', scale ?? Math.sqrt(heads / dim), { above: 0 });
    this.query = new Linear(dim, dim);
    this.key = new Linear(dim, dim);
    this.value = new Linear(dim, dim);
    this.output = new Linear(dim, dim);
  }

  /**
   * @param query `[Nq, dim]` rows of `queries`
   * @param key   `[Nk, dim]` rows of `keys`, which give the values too
   * @returns `[Nq, dim]`
   */
  forward(
    query: tf.Tensor2D,
    key: tf.Tensor2D,
    { queries, keys = queries, causal, ...others }: { queries: Layout; keys?: Layout; causal: boolean },
  ): tf.Tensor2D {
    refuseOthers('LinearAttention', others);
    const q: tf.Tensor2D = tf.mul(this.#directions(this.query.forward(query)), this.scale);
    const k = this.#directions(this.key.forward(key));
    const call = { queries, keys, heads: this.heads, causal };
    return this.output.forward(linearAttention(q, k, this.value.forward(key), call));
  }

  /** Every head of every row, of length 1. */
  #directions(x: tf.Tensor2D): tf.Tensor2D {
    return tf.reshape(normalizeElus(tf.reshape(x, [-1, x.shape[1] / this.heads])), x.shape);
  }
}
