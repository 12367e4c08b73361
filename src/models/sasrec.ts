/** SASRec. */
import type * as tf from '@tensorflow/tfjs-core';
import type { BlockPart, Continued, SequenceBlock } from '../blocks/block.ts';
import { lastAttention, throughBlocks } from '../blocks/block-stack.ts';
import { Embedding } from '../blocks/embedding.ts';
import { layerNormalization, type NormalizationPart, noNormalization, type TokenBlock } from '../blocks/layer-norm.ts';
import { type Output, type OutputHead, type OutputPart, tiedOutput } from '../blocks/output-head.ts';
import { learnedFromEnd } from '../blocks/positions/learned.ts';
import type { PositionBlock, PositionsPart } from '../blocks/positions/positions.ts';
import { sasrecBlock } from '../blocks/sasrec-block.ts';
import type { Layout } from '../core/layout.ts';
import { tensorOf, type Weight } from '../core/parameter.ts';
import { create, type PartOption } from '../core/part.ts';
import type { Ragged } from '../core/ragged.ts';
import type { Rng } from '../core/rng.ts';
import { checkLayers, checkNumber, checkWidth, refuseOthers } from '../core/shape.ts';
import { relu } from '../ops/activations.ts';
import { dropout } from '../ops/dropout.ts';
import { embedding } from '../ops/embedding.ts';
import { prefixes } from '../training/objectives/prefixes.ts';
import type { FitDefaults } from '../training/trainable.ts';
import { SequenceModel, type SequenceModelOptions } from './base/sequence-model.ts';
import type { EventStream } from './base/streamed-history.ts';

export interface SASRecOptions extends SequenceModelOptions {
  /** Width of the states. @defaultValue 64 */
  dim?: number | undefined;
  /** Number of blocks. @defaultValue 2 */
  layers?: number | undefined;
  /** Attention heads; must divide `dim`. @defaultValue 1 */
  heads?: number | undefined;
  /** Rate of every dropout but `itemDropout`. @defaultValue 0.2 */
  dropout?: number | undefined;
  /**
   * Rate of dropout on the table of items, whose mask is one for all that a step reads from it and scores against it
   * (RecTools, `IdEmbeddingsItemNet`). @defaultValue 0
   */
  itemDropout?: number | undefined;
  /** Factor of the item embeddings before positions are added. @defaultValue √dim */
  scale?: number | undefined;
  /** @defaultValue learnedFromEnd() */
  positions?: PositionsPart | undefined;
  /** Normalisation of embedding plus position. @defaultValue noNormalization() */
  inputNorm?: NormalizationPart | undefined;
  /** @defaultValue sasrecBlock() */
  block?: BlockPart | undefined;
  /** Normalisation of the last block's states. @defaultValue layerNormalization(\{ epsilon: 1e-8 \}) */
  norm?: NormalizationPart | undefined;
  /** @defaultValue tiedOutput() */
  output?: OutputPart | undefined;
}

/**
 * Self-Attentive Sequential Recommendation (Kang & McAuley, ICDM 2018). The default architecture is the authors' code
 * (kang205/SASRec), see {@link sasrecBlock} for where it differs from the paper. Their positions are the slots of a
 * left-padded window, which are positions from the end. Variants are made by passing parts: pmixer's and RecBole's
 * post-norm layer is `block: transformerBlock(...)`, gSASRec is `loss: gbce()`.
 *
 * @example
 * ```ts
 * const model = new SASRec({ items: log.items, maxLength: 50, dim: 64, heads: 2 });
 * await model.fit(train, { epochs: 20 });
 * await model.recommend(['sku-17', 'sku-3'], { k: 10 });
 * ```
 */
export class SASRec extends SequenceModel {
  static override readonly modelName: string = 'SASRec';
  static override readonly parts = {
    learnedFromEnd,
    noNormalization,
    sasrecBlock,
    relu,
    layerNormalization,
    tiedOutput,
  };
  readonly items: Embedding;
  readonly positions: PositionBlock;
  readonly inputNorm: TokenBlock;
  readonly blocks: SequenceBlock[];
  readonly norm: TokenBlock;
  readonly head: OutputHead;
  readonly dropout: number;
  readonly itemDropout: number;
  readonly scale: number;
  readonly #options: { readonly [option: string]: PartOption };

