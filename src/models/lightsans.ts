/** LightSANs. */
import type * as tf from '@tensorflow/tfjs-core';
import { Embedding } from '../blocks/embedding.ts';
import { LayerNorm } from '../blocks/layer-norm.ts';
import { LightSANsBlock } from '../blocks/lightsans-block.ts';
import type { Output } from '../blocks/output-head.ts';
import { initializeMatrices, normal } from '../core/initializers.ts';
import type { Layout } from '../core/layout.ts';
import { Parameter, tensorOf } from '../core/parameter.ts';
import type { PartOption } from '../core/part.ts';
import type { Ragged } from '../core/ragged.ts';
import type { Rng } from '../core/rng.ts';
import { checkLayers, checkNumber, checkWidth, refuseOthers } from '../core/shape.ts';
import { type Activation, gelu } from '../ops/activations.ts';
import { dropout } from '../ops/dropout.ts';
import { prefixes } from '../training/objectives/prefixes.ts';
import type { FitDefaults } from '../training/trainable.ts';
import { SequenceModel, type SequenceModelOptions } from './base/sequence-model.ts';

export interface LightSANsOptions extends SequenceModelOptions {
  /** Width of the states. @defaultValue 64 */
  dim?: number | undefined;
  /** Number of blocks. @defaultValue 2 */
  layers?: number | undefined;
  /** Attention heads; must divide `dim`. @defaultValue 2 */
  heads?: number | undefined;
  /** How many latent interests stand for the events of a history. @defaultValue 5 */
  interests?: number | undefined;
  /** Inner width of the feed-forward networks. @defaultValue 4 · dim */
  hidden?: number | undefined;
  /** @defaultValue gelu */
  activation?: Activation | undefined;
  /** Rate of every dropout. @defaultValue 0.5 */
  dropout?: number | undefined;
  /** Of all layer norms. @defaultValue 1e-12 */
  epsilon?: number | undefined;
}

/**
 * LightSANs (Fan et al., "Lighter and Better: Low-Rank Decomposed Self-Attention Networks for Next-Item Recommendation",
 * SIGIR 2021), after the authors' code (RecBole): a Transformer whose events ask a few interests instead of each other, and
 * whose positions have an attention of their own, see {@link LightSANsAttention}. An event reads all others of its history,
 * so that only the last one may be asked for what follows: the objective is `prefixes()`, as theirs, in batches of 256.
 * Tables and weights begin normal with a deviation of 0.02, interests with one of 1.
 *
 * @example
 * ```ts
 * const model = new LightSANs({ items: log.items, maxLength: 50, interests: 5 });
 * await model.fit(train, { epochs: 20 });
 * await model.recommend(['sku-17', 'sku-3'], { k: 10 });
 * ```
 */
export class LightSANs extends SequenceModel {
  static override readonly modelName: string = 'LightSANs';
  static override readonly parts = { gelu };
  readonly items: Embedding;
  /** `[maxLength, dim]`, from the first event on. */
  readonly positions: Parameter;
  readonly inputNorm: LayerNorm;
  readonly blocks: LightSANsBlock[];
  readonly dropout: number;
  readonly #options: { readonly [option: string]: PartOption };

  constructor({
    items,
    maxLength,
    dim = 64,
    layers = 2,
    heads = 2,
    interests = 5,
    hidden = 4 * dim,
    activation = gelu,
    dropout = 0.5,
    epsilon = 1e-12,
    ...others
  }: LightSANsOptions) {
    super({ items, maxLength });
    refuseOthers(new.target.modelName, others);
    checkWidth('dim', dim);
    checkLayers('layers', layers);
    this.dropout = checkNumber('dropout', dropout, { min: 0, below: 1 });
    this.items = new Embedding(items.size, dim);
    this.positions = new Parameter([this.maxLength, dim], normal(0.02));
    this.inputNorm = new LayerNorm(dim, { epsilon });
    const size = { dim, heads, interests, hidden, activation, dropout: this.dropout, epsilon };
    this.blocks = Array.from({ length: layers }, () => new LightSANsBlock(size));
    initializeMatrices(this, normal(0.02), (path) => !path.endsWith('Interests'));
    this.#options = { layers, ...size };
  }

  override encode(events: Ragged, layout: Layout, rng?: Rng, queries?: Layout): tf.Tensor2D {
    const x = this.inputNorm.forward(this.items.forward(layout.pad(events.item)));
    const positions = tensorOf<tf.Tensor>(this.positions) as tf.Tensor2D;
    return this.blocks.reduce(
      (rows, block, i) => {
        const wanted = i === this.blocks.length - 1 ? queries : undefined;
        return block.forward(rows, { positions, layout, queries: wanted, rng: rng?.fork('block').fork(i) });
      },
      dropout(x, this.dropout, rng?.fork('input'), layout),
    );
  }

  override output(): Output {
    return { weight: this.items.weight };
  }

  override get reads(): 'all' {
    return 'all';
  }

  override get defaults(): FitDefaults {
    return { objective: prefixes(), batchSize: 256 };
  }

  override config(): { readonly [option: string]: PartOption } {
    return { ...super.config(), ...this.#options };
  }
}
