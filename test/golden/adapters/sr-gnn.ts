/** SR-GNN: the authors' code, RecBole's copy with the update gate the other way round, and the tutorial's short form. */
import * as tf from '@tensorflow/tfjs-core';
import {
  AttentionPooling,
  bpr,
  crossEntropy,
  type Edges,
  Embedding,
  GatedGraph,
  gatherRows,
  Layout,
  Linear,
  type LossTargets,
  linear,
  Module,
  type Output,
  relu,
  type SessionGraph,
  SRGNN,
  sessionGraph,
} from 'seqrec';
import type { Adapter, AdapterTable, GoldenCase } from '../case.ts';
import { catalog, compareRows, dropPads, renumber, type Window } from '../padded.ts';
import { linearNames, numbers, Peer, rowsFrom, type Source, same, unused } from '../peer.ts';
import { drawn, given } from '../questions.ts';
import { gatedGraphNames } from './recurrent.ts';

function names(kase: GoldenCase, items: string, source: Source): [string, Source][] {
  const hybrid = kase.config.nonhybrid !== true;
  const transform = linearNames('linear_transform', 'hybrid');
  return [
    [items, source],
    ...gatedGraphNames(kase, 'gnn'),
    ...linearNames('linear_one', 'pooling.query'),
    ...linearNames('linear_two', 'pooling.key'),
    ['linear_three.weight', same('pooling.score')],
    ...transform.map(([name, ours]): [string, Source] => [name, hybrid ? ours : unused]),
  ];
}

/** The states of the sessions `[B, D]`. */
function states(model: SRGNN, { events }: Window): tf.Tensor2D {
  using layout = new Layout(events);
  return model.encode(events, layout);
}

function mean(states: tf.Tensor2D, output: Output, loss: ReturnType<typeof bpr>, asked: LossTargets): tf.Scalar {
  return tf.div(loss.forward(states, output, asked), asked.item.length);
}

function targets(item: Int32Array): LossTargets {
  return { item, weight: new Float32Array(item.length).fill(1) };
}

const official: Adapter = async (kase) => {
  kase.reading = 'drop';
  const model = new SRGNN({
    items: catalog(kase.number('numItems')),
    dim: kase.number('hiddenSize'),
    steps: kase.number('step'),
    hybrid: kase.config.nonhybrid !== true,
  });
  // Their id 0, the pad, is a node without edges that nothing reads, and no candidate: item j is our row j - 1.
  const peer = new Peer(kase, model, names(kase, 'embedding.weight', rowsFrom('items.weight', 1)));
  const right = renumber(dropPads(kase, 'in/right/item_seq', 0), (id) => id - 1);
  compareGraph(kase, 'in/g', right, 1);
  kase.compare('out/scores', await model.scores(right.events));
  const { item, nodeOf, incoming, outgoing } = sessionGraph(right.events, { nodes: 'row' });
  const hidden = () => gatherRows(model.graph.forward(model.items.forward(item), [incoming, outgoing]), nodeOf);
  compareRows(kase, 'out/seq_hidden', await numbers(hidden), right);
  const asked = targets(kase.ints('in/right/target').map((id) => id - 1));
  await peer.check(new Map([['ce', () => mean(states(model, right), model.output(), crossEntropy(), asked)]]));
  model.dispose();
};

const recbole: Adapter = async (kase) => {
  kase.reading = 'drop';
  const model = new SRGNN({
    items: catalog(kase.number('numItems') + 1),
    dim: kase.number('embedding_size'),
    steps: kase.number('step'),
  });
  const peer = new Peer(kase, model, names(kase, 'item_embedding.weight', same('items.weight')));
  const right = dropPads(kase, 'in/right/item_seq', 0);
  compareGraph(kase, 'out/g', right, 0);
  kase.compare('out/right/scores', await model.scores(right.events));
  kase.compare('out/right/user', await numbers(() => states(model, right)));
  const asked = { ...targets(kase.ints('in/right/pos')), negatives: given(kase.ints('in/right/neg'), 1) };
  await peer.check(
    new Map([
      ['ce', () => mean(states(model, right), model.output(), crossEntropy(), asked)],
      ['bpr', () => mean(states(model, right), model.output(), bpr(drawn(1)), asked)],
    ]),
  );
  model.dispose();
};

/**
 * Compares our graphs with a peer's: nodes sorted by id, after the pad 0 where a row has pads; a matrix of L or as many
 * slots as the largest graph; `first` is the id of our row 0.
 */
