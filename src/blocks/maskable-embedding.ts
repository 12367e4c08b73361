/** A table of items with a row for [MASK]. */
import * as tf from '@tensorflow/tfjs-core';
import { truncatedNormal } from '../core/initializers.ts';
import { Parameter, tensorOf } from '../core/parameter.ts';
import { refuseOthers } from '../core/shape.ts';
import { type EmbeddingLookup, embedding } from '../ops/embedding.ts';
import { Embedding, type EmbeddingOptions } from './embedding.ts';

/**
 * An {@link Embedding} of `rows` items and, as row `rows`, the vector of [MASK]. It is a parameter of its own, so that
 * {@link weight} holds nothing but items: what scores against it needs no copy without [MASK], and keeps the row-sparse
 * gradient.
 */
export class MaskableEmbedding extends Embedding {
  /** `[1, dim]` */
  readonly mask: Parameter;

  constructor(rows: number, dim: number, options: EmbeddingOptions = {}) {
    const { init, ...others } = options;
    super(rows, dim, { init });
    refuseOthers('MaskableEmbedding', others, options);
    this.mask = new Parameter([1, dim], init ?? truncatedNormal(0.02));
  }

  /**
   * @param rows   `[N]` row numbers, `rows` for [MASK]
   * @param lookup what the rows are multiplied by, and what is added to them
   * @returns `[N, dim]`
   */
  override forward(rows: Int32Array, { scale = 1, plus }: EmbeddingLookup = {}): tf.Tensor2D {
    const masked = this.weight.shape[0] as number;
    const items = rows.filter((row) => row !== masked);
    if (items.length === rows.length) return super.forward(rows, { scale, plus });
    const mask = tf.mul(tensorOf<tf.Tensor>(this.mask), scale) as tf.Tensor2D;
    const read = items.length > 0 ? tf.concat([super.forward(items, { scale }), mask]) : mask;
    let next = 0;
    return embedding(
      read,
      rows.map((row) => (row === masked ? items.length : next++)),
      { plus },
    );
  }
}
