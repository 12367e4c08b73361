/** BERT4Rec. */
import type * as tf from '@tensorflow/tfjs-core';
import type { BlockPart, SequenceBlock } from '../blocks/block.ts';
import { lastAttention, throughBlocks } from '../blocks/block-stack.ts';
import { denseOutput } from '../blocks/dense-output.ts';
import { layerNormalization, type NormalizationPart, type TokenBlock } from '../blocks/layer-norm.ts';
import { MaskableEmbedding } from '../blocks/maskable-embedding.ts';
import { type Output, type OutputHead, type OutputPart, tiedOutput } from '../blocks/output-head.ts';
import { learnedFromStart } from '../blocks/positions/learned.ts';
import type { PositionBlock, PositionsPart } from '../blocks/positions/positions.ts';
import { transformerBlock } from '../blocks/transformer-block.ts';
import { truncatedNormal } from '../core/initializers.ts';
import type { Layout } from '../core/layout.ts';
import { create, type PartOption } from '../core/part.ts';
import { Ragged, range } from '../core/ragged.ts';
import type { Rng } from '../core/rng.ts';
import { checkLayers, checkNumber, checkWidth, refuseOthers } from '../core/shape.ts';
import { gelu } from '../ops/activations.ts';
import { dropout } from '../ops/dropout.ts';
import { cloze } from '../training/objectives/cloze.ts';
import { SequenceModel, type SequenceModelOptions } from './base/sequence-model.ts';

export interface BERT4RecOptions extends SequenceModelOptions {
  /** Width of the states. @defaultValue 64 */
  dim?: number | undefined;
  /** Number of blocks. @defaultValue 2 */
  layers?: number | undefined;
  /** Attention heads; must divide `dim`. @defaultValue 2 */
  heads?: number | undefined;
  /** Rate of every dropout. @defaultValue 0.2 */
  dropout?: number | undefined;
  /** Factor of the item embeddings before positions are added. @defaultValue 1 */
  scale?: number | undefined;
  /** @defaultValue learnedFromStart(\{ std: 0.02 \}) */
  positions?: PositionsPart | undefined;
  /** Normalisation of embedding plus position. @defaultValue layerNormalization(\{ epsilon: 1e-12 \}) */
  inputNorm?: NormalizationPart | undefined;
  /** Made bidirectional. @defaultValue transformerBlock(\{ activation: gelu, epsilon: 1e-12 \}) */
  block?: BlockPart | undefined;
  /** @defaultValue denseOutput() */
  output?: OutputPart | undefined;
}

/** Of the initial embeddings; items and positions of one size, since the layer norm sees their sum. */
const STD = 0.02;

/**
 * BERT4Rec: Sequential Recommendation with Bidirectional Encoder Representations from Transformer (Sun et al., CIKM
 * 2019), after the authors' code (FeiSun/BERT4Rec, `modeling.py`). Every event reads all others; hidden ones are predicted
 * (`cloze()`, the default objective). A history is answered by appending [MASK] to its most recent `maxLength - 1` events.
 *
 * @example
 * ```ts
 * const model = new BERT4Rec({ items: log.items, maxLength: 50 });
 * await model.fit(train, { epochs: 200 });
 * await model.recommend(['sku-17', 'sku-3'], { k: 10 });
 * ```
 */
export class BERT4Rec extends SequenceModel {
  static override readonly modelName: string = 'BERT4Rec';
  static override readonly parts = {
    learnedFromStart,
    layerNormalization,
    transformerBlock,
    gelu,
    denseOutput,
    tiedOutput,
  };
  readonly items: MaskableEmbedding;
  readonly positions: PositionBlock;
  readonly inputNorm: TokenBlock;
  readonly blocks: SequenceBlock[];
  readonly head: OutputHead;
  readonly dropout: number;
  readonly scale: number;
  readonly #options: { readonly [option: string]: PartOption };

  constructor({
    items,
    maxLength = 50,
    dim = 64,
    layers = 2,
    heads = 2,
    dropout = 0.2,
    scale = 1,
    positions = learnedFromStart({ std: STD }),
    inputNorm = layerNormalization({ epsilon: 1e-12 }),
    block = transformerBlock({ activation: gelu, epsilon: 1e-12 }),
    output = denseOutput(),
    ...others
  }: BERT4RecOptions) {
    super({ items, maxLength: checkNumber('maxLength', maxLength, { min: 2, integer: true }) });
    refuseOthers(new.target.modelName, others);
    checkWidth('dim', dim);
    checkLayers('layers', layers);
    this.dropout = checkNumber('dropout', dropout, { min: 0, below: 1 });
    this.scale = checkNumber('scale', scale);
    this.items = new MaskableEmbedding(items.size, dim, { init: truncatedNormal(STD) });
    this.positions = create('positions', positions, { dim, maxLength: this.maxLength });
    this.inputNorm = create('inputNorm', inputNorm, dim);
    const size = { dim, heads, dropout: this.dropout, causal: false };
    this.blocks = Array.from({ length: layers }, () => create('block', block, size));
    this.head = create('output', output, { items: this.items, count: items.size, dim });
    this.#options = { dim, layers, heads, positions, inputNorm, block, output };
  }

  override encode(events: Ragged, layout: Layout, rng?: Rng, queries?: Layout): tf.Tensor2D {
    const x = throughBlocks(this.blocks, this.#input(events, layout, rng), layout, rng, queries);
    return this.head.transform?.(x) ?? x;
  }

  /** `[N, D]` */
  #input(events: Ragged, layout: Layout, rng?: Rng): tf.Tensor2D {
    const lookup = { scale: this.scale, plus: this.positions.forward(layout, events) };
    const x = this.inputNorm.forward(this.items.forward(layout.pad(events.item), lookup));
    return dropout(x, this.dropout, rng?.fork('input'), layout);
  }

  protected override attentionOf(events: Ragged, layout: Layout): tf.Tensor1D | undefined {
    return lastAttention(this.blocks, this.#input(events, layout), layout);
  }

  override output(): Output {
    return this.head.output();
  }

  override get reads(): 'all' {
    return 'all';
  }

  override get mask(): number {
    return this.catalog.size;
  }

  override get defaults() {
    return { objective: cloze() };
  }

  /** [MASK] takes the last of the rows that are read. */
  protected override get window(): number {
    return this.maxLength - 1;
  }

  /** [MASK] has the other columns of the event before it. */
  protected override asked(histories: Ragged): Ragged {
    const recent = histories.last(this.window);
    const all = range(recent.count);
    const places = Array.from(all, (b) => Int32Array.of(...range(recent.length(b)), recent.length(b) - 1));
    const { offsets, events, sequences } = recent.select(all, places);
    const item = events.item.slice();
    for (const end of offsets.subarray(1)) item[end - 1] = this.mask;
    return new Ragged(offsets, { ...events, item }, sequences);
  }

  override config() {
    return { ...super.config(), ...this.#options, dropout: this.dropout, scale: this.scale };
  }
}
