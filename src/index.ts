/**
 * Sequential recommendation: train, evaluate and serve next-item models.
 *
 * @example
 * ```ts
 * import { evaluate, Interactions, leaveLastOut, ndcg, SASRec } from 'seqrec';
 *
 * const log = Interactions.from(rows); // any iterable of { user, item, time }
 * const { train, validation, test } = leaveLastOut(log);
 * const model = new SASRec({ items: log.items, maxLength: 50, dim: 64 });
 * await model.fit(train, { epochs: 20, validation });
 * const report = await evaluate(model, test, { metrics: [ndcg(10)] });
 * const next = await model.recommend(['sku-17', 'sku-3'], { k: 10 });
 * ```
 *
 * @packageDocumentation
 */

// Backend
export { type BackendInfo, backendInfo, type Refusal, ready } from './backend/select.ts';
// Blocks
export { type AttentionCall, MultiHeadAttention, type MultiHeadAttentionOptions } from './blocks/attention.ts';
export type { BlockPart, BlockSize, SequenceBlock } from './blocks/block.ts';
export { Embedding, type EmbeddingOptions } from './blocks/embedding.ts';
export { FeedForward, type FeedForwardOptions } from './blocks/feed-forward.ts';
export {
  LayerNorm,
  type LayerNormOptions,
  layerNormalization,
  type NormalizationPart,
  noNormalization,
  type TokenBlock,
} from './blocks/layer-norm.ts';
export { Linear, type LinearOptions } from './blocks/linear.ts';
export {
  type Output,
  type OutputHead,
  type OutputOptions,
  type OutputPart,
  tiedOutput,
  untiedOutput,
} from './blocks/output-head.ts';
export {
  learnedFromEnd,
  learnedFromStart,
  noPositions,
  type PositionBlock,
  type PositionsPart,
  sinusoidal,
  sinusoidTable,
} from './blocks/positions.ts';
export { SASRecBlock, type SASRecBlockOptions, sasrecBlock } from './blocks/sasrec-block.ts';
export { TransformerBlock, type TransformerBlockOptions, transformerBlock } from './blocks/transformer-block.ts';
// Core
export {
  fanInUniform,
  normal,
  ones,
  truncatedNormal,
  uniformInit,
  xavierNormal,
  xavierUniform,
  zeros,
} from './core/initializers.ts';
export { Layout, type LayoutOptions } from './core/layout.ts';
export { Module, type Summary, type SummaryRow } from './core/module.ts';
export {
  type Gradient,
  type Initializer,
  Parameter,
  type RowGradient,
  type RowGradientSink,
  tensorOf,
  type Weight,
} from './core/parameter.ts';
export { functionPart, type Part, type PartOption, type PartSource } from './core/part.ts';
export { type Column, type EventColumns, Ragged, type SequenceColumns } from './core/ragged.ts';
export { Rng } from './core/rng.ts';
// Ops
export {
  type Activation,
  elu,
  gelu,
  geluTanh,
  leakyRelu,
  logSigmoid,
  relu,
  sigmoid,
  silu,
  softplus,
  tanh,
} from './ops/activations.ts';
export { type AttentionOptions, attention, attentionDropoutBits, attentionWeights } from './ops/attention.ts';
export { type SoftmaxCrossEntropyOptions, softmaxCrossEntropy } from './ops/cross-entropy.ts';
export { dropout, dropoutMask } from './ops/dropout.ts';
export { embedding } from './ops/embedding.ts';
export { gatherRows } from './ops/gather-rows.ts';
export { gradients, type LossAndGradients, toDense } from './ops/gradients.ts';
export { layerNorm } from './ops/layer-norm.ts';
export { linear } from './ops/linear.ts';
export { fromPadded, type PadSide, toPadded } from './ops/padded.ts';
export { product } from './ops/product.ts';
export { segmentSum } from './ops/segment-sum.ts';