  constructor({
    items,
    maxLength,
    dim = 64,
    layers = 2,
    heads = 1,
    dropout = 0.2,
    itemDropout = 0,
    scale = Math.sqrt(dim),
    positions = learnedFromEnd(),
    inputNorm = noNormalization(),
    block = sasrecBlock(),
    norm = layerNormalization({ epsilon: 1e-8 }),
    output = tiedOutput(),
    ...others
  }: SASRecOptions) {
    super({ items, maxLength });
    refuseOthers(new.target.modelName, others);
    checkWidth('dim', dim);
    checkLayers('layers', layers);
    this.dropout = checkNumber('dropout', dropout, { min: 0, below: 1 });
    this.itemDropout = checkNumber('itemDropout', itemDropout, { min: 0, below: 1 });
    this.scale = checkNumber('scale', scale);
    this.items = new Embedding(items.size, dim);
    this.positions = create('positions', positions, { dim, maxLength: this.maxLength });
    this.inputNorm = create('inputNorm', inputNorm, dim);
    const size = { dim, heads, dropout: this.dropout, causal: true };
    this.blocks = Array.from({ length: layers }, () => create('block', block, size));
    this.norm = create('norm', norm, dim);
    this.head = create('output', output, { items: this.items, count: items.size, dim });
    this.#options = { dim, layers, heads, positions, inputNorm, block, norm, output };
  }

  override encode(events: Ragged, layout: Layout, rng?: Rng, queries?: Layout): tf.Tensor2D {
    const x = throughBlocks(this.blocks, this.#input(events, layout, rng), layout, rng, queries);
    return this.#scored(x);
  }

  /** `[N, D]` */
  #input(events: Ragged, layout: Layout, rng?: Rng): tf.Tensor2D {
    const lookup = { scale: this.scale, plus: this.positions.forward(layout, events) };
    const rows = layout.pad(events.item);
    const table = this.#table(rng?.fork('output'));
    const items = table === this.items.weight ? this.items.forward(rows, lookup) : embedding(table, rows, lookup);
    const x = this.inputNorm.forward(items);
    return dropout(x, this.dropout, rng?.fork('input'), layout);
  }

  /** The items as a step has them; `rng` is that of {@link output}. */
  #table(rng?: Rng): Weight<tf.Tensor2D> {
    const { weight } = this.items;
    return rng && this.itemDropout > 0 ? dropout(tensorOf<tf.Tensor2D>(weight), this.itemDropout, rng) : weight;
  }

  /** What is scored. */
  #scored(x: tf.Tensor2D): tf.Tensor2D {
    const states = this.norm.forward(x);
    return this.head.transform?.(states) ?? states;
  }

  /** Keys and values of all blocks are kept where earlier events do not change when one more follows. */
  protected override stream(): EventStream | undefined {
    const appends = this.positions.appendOnly && this.blocks.every((block) => block.resume);
    if (!appends || this.encode !== SASRec.prototype.encode) return undefined;
    return (events, layout, before = [], queries) => {
      let x = this.#input(events, layout);
      const after: tf.Tensor2D[] = [];
      const each = before.length / this.blocks.length;
      this.blocks.forEach((block, i) => {
        const wanted = i === this.blocks.length - 1 ? queries : undefined;
        const next = block.resume?.(x, layout, before.slice(i * each, (i + 1) * each), wanted) as Continued;
        x = next.states;
        after.push(...next.after);
      });
      return { states: this.#scored(x), after };
    };
  }

  protected override attentionOf(events: Ragged, layout: Layout): tf.Tensor1D | undefined {
    if (this.encode !== SASRec.prototype.encode) return undefined;
    return lastAttention(this.blocks, this.#input(events, layout), layout);
  }

  override get reads(): 'past' | 'all' | 'last' {
    const { reads = 'past' } = this.positions;
    return reads === 'past' && this.blocks.some((block) => block.reads === 'all') ? 'all' : reads;
  }

  /** What reads the future can be asked at the last event only. */
  override get defaults(): FitDefaults {
    return this.reads === 'past' ? {} : { objective: prefixes() };
  }

  protected override get recordable(): boolean {
    return this.encode === SASRec.prototype.encode;
  }

  override output(rng?: Rng): Output {
    const output = this.head.output();
    return output.weight === this.items.weight ? { ...output, weight: this.#table(rng) } : output;
  }

  override config() {
    return {
      ...super.config(),
      ...this.#options,
      dropout: this.dropout,
      itemDropout: this.itemDropout,
      scale: this.scale,
    };
  }
}
