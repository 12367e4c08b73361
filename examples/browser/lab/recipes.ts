/** The models and losses that the form names. */
import {
  adam,
  BERT4Rec,
  BSARec,
  bce,
  bpr,
  CORE,
  crossEntropy,
  type FitOptions,
  GRU4Rec,
  gbce,
  type Interactions,
  type Loss,
  NARM,
  SASRec,
  type SequenceModel,
  SRGNN,
  sampledSoftmax,
  top1,
} from 'seqrec';
import type { LossName, ModelName } from '../choices.ts';
import type { Settings } from '../messages.ts';

type ModelClass = {
  readonly modelName: string;
  load(file: Uint8Array): Promise<SequenceModel>;
};

export const classes: Record<ModelName, ModelClass> = {
  sasrec: SASRec,
  gru4rec: GRU4Rec,
  narm: NARM,
  bsarec: BSARec,
  core: CORE,
  'sr-gnn': SRGNN,
  bert4rec: BERT4Rec,
};

const losses: Record<LossName, () => Loss | undefined> = {
  own: () => undefined,
  'cross-entropy': () => crossEntropy(),
  'sampled-softmax': () => sampledSoftmax(),
  bce: () => bce(),
  gbce: () => gbce(),
  bpr: () => bpr(),
  top1: () => top1(),
};

export function makeModel({ model, dim, maxLength }: Settings, { items }: Interactions): SequenceModel {
  const size = { items, maxLength, dim };
  const blocks = { ...size, heads: dim % 2 === 0 ? 2 : 1, dropout: 0.2 };
  const makers: Record<ModelName, () => SequenceModel> = {
    sasrec: () => new SASRec(blocks),
    gru4rec: () => new GRU4Rec({ items, maxLength, hidden: dim, dropout: 0.2 }),
    narm: () => new NARM({ ...size, hidden: dim, dropout: 0.2 }),
    bsarec: () => new BSARec(blocks),
    core: () => new CORE(size),
    'sr-gnn': () => new SRGNN(size),
    bert4rec: () => new BERT4Rec(blocks),
  };
  return makers[model]();
}

/** How it is trained: as its authors do where they say, else in small steps, since a visitor's data are small. */
export function recipe({ loss, epochs, seed }: Settings, { defaults }: SequenceModel): FitOptions {
  return {
    loss: losses[loss](),
    optimizer: defaults.optimizer ?? adam({ learningRate: 0.003 }),
    batchSize: defaults.batchSize ?? 32,
    epochs,
    seed,
  };
}
