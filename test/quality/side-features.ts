/** Side features for networks that read none: a part that adds their embeddings to the input. */
import * as tf from '@tensorflow/tfjs-core';
import {
  added,
  BERT4Rec,
  type Catalog,
  embedding,
  type Feature,
  FeatureEmbedding,
  type Layout,
  Module,
  type PositionBlock,
  type PositionsPart,
  type Ragged,
  SASRec,
  sequenceCodes,
} from 'seqrec';

/** SASRec on data with side features, which {@link sideFeatures} reads. */
export class FeatureSASRec extends SASRec {
  static override readonly modelName = 'FeatureSASRec';
  static override readonly readsFeatures = true;

  /** What is added depends on the items. */
  protected override get recordable(): boolean {
    return false;
  }
}

/** BERT4Rec on data with side features, which {@link sideFeatures} reads. */
export class FeatureBERT4Rec extends BERT4Rec {
  static override readonly modelName = 'FeatureBERT4Rec';
  static override readonly readsFeatures = true;
}

/** Adds to every event the embeddings of its item's features and of its user's; [MASK] has no item's. */
export function sideFeatures(catalog: Catalog): PositionsPart {
  return { name: 'sideFeatures', options: {}, create: ({ dim }) => new SideFeatures(catalog, dim) };
}

class SideFeatures extends Module implements PositionBlock {
  readonly ofItems: FeatureEmbedding;
  readonly ofUsers: FeatureEmbedding;
  readonly appendOnly = true;
  readonly #catalog: Catalog;

  constructor(catalog: Catalog, dim: number) {
    super();
    const { item, user } = catalog.features;
    const fields = (features: [string, Feature][]) =>
      Object.fromEntries(features.map(([name, { size, combine }]) => [name, { size, dim, combine }]));
    this.ofItems = new FeatureEmbedding(fields(Object.entries(item).map(([name, { feature }]) => [name, feature])), {
      join: added(),
    });
    this.ofUsers = new FeatureEmbedding(fields(Object.entries(user)), { join: added() });
    this.#catalog = catalog;
  }

  forward(layout: Layout, events: Ragged): tf.Tensor2D {
    const { size, features } = this.#catalog;
    const codes = Object.fromEntries(Object.entries(features.item).map(([name, { codes }]) => [name, codes]));
    const items = this.ofItems.forward(codes, size + 1); // [V + 1, D], the last row, that of [MASK], is 0
    const users = this.ofUsers.forward(sequenceCodes(this.#catalog, events)); // [B, D]
    return tf.add(
      embedding(items, layout.pad(events.item)),
      embedding(users, layout.pad(layout.sequences.subarray(0, layout.rows))),
    );
  }
}
