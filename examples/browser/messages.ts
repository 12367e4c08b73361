/** What the page asks its worker, and what it hears from it. */
import type { ExplainedEvent, ItemId } from 'seqrec';
import type { LossName, ModelName } from './choices.ts';

/** Where the data come from. */
export type Source = 'shop' | File;

export interface Settings {
  model: ModelName;
  loss: LossName;
  epochs: number;
  seed: number;
  dim: number;
  maxLength: number;
}

/** A call of the worker: what it takes and what it answers. */
export interface Calls {
  open: { takes: Source; gives: Facts };
  /** Trains until the end, or until the page says stop. */
  train: { takes: Run; gives: Trained };
  /** Reads a model file. */
  load: { takes: File; gives: Served };
  recommend: { takes: ItemId[]; gives: Answer };
  explain: { takes: { history: ItemId[]; item: ItemId }; gives: Why };
  /** The model file. */
  save: { takes: undefined; gives: Uint8Array<ArrayBuffer> };
}

/** What the data hold. */
export interface Facts {
  users: number;
  items: number;
  events: number;
  /** Events of a user. */
  median: number;
  /** Nine of ten users have no more events. */
  suggested: number;
}

/** A training: enough to begin it, or to go on from the checkpoint that was kept of it. */
export interface Run {
  /** Tells it from other runs. */
  id: string;
  source: Source;
  settings: Settings;
  resume: boolean;
}

export interface Trained {
  served: Served;
  /** Whether the page stopped it. */
  stopped: boolean;
  /** What `fit` reports, or how far it came. */
  summary: string;
  reports: { model: string; metrics: Record<string, number> }[];
  /** How the metrics were measured. */
  protocol: string;
}

/** A model that answers. */
export interface Served {
  model: string;
  backend: string;
  /** Well-known ones first, where that is known. */
  items: Item[];
}

export interface Item {
  id: ItemId;
  name: string;
}

export interface Answer {
  items: (Item & { score: number })[];
  /** Of the model, without the way between page and worker. */
  milliseconds: number;
}

export interface Why {
  score: number;
  events: ExplainedEvent[];
}

/** What the worker tells while it works. */
export type News =
  | { news: 'reading'; text: string }
  | { news: 'backend'; text: string }
  | { news: 'baselines'; values: Baselines }
  | { news: 'progress'; progress: Progress }
  /** Something that the visitor should know: a warning, a lost device. */
  | { news: 'notice'; text: string };

/** NDCG@10 of the validation, by model. */
export type Baselines = Record<string, number>;

export interface Progress {
  epoch: number;
  epochs: number;
  /** Epochs done, with the part of the one under way. */
  at: number;
  /** Mean loss since the last point. */
  loss: number;
  /** NDCG@10 of the validation, at the end of an epoch. */
  ndcg?: number | undefined;
  sequencesPerSecond: number;
  remainingSeconds: number;
}

/** From the page. */
export type Order =
  | { [Name in keyof Calls]: { id: number; name: Name; order: Calls[Name]['takes'] } }[keyof Calls]
  | 'stop';

/** To the page. */
export type Reply = { id: number; answer: unknown } | { id: number; error: string } | News;
