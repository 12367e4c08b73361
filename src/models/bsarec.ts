/** BSARec. */
import { bsarecBlock } from '../blocks/bsarec-block.ts';
import { layerNormalization, noNormalization } from '../blocks/layer-norm.ts';
import { initializeMatrices, normal } from '../core/initializers.ts';
import { gelu } from '../ops/activations.ts';
import { prefixes } from '../training/objectives/prefixes.ts';
import { SASRec, type SASRecOptions } from './sasrec.ts';

/**
 * BSARec (Shin et al., "An Attentive Inductive Bias for Sequential Recommendation beyond the Self-Attention", AAAI 2024),
 * after the authors' code (yehjin-shin/BSARec): a Transformer whose attention shares each layer with a filter of
 * frequencies. The filter reads the whole sequence, so that only last events may be asked for what follows: the objective
 * is `prefixes({ recent: maxLength })`, as theirs, and batches are of 256. Tables and weights begin normal with a deviation
 * of 0.02. Sequences are transformed over their own length, see {@link FrequencyFilter}.
 *
 * The options are those of {@link SASRec} with other defaults: `dropout` 0.5, `scale` 1, `inputNorm`
 * layerNormalization(\{ epsilon: 1e-12 \}), `block` bsarecBlock(), `norm` noNormalization().
 *
 * @example
 * ```ts
 * const model = new BSARec({ items: log.items, block: bsarecBlock({ alpha: 0.7, c: 5 }) });
 * await model.fit(train, { epochs: 50, validation, earlyStopping: { metric: ndcg(10) } });
 * await model.recommend(['sku-17', 'sku-3'], { k: 10 });
 * ```
 */
export class BSARec extends SASRec {
  static override readonly modelName: string = 'BSARec';
  static override readonly parts = { ...SASRec.parts, bsarecBlock, gelu };

  constructor(options: SASRecOptions) {
    super({
      ...options,
      dropout: options.dropout ?? 0.5,
      scale: options.scale ?? 1,
      inputNorm: options.inputNorm ?? layerNormalization({ epsilon: 1e-12 }),
      block: options.block ?? bsarecBlock(),
      norm: options.norm ?? noNormalization(),
    });
    initializeMatrices(this, normal(0.02));
  }

  override get defaults() {
    const objective = this.reads === 'past' ? undefined : prefixes({ recent: this.maxLength });
    return { objective, batchSize: 256 };
  }
}