function compareGraph(kase: GoldenCase, prefix: string, { events }: Window, first: number): void {
  const [count, slots] = kase.shape(`${prefix}/items`) as [number, number];
  const length = kase.size(`${prefix}/alias`, 1);
  const graph = sessionGraph(events, { nodes: 'row' });
  const [items, alias] = [new Int32Array(count * slots), new Int32Array(count * length)];
  const matrix = new Float32Array(count * slots * 2 * slots);
  for (let b = 0; b < count; b++) {
    const pad = events.length(b) < length ? 1 : 0;
    const [from, to] = [graph.offsets[b] as number, graph.offsets[b + 1] as number];
    for (let node = from; node < to; node++)
      items[b * slots + pad + node - from] = (graph.item[node] as number) + first;
    for (let t = 0; t < events.length(b); t++) {
      alias[b * length + t] = pad + (graph.nodeOf[(events.offsets[b] as number) + t] as number) - from;
    }
    const place = (node: number) => pad + node - from;
    [graph.incoming, graph.outgoing].forEach((edges, direction) => {
      for (const [tail, head, weight] of edgesBetween(edges, from, to)) {
        matrix[((b * slots + place(head)) * 2 + direction) * slots + place(tail)] = weight;
      }
    });
  }
  for (const [name, values] of Object.entries({ items, alias, A: matrix })) kase.compare(`${prefix}/${name}`, values);
}

function edgesBetween({ from, to, weights }: Edges, first: number, end: number): [number, number, number][] {
  return Array.from(from, (tail, e): [number, number, number] => [tail, to[e] as number, weights[e] as number]).filter(
    ([tail]) => tail >= first && tail < end,
  );
}

// The tutorial's: incoming edges, counted; the reset before the product; softmax read-out without a query; untied output

class ShortSrGnn extends Module {
  readonly items: Embedding;
  readonly graph: GatedGraph;
  readonly pooling: AttentionPooling;
  readonly head: Linear;

  constructor(rows: number, dim: number, steps: number) {
    super();
    this.items = new Embedding(rows, dim);
    this.graph = new GatedGraph({ dim, steps, relations: 1, mapped: false, reset: 'before' });
    this.pooling = new AttentionPooling({ dim, query: false, softmax: true, activation: relu });
    this.head = new Linear(dim, rows);
  }

  states({ item, nodeOf, incoming }: SessionGraph, layout: Layout): tf.Tensor2D {
    const nodes = this.graph.forward(this.items.forward(item), [incoming]);
    return this.pooling.forward(gatherRows(nodes, nodeOf), layout);
  }
}

const seed2: Adapter = async (kase) => {
  kase.reading = 'drop';
  kase.composed = 'softmax read-out and untied output, which SRGNN has not';
  const [rows, dim] = [kase.number('numItems') + 1, kase.number('dim')];
  const model = new ShortSrGnn(rows, dim, kase.number('gnnLayers'));
  const gate = (kind: string, path: string) =>
    ['r', 'z', 'h'].flatMap((letter, i): [string, Source][] =>
      ['weight', 'bias'].map((leaf) => [
        `${kind}_${letter}.${leaf}`,
        { pieces: [{ path: `${path}.${leaf}`, rows: [i * dim, (i + 1) * dim], negate: letter === 'z' }] },
      ]),
    );
  const peer = new Peer(
    kase,
    model,
    [
      ['item_embedding.weight', same('items.weight')],
      ...gate('W', 'graph.input'),
      ...gate('U', 'graph.state'),
      ...linearNames('attention.0', 'pooling.key'),
      ['attention.2.weight', same('pooling.score')],
      ['attention.2.bias', unused],
      ...linearNames('output', 'head'),
    ],
    { drifts: (parameter) => parameter === 'attention.2.bias' },
  );
  const { events } = dropPads(kase, 'in/right/item_seq', 0);
  const graph = sessionGraph(events, { counted: true });
  const layout = new Layout(events);
  const sessions = () => model.states(graph, layout);
  kase.compare('out/scores', await numbers(() => linear(sessions(), model.head.weight, model.head.bias)));
  const asked = targets(kase.ints('in/right/target'));
  const output = { weight: model.head.weight, bias: model.head.bias };
  await peer.check(new Map([['ce', () => mean(sessions(), output, crossEntropy(), asked)]]));
  layout.dispose();
  model.dispose();
};

export const adapters: AdapterTable = [
  [/^srgnn_official_/, official],
  [/^srgnn_recbole/, recbole],
  [/^srgnn_seed2_/, seed2],
];
