/** SR-GNN. */
import * as tf from '@tensorflow/tfjs-core';
import { AttentionPooling } from '../blocks/attention-pooling.ts';
import { Embedding } from '../blocks/embedding.ts';
import { GatedGraph } from '../blocks/gated-graph.ts';
import { Linear } from '../blocks/linear.ts';
import type { Output } from '../blocks/output-head.ts';
import { uniformInit } from '../core/initializers.ts';
import type { Layout } from '../core/layout.ts';
import type { PartOption } from '../core/part.ts';
import type { Ragged } from '../core/ragged.ts';
import { checkWidth, refuseOthers } from '../core/shape.ts';
import { sessionGraph } from '../data/session-graph.ts';
import { crossEntropy } from '../losses/cross-entropy.ts';
import { gatherRows } from '../ops/gather-rows.ts';
import { prefixes } from '../training/objectives/prefixes.ts';
import { adam } from '../training/optimizers/adam.ts';
import type { FitDefaults } from '../training/trainable.ts';
import { SequenceModel, type SequenceModelOptions } from './base/sequence-model.ts';

export interface SRGNNOptions extends SequenceModelOptions {
  /** Width of the states. @defaultValue 100 */
  dim?: number | undefined;
  /** Rounds of messages along the edges. @defaultValue 1 */
  steps?: number | undefined;
  /** Whether the state joins the session's attention with its last item; else it is the attention alone. @defaultValue true */
  hybrid?: boolean | undefined;
}

/**
 * Session-based Recommendation with Graph Neural Networks (Wu et al., AAAI 2019) after the authors' code
 * (CRIPAC-DIG/SR-GNN, `pytorch_code`): the items of a session as a graph, a gated graph network over it, and a read-out by
 * attention with the last item as its query. All initial values are uniform in ±1/√dim.
 *
 * @example
 * ```ts
 * const model = new SRGNN({ items: log.items });
 * await model.fit(train, { epochs: 10 });
 * await model.recommend(['sku-17', 'sku-3', 'sku-17'], { k: 20 });
 * ```
 */
export class SRGNN extends SequenceModel {
  static override readonly modelName: string = 'SRGNN';
  readonly items: Embedding;
  readonly graph: GatedGraph;
  readonly pooling: AttentionPooling;
  readonly hybrid: Linear | undefined;
  readonly #options: { readonly [option: string]: PartOption };

  constructor({ items, maxLength, dim = 100, steps = 1, hybrid = true, ...others }: SRGNNOptions) {
    super({ items, maxLength });
    refuseOthers(new.target.modelName, others);
    checkWidth('dim', dim);
    const init = uniformInit(1 / Math.sqrt(dim));
    this.items = new Embedding(items.size, dim, { init });
    this.graph = new GatedGraph({ dim, steps, init });
    this.pooling = new AttentionPooling({ dim, init });
    this.hybrid = hybrid ? new Linear(2 * dim, dim, { init, biasInit: init }) : undefined;
    this.#options = { dim, steps, hybrid };
  }

  /** Only the last event of each sequence has a state. @returns `[B, dim]` */
  override encode(events: Ragged, layout: Layout): tf.Tensor2D {
    const { states, last } = this.#nodes(events, layout);
    const session = this.pooling.forward(states, layout, last);
    return this.hybrid ? this.hybrid.forward(tf.concat([session, last], 1)) : session;
  }

  /** The node of each event `[capacity, dim]`, and that of each session's last one `[B, dim]`. */
  #nodes(events: Ragged, layout: Layout): { states: tf.Tensor2D; last: tf.Tensor2D } {
    const { item, nodeOf, incoming, outgoing } = sessionGraph(events);
    const nodes = this.graph.forward(this.items.forward(item), [incoming, outgoing]);
    const last = layout.lastRows().map((row) => nodeOf[row] as number);
    return { states: gatherRows(nodes, layout.pad(nodeOf)), last: gatherRows(nodes, last) };
  }

  /** The weights of the read-out are no shares and may be negative: the size of each, as a part of all. */
  protected override attentionOf(events: Ragged, layout: Layout): tf.Tensor1D {
    const { states, last } = this.#nodes(events, layout);
    const sizes = tf.abs(this.pooling.weights(states, layout, last));
    return tf.div(sizes, tf.sum(sizes));
  }

  override get reads() {
    return 'last' as const;
  }

  override output(): Output {
    return { weight: this.items.weight };
  }

  /** The authors': every prefix, cross-entropy, Adam with an L2 of 1e-5, 100 prefixes a step. */
  override get defaults(): FitDefaults {
    return {
      objective: prefixes(),
      loss: crossEntropy(),
      optimizer: adam({ weightDecay: 1e-5 }),
      batchSize: 100,
    };
  }

  override config() {
    return { ...super.config(), ...this.#options };
  }
}
