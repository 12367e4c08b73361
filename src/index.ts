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
 * @module seqrec
 */

// Backend
export { DeviceLostError } from './backend/device-lost.ts';
export type { KernelFile, KernelPaths } from './backend/kernel-source.ts';
export { type BackendInfo, backendInfo, type Refusal, ready } from './backend/select.ts';
export { configureWasm, type WasmFile, type WasmOptions, type WasmPaths } from './backend/wasm-options.ts';
// Blocks
export { type AttentionCall, MultiHeadAttention, type MultiHeadAttentionOptions } from './blocks/attention.ts';
export { AttentionPooling, type AttentionPoolingOptions } from './blocks/attention-pooling.ts';
export type { BlockPart, BlockSize, Continued, SequenceBlock } from './blocks/block.ts';
export { lastAttention } from './blocks/block-stack.ts';
export { BSARecBlock, type BSARecBlockOptions, bsarecBlock } from './blocks/bsarec-block.ts';
export { type DenseOutputOptions, denseOutput } from './blocks/dense-output.ts';
export { Embedding, type EmbeddingOptions } from './blocks/embedding.ts';
export {
  added,
  concatenated,
  FeatureEmbedding,
  type FeatureEmbeddingOptions,
  type Field,
  type JoinPart,
} from './blocks/feature-embedding.ts';
export {
  FeedForward,
  type FeedForwardBlock,
  type FeedForwardOptions,
  type FeedForwardPart,
  feedForward,
} from './blocks/feed-forward.ts';
export { FrequencyFilter, type FrequencyFilterOptions } from './blocks/frequency-filter.ts';
export { GatedGraph, type GatedGraphOptions } from './blocks/gated-graph.ts';
export { GRU, type GRUOptions } from './blocks/gru.ts';
export { HorizontalConvolution, type HorizontalConvolutionOptions } from './blocks/horizontal-convolution.ts';
export { HSTUBlock, type HSTUBlockOptions, type HSTUCall } from './blocks/hstu-block.ts';
export {
  LayerNorm,
  type LayerNormOptions,
  layerNormalization,
  type NormalizationPart,
  noNormalization,
  type TokenBlock,
} from './blocks/layer-norm.ts';
export {
  LightSANsAttention,
  type LightSANsAttentionOptions,
  type LightSANsCall,
} from './blocks/lightsans-attention.ts';
export { LightSANsBlock, type LightSANsBlockOptions } from './blocks/lightsans-block.ts';
export { LigrBlock, type LigrBlockOptions, ligrBlock } from './blocks/ligr-block.ts';
export { Linear, type LinearOptions } from './blocks/linear.ts';
export { LinearAttention, type LinearAttentionBlockOptions } from './blocks/linear-attention.ts';
export { LinRecBlock, type LinRecBlockOptions, linrecBlock } from './blocks/linrec-block.ts';
export { MaskableEmbedding } from './blocks/maskable-embedding.ts';
export { MLP, type MLPOptions } from './blocks/mlp.ts';
export {
  type Output,
  type OutputHead,
  type OutputOptions,
  type OutputPart,
  tiedOutput,
  untiedOutput,
} from './blocks/output-head.ts';
export type { AttentionPositions, AttentionPositionsPart } from './blocks/positions/attention-positions.ts';
export { continuousTime } from './blocks/positions/continuous-time.ts';
export { type LearnedPositionsOptions, learnedFromEnd, learnedFromStart } from './blocks/positions/learned.ts';
export { noPositions } from './blocks/positions/no-positions.ts';
export type { PairBias, PairBiasPart } from './blocks/positions/pair-bias.ts';
export type { PositionBlock, PositionsPart } from './blocks/positions/positions.ts';
export { type RecencyOptions, recency } from './blocks/positions/recency.ts';
export { type RelativeBiasOptions, relativeBias } from './blocks/positions/relative-bias.ts';
export { relativePositions } from './blocks/positions/relative-positions.ts';
export { type RelativeTimesOptions, relativeTimes } from './blocks/positions/relative-times.ts';
export { rotary } from './blocks/positions/rotary.ts';
export { sinusoidal, sinusoidTable } from './blocks/positions/sinusoidal.ts';
export { type SummedOptions, summed } from './blocks/positions/summed.ts';
export { type TimeBucketsOptions, timeBuckets } from './blocks/positions/time-buckets.ts';
export {
  constrainedEmbedding,
  oneHotEmbedding,
  type RecurrentInput,
  type RecurrentInputPart,
  separateEmbedding,
} from './blocks/recurrent-input.ts';
export { SASRecBlock, type SASRecBlockOptions, sasrecBlock } from './blocks/sasrec-block.ts';
export {
  allPositions,
  eachPosition,
  type ScoreHead,
  type ScoreHeadOptions,
  type ScoreHeadPart,
  type ScoreHeadSize,
} from './blocks/score-head.ts';
export {
  equalWeights,
  type MixtureCall,
  type SessionMixture,
  type SessionMixturePart,
  type TransformerWeightsOptions,
  transformerWeights,
} from './blocks/session-mixture.ts';
export { SwiGLU, type SwiGLUOptions, swiglu } from './blocks/swiglu.ts';
export { TransformerBlock, type TransformerBlockOptions, transformerBlock } from './blocks/transformer-block.ts';
export { VerticalConvolution, type VerticalConvolutionOptions } from './blocks/vertical-convolution.ts';
export type { CodeLists, Codes } from './core/codes.ts';
// Core
export {
  fanInUniform,
  initializeMatrices,
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
export type { Augmentation, View, ViewContext } from './data/augment/augmentation.ts';
export { crop } from './data/augment/crop.ts';
export { insert } from './data/augment/insert.ts';
export { mask } from './data/augment/mask.ts';
export { oneOf } from './data/augment/one-of.ts';
export { reorder } from './data/augment/reorder.ts';
export { type CoOccurrenceOptions, substitute } from './data/augment/substitute.ts';
export { unchanged } from './data/augment/unchanged.ts';
// Data
export {
  Catalog,
  type CatalogJson,
  type CatalogOptions,
  type CatalogRow,
  type ItemId,
  type KnownRows,
  type RowsOptions,
} from './data/catalog.ts';
export { cutSessions } from './data/cut-sessions.ts';
export { detectFormat } from './data/detect-format.ts';
export type { Collected, CollectOptions, EventCollector, UserId } from './data/event-collector.ts';
export { type ExampleOptions, type ExampleRule, Examples } from './data/examples.ts';
export {
  type CategoricalOptions,
  type CategoryValue,
  categorical,
  type Feature,
  type FeatureValue,
  type MultiValuedOptions,
  multiValued,
  type NumericOptions,
  numeric,
} from './data/feature.ts';
export { eventCodes, type NamedCodes, sequenceCodes } from './data/feature-codes.ts';
export type { FeatureSchema, Features, ItemFeature, NamedFeatures, UnknownValues } from './data/features.ts';
export { kCore, type MinimumCounts, minimumCounts } from './data/filter.ts';
export { pairFormat } from './data/format-pairs.ts';
export { type SequenceFormatOptions, sequenceFormat } from './data/format-sequences.ts';
export { type TableColumns, type TableFormatOptions, tableFormat } from './data/format-table.ts';
export {
  type HistoryEvent,
  type KnownHistories,
  type ReadHistoriesOptions,
  type RequestFeatures,
  readHistories,
} from './data/histories.ts';
export { everyNext, firstTarget, type Holdout, type Split } from './data/holdout.ts';
export { type Interaction, Interactions, type InteractionsOptions } from './data/interactions.ts';
export { findLeaks, type LeakReport } from './data/leaks.ts';
export { type HardestOptions, hardest } from './data/negatives/hardest.ts';
export { inBatch } from './data/negatives/in-batch.ts';
export { type MixedOptions, mixed } from './data/negatives/mixed.ts';
export { type PopularityOptions, popularity } from './data/negatives/popularity.ts';
export { type NegativeRequest, type Negatives, type Sampler, sliceNegatives } from './data/negatives/sampler.ts';
export { type UniformOptions, uniform } from './data/negatives/uniform.ts';
export { type ReadOptions, type ReadProgress, readInteractions } from './data/read-interactions.ts';
export { type SessionGraph, type SessionGraphOptions, sessionGraph } from './data/session-graph.ts';
export { type FractionOptions, lastFraction, leaveLastOut, splitByTime, type TimeSplitOptions } from './data/split.ts';
export { type SessionPart, type SessionSplitOptions, splitSessions } from './data/split-sessions.ts';
export { splitUsers, type UserSplitOptions } from './data/split-users.ts';
export type { InteractionsSummary } from './data/summarize.ts';
export { type ShopItem, type SyntheticShop, type SyntheticShopOptions, syntheticShop } from './data/synthetic-shop.ts';
export type { IdOptions, TextFormat, TextReader } from './data/text-format.ts';
export type { TextSource } from './data/text-source.ts';
export { type CyclicTimeOptions, cyclicTime, type DateTimeOptions, dateTime } from './data/time-feature.ts';
// Evaluation
export { type BootstrapOptions, bootstrapInterval, type Interval, signFlipTest } from './evaluation/bootstrap.ts';
export {
  type Candidates,
  givenCandidates,
  popularCandidates,
  type SampledCandidatesOptions,
  sampledCandidates,
} from './evaluation/candidates.ts';
export { type Comparison, compareReports } from './evaluation/compare-reports.ts';
export { type EvaluateOptions, type EvaluateProgress, evaluate } from './evaluation/evaluate.ts';
export type { AnyMetric, CatalogMetric, Metric } from './evaluation/metric.ts';
export { auc } from './evaluation/metrics/auc.ts';
export { coverage } from './evaluation/metrics/coverage.ts';
export { hitRate } from './evaluation/metrics/hit-rate.ts';
export { map } from './evaluation/metrics/map.ts';
export { mrr } from './evaluation/metrics/mrr.ts';
export { ndcg } from './evaluation/metrics/ndcg.ts';
export { precision } from './evaluation/metrics/precision.ts';
export { recall } from './evaluation/metrics/recall.ts';
export { ranksOfScores } from './evaluation/rank.ts';
export { formatReports, type Protocol, Report } from './evaluation/report.ts';
export type { ExcludeOptions, Scorer, TopK } from './evaluation/scorer.ts';
export { topKOfScores } from './evaluation/top-k.ts';
// Files
export { FileFormatError } from './io/error.ts';
export { type DType, readSafetensors, type Safetensors, type TensorData, writeSafetensors } from './io/safetensors.ts';
// Losses
export { type BceOptions, bce } from './losses/bce.ts';
export { type BprOptions, bpr } from './losses/bpr.ts';
export { type BprMaxOptions, bprMax } from './losses/bpr-max.ts';
export { type CrossEntropyOptions, crossEntropy } from './losses/cross-entropy.ts';
export { type GbceOptions, gbce } from './losses/gbce.ts';
export { cosineSimilarity, dotSimilarity, type InfoNCEOptions, infoNCE, type Similarity } from './losses/infonce.ts';
export { type L2RowsOptions, l2, l2Rows } from './losses/l2.ts';
export { logLoss } from './losses/log-loss.ts';
export type { Loss, LossTargets } from './losses/loss.ts';
export type { NegativesOptions } from './losses/sampled.ts';
export { type SampledSoftmaxOptions, sampledSoftmax } from './losses/sampled-softmax.ts';
export { type Top1Options, top1 } from './losses/top1.ts';
export { type Top1MaxOptions, top1Max } from './losses/top1-max.ts';
export { type WithContrastOptions, withContrast } from './losses/with-contrast.ts';
// Models
export { AssociationRules, type AssociationRulesOptions } from './models/association-rules.ts';
export { CandidateModel } from './models/base/candidate-model.ts';
export { CountingModel, type CountReport } from './models/base/counting.ts';
export { type ExplainedEvent, Explanation, type PictureOptions } from './models/base/explanation.ts';
export type { Recommendation } from './models/base/recommendation.ts';
export {
  type ExplainOptions,
  type LoadOptions,
  Recommender,
  type RecommenderClass,
  type RecommendManyOptions,
  type RecommendOptions,
} from './models/base/recommender.ts';
export { SequenceModel, type SequenceModelOptions } from './models/base/sequence-model.ts';
export {
  type HistoryReader,
  type RequestOptions,
  Session,
  type SessionModel,
  type SessionOptions,
} from './models/base/session.ts';
export type { EventStream } from './models/base/streamed-history.ts';
export { UserModel, type UserModelOptions } from './models/base/user-model.ts';
export { UserVectors } from './models/base/user-vectors.ts';
export { BERT4Rec, type BERT4RecOptions } from './models/bert4rec.ts';
export { BSARec } from './models/bsarec.ts';
export { BST, type BSTOptions } from './models/bst.ts';
export { Caser, type CaserOptions } from './models/caser.ts';
export { CORE, type CoreOptions } from './models/core.ts';
export {
  type Decay,
  exponentialDecay,
  inverseDecay,
  linearDecay,
  logDecay,
  noDecay,
  quadraticDecay,
  shareDecay,
} from './models/counts/decay.ts';
export { ItemRules } from './models/counts/item-rules.ts';
export type { SessionIndex } from './models/counts/session-index.ts';
export {
  type NeighborQuery,
  type NeighborSource,
  SessionNeighbors,
  type SessionNeighborsOptions,
  sharingAny,
  sharingLast,
  type Votes,
} from './models/counts/session-neighbors.ts';
export { FOSSIL, type FOSSILOptions } from './models/fossil.ts';
export { FPMC, type FPMCOptions } from './models/fpmc.ts';
export { GRU4Rec, type GRU4RecOptions } from './models/gru4rec.ts';
export { HSTU, type HSTUOptions } from './models/hstu.ts';
export { ItemKNN, type ItemKNNOptions } from './models/item-knn.ts';
export { LightSANs, type LightSANsOptions } from './models/lightsans.ts';
export { LinRec } from './models/linrec.ts';
export { MarkovChain, type MarkovChainOptions, type Transition } from './models/markov-chain.ts';
export { MultiStepMarkov, type MultiStepMarkovOptions } from './models/multi-step-markov.ts';
export { NARM, type NARMOptions } from './models/narm.ts';
export { Popularity } from './models/popularity.ts';
export { SASRec, type SASRecOptions } from './models/sasrec.ts';
export { SequentialRules, type SequentialRulesOptions } from './models/sequential-rules.ts';
export { SRGNN, type SRGNNOptions } from './models/sr-gnn.ts';
export { paperForm, STAN, type STANOptions, type StanForm, sessionRecForm } from './models/stan.ts';
export { VSKNN, type VSKNNOptions } from './models/vsknn.ts';
// Ops
export {
  type Activation,
  type ElementWise,
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
export { type ContrastiveLossOptions, contrastiveLoss } from './ops/contrastive-loss.ts';
export { type SoftmaxCrossEntropyOptions, softmaxCrossEntropy } from './ops/cross-entropy.ts';
export { dropout, dropoutAdd, dropoutMask } from './ops/dropout.ts';
export { type EmbeddingLookup, embedding } from './ops/embedding.ts';
export { gatherRows, selectRows } from './ops/gather-rows.ts';
export { GradientSums, gradients, type LossAndGradients, toDense } from './ops/gradients.ts';
export { type GruOptions, gru } from './ops/gru.ts';
export { gruCell } from './ops/gru-cell.ts';
export { layerNorm } from './ops/layer-norm.ts';
export { linear } from './ops/linear.ts';
export { type LinearAttentionOptions, linearAttention } from './ops/linear-attention.ts';
export { lowPass } from './ops/low-pass.ts';
export { maxOverTime } from './ops/max-over-time.ts';
export { type Edges, neighborSums } from './ops/neighbor-sums.ts';
export { normalizeElus, normalizeRows } from './ops/normalize-rows.ts';
export { fromPadded, type PadSide, toPadded } from './ops/padded.ts';
export { type PairProductsOptions, type PairsOptions, pairIndices, pairProducts, pairSums } from './ops/pairs.ts';
export { product } from './ops/product.ts';
export { rotatePairs } from './ops/rotate-pairs.ts';
export {
  type SampledLossOptions,
  type SampledQuestions,
  type SampledScores,
  type SampledSlopes,
  sampledLoss,
} from './ops/sampled-loss.ts';
export { segmentSum } from './ops/segment-sum.ts';
export { softmaxOverTime } from './ops/softmax-over-time.ts';
export { withGradient } from './ops/with-gradient.ts';
export type { CheckpointOptions } from './training/checkpoint.ts';
export { clipByGlobalNorm } from './training/clip.ts';
export type { EarlyStopping } from './training/early-stopping.ts';
export { NonFiniteError } from './training/finite.ts';
export type { FitOptions, WorkerOptions } from './training/fit-options.ts';
export type { EpochRecord, FitReport } from './training/fit-report.ts';
// Training
export { type AugmentedOptions, augmented } from './training/objectives/augmented.ts';
export { type ClozeOptions, cloze } from './training/objectives/cloze.ts';
export {
  type ContrastiveOptions,
  contrastive,
  type Viewed,
  type ViewPairs,
} from './training/objectives/contrastive.ts';
export { nextItem } from './training/objectives/next-item.ts';
export type { Batch, BatchContext, Objective } from './training/objectives/objective.ts';
export { type PointwiseOptions, pointwise } from './training/objectives/pointwise.ts';
export { type PrefixesOptions, prefixes } from './training/objectives/prefixes.ts';
export { type SessionParallelOptions, sessionParallel } from './training/objectives/session-parallel.ts';
export { type SlidingWindowOptions, slidingWindows } from './training/objectives/sliding-windows.ts';
export { sameTarget, twoOf } from './training/objectives/views.ts';
export { type AdagradOptions, adagrad } from './training/optimizers/adagrad.ts';
export { type AdagradMomentumOptions, adagradMomentum } from './training/optimizers/adagrad-momentum.ts';
export { type AdamOptions, adam } from './training/optimizers/adam.ts';
export { type AdamWOptions, adamW } from './training/optimizers/adam-w.ts';
export type { Optimizer, OptimizerRun, OptimizerState } from './training/optimizers/optimizer.ts';
export { type RmsPropOptions, rmsProp } from './training/optimizers/rms-prop.ts';
export { type SgdOptions, sgd } from './training/optimizers/sgd.ts';
export { type SparseAdamOptions, sparseAdam } from './training/optimizers/sparse-adam.ts';
export type { FitProgress } from './training/progress.ts';
export type { FitRecovery } from './training/recovery.ts';
export { constant } from './training/schedules/constant.ts';
export { type CosineOptions, cosine } from './training/schedules/cosine.ts';
export { type LinearScheduleOptions, linearSchedule } from './training/schedules/linear-schedule.ts';
export { type LinearWarmupOptions, linearWarmup } from './training/schedules/linear-warmup.ts';
export type { Schedule } from './training/schedules/schedule.ts';
export { type StepDecayOptions, stepDecay } from './training/schedules/step-decay.ts';
export type { FitDefaults, Trainable } from './training/trainable.ts';
export type { WorkerLike } from './training/workers/thread.ts';
