/** The layer of HSTU. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import { Module } from '../core/module.ts';
import { create } from '../core/part.ts';
import type { Ragged } from '../core/ragged.ts';
import type { Rng } from '../core/rng.ts';
import { checkHeads, checkNumber, refuseOthers } from '../core/shape.ts';
import { silu } from '../ops/activations.ts';
import { dropout } from '../ops/dropout.ts';
import { selectRows } from '../ops/gather-rows.ts';
import { pairProducts, pairSums } from '../ops/pairs.ts';
import { LayerNorm } from './layer-norm.ts';
import { Linear } from './linear.ts';
import type { PairBias, PairBiasPart } from './positions/pair-bias.ts';

export interface HSTUBlockOptions {
  dim: number;
  /** Heads; must divide `dim`. */
  heads: number;
  /** The most events of a sequence; attention is divided by it. */
  maxLength: number;
  /** What is added to the products of pairs: `relativePositions()`, `relativeTimes()`. @defaultValue nothing */
  biases?: readonly PairBiasPart[] | undefined;
  /** Rate of dropout before the last map. @defaultValue 0 */
  dropout?: number | undefined;
  /** Of both layer norms. @defaultValue 1e-6 */
  epsilon?: number | undefined;
}

/** The rows of one batch. */
export interface HSTUCall {
  /** The columns of the rows, for what reads their times. */
  events: Ragged;
  layout: Layout;
  /** The rows that are wanted. @defaultValue layout */
  queries?: Layout | undefined;
  /** Turns dropout on. */
  rng?: Rng | undefined;
}

/**
 * `x + W (u · LN(attention))`, the pointwise aggregated attention of HSTU (Zhai et al., "Actions Speak Louder than Words",
 * ICML 2024, section 3): u, v, q, k are SiLUs of linear maps of LN(x), and the weight of an earlier event is
 * silu(q · k + biases) / maxLength, without a softmax and a feed-forward network. After RecTools' `STULayer`, whose map to
 * u, v, q and k is one matrix without bias.
 */
export class HSTUBlock extends Module {
  readonly norm: LayerNorm;
  /** u */
  readonly gate: Linear;
  readonly value: Linear;
  readonly query: Linear;
  readonly key: Linear;
  readonly biases: PairBias[];
  readonly attentionNorm: LayerNorm;
  readonly output: Linear;
  readonly heads: number;
  readonly maxLength: number;
  readonly dropout: number;

  constructor({ dim, heads, maxLength, biases = [], dropout = 0, epsilon = 1e-6, ...others }: HSTUBlockOptions) {
    super();
    refuseOthers('HSTUBlock', others);
    this.heads = checkHeads(dim, heads);
    this.maxLength = checkNumber('maxLength', maxLength, { min: 1, integer: true });
    this.dropout = checkNumber('dropout', dropout, { min: 0, below: 1 });
    this.norm = new LayerNorm(dim, { epsilon });
    this.gate = new Linear(dim, dim, { bias: false });
    this.value = new Linear(dim, dim, { bias: false });
    this.query = new Linear(dim, dim, { bias: false });
    this.key = new Linear(dim, dim, { bias: false });
    this.biases = biases.map((bias) => create('biases', bias, { maxLength }));
    this.attentionNorm = new LayerNorm(dim, { epsilon });
    this.output = new Linear(dim, dim);
  }

  /**
   * @param x `[N, dim]` rows of the layout
   * @returns `[N, dim]` rows of the queries
   */
  forward(x: tf.Tensor2D, { events, layout, queries = layout, rng }: HSTUCall): tf.Tensor2D {
    const keys = this.norm.forward(x);
    const asking = selectRows(keys, layout, queries);
    const pairs = { queries, keys: layout, heads: this.heads, causal: true };
    const plus = this.biases
      .map((bias) => bias.forward(queries, layout, events))
      .reduce<tf.Tensor2D | undefined>((sum, bias) => (sum ? tf.add(sum, bias) : bias), undefined);
    const q = this.query.forward(asking, silu);
    const weights = silu(pairProducts(q, this.key.forward(keys, silu), { ...pairs, plus }));
    const sums = pairSums(weights, this.value.forward(keys, silu), pairs);
    const attended = this.attentionNorm.forward(tf.mul(sums, 1 / this.maxLength));
    const gated: tf.Tensor2D = tf.mul(this.gate.forward(asking, silu), attended);
    const y = this.output.forward(dropout(gated, this.dropout, rng, queries));
    return tf.add(selectRows(x, layout, queries), y);
  }
}
