/** LinRec. */
import { layerNormalization, noNormalization } from '../blocks/layer-norm.ts';
import { linrecBlock } from '../blocks/linrec-block.ts';
import { learnedFromStart } from '../blocks/positions/learned.ts';
import { initializeMatrices, normal } from '../core/initializers.ts';
import { gelu } from '../ops/activations.ts';
import { SASRec, type SASRecOptions } from './sasrec.ts';

/**
 * LinRec (Liu et al., "LinRec: Linear Attention Mechanism for Long-term Sequential Recommender Systems", SIGIR 2023), after
 * the authors' code: RecBole's SASRec with linear attention and without its mask. An event reads all others of its
 * sequence, so that only the last one may be asked for what follows: the objective is `prefixes()` in batches of 256 unless
 * told otherwise. Tables and weights begin normal with a deviation of 0.02, as RecBole's.
 * WarpRec's causal form, which answers at every event, is `block: linrecBlock()`.
 *
 * The options are those of {@link SASRec} with other defaults: `heads` 2, `scale` 1, `positions` learnedFromStart(),
 * `inputNorm` layerNormalization(\{ epsilon: 1e-12 \}), `block` linrecBlock(\{ causal: false \}), `norm` noNormalization().
 *
 * @example
 * ```ts
 * const model = new LinRec({ items: log.items, maxLength: 200 });
 * await model.fit(train, { epochs: 20 });
 * await model.recommend(['sku-17', 'sku-3'], { k: 10 });
 * ```
 */
export class LinRec extends SASRec {
  static override readonly modelName: string = 'LinRec';
  static override readonly parts = { ...SASRec.parts, learnedFromStart, linrecBlock, gelu };

  constructor(options: SASRecOptions) {
    super({
      ...options,
      heads: options.heads ?? 2,
      scale: options.scale ?? 1,
      positions: options.positions ?? learnedFromStart(),
      inputNorm: options.inputNorm ?? layerNormalization({ epsilon: 1e-12 }),
      block: options.block ?? linrecBlock({ causal: false }),
      norm: options.norm ?? noNormalization(),
    });
    initializeMatrices(this, normal(0.02));
  }

  /** Beginnings of sequences are many, RecBole takes 2,048 at a time. */
  override get defaults() {
    return this.reads === 'past' ? super.defaults : { ...super.defaults, batchSize: 256 };
  }
}
