/** Recurrent and graph layers: PyTorch's GRU, and the gated graph network of SR-GNN. */
import * as tf from '@tensorflow/tfjs-core';
import {
  type Continued,
  type Edges,
  GatedGraph,
  GRU,
  gatherRows,
  Layout,
  Module,
  Parameter,
  tensorOf,
  zeros,
} from 'seqrec';
import type { Adapter, AdapterTable, GoldenCase } from '../case.ts';
import { linearNames, numbers, Peer, type Source, same, torchGruNames, unused } from '../peer.ts';

/** Σ y · upstream */
function dot(kase: GoldenCase, y: tf.Tensor2D): tf.Scalar {
  return tf.sum(tf.mul(y, tf.tensor2d(kase.floats('in/upstream'), y.shape)));
}

/** The layers beside their inputs and initial states, which have gradients too. */
class TorchGru extends Module {
  readonly x: Parameter;
  readonly h0: Parameter;
  readonly gru: GRU;

  constructor(kase: GoldenCase) {
    super();
    const [count, length] = kase.shape('state/x') as [number, number];
    const [inputs, width, layers] = [kase.number('d'), kase.number('hidden'), kase.number('layers')];
    this.x = new Parameter([count * length, inputs], zeros);
    this.h0 = new Parameter([layers * count, width], zeros);
    this.gru = new GRU({ inputs, hidden: new Array<number>(layers).fill(width), bias: kase.config.bias === true });
  }
}

const torchGru: Adapter = async (kase) => {
  kase.reading = 'drop';
  const [count, length] = kase.shape('state/x') as [number, number];
  const layers = kase.number('layers');
  const module = new TorchGru(kase);
  const names = torchGruNames('m', 'gru', layers, kase.config.bias === true);
  const peer = new Peer(kase, module, [['x', same('x')], ['h0', same('h0')], ...names]);
  const full = new Layout(Int32Array.from({ length: count + 1 }, (_, b) => b * length));
  const lengths = kase.ints('in/lens');
  const packed = new Layout(Int32Array.from([0, ...lengths].map((_, b) => lengths.slice(0, b).reduce(sum, 0))));
  const slots = Int32Array.from({ length: packed.rows }, (_, row) => slotOf(packed, row, length));

  const x = () => tensorOf<tf.Tensor>(module.x) as tf.Tensor2D;
  const h0 = () => tensorOf<tf.Tensor>(module.h0) as tf.Tensor2D;
  const initial = () => Array.from({ length: layers }, (_, i) => tf.slice(h0(), [i * count, 0], [count, -1]));
  const calls = new Map([
    ['', () => module.gru.forwardFrom(x(), full)],
    ['_h0', () => module.gru.forwardFrom(x(), full, initial())],
    ['packed', () => module.gru.forwardFrom(gatherRows(x(), slots), packed)],
  ]);
  const call = (name: string) => (calls.get(name) as () => Continued)();
  for (const name of ['', '_h0']) {
    kase.compare(`out/y${name}`, await numbers(() => call(name).states));
    kase.compare(`out/hn${name}`, await numbers(() => tf.concat(call(name).after)));
  }
  const y = await numbers(() => call('packed').states);
  const width = y.length / packed.rows;
  const spread = new Float32Array(count * length * width);
  slots.forEach((slot, row) => {
    spread.set(y.subarray(row * width, (row + 1) * width), slot * width);
  });
  kase.compare('out/packed_y', spread);
  kase.compare('out/packed_hn', await numbers(() => tf.concat(call('packed').after)));
  await peer.check(new Map([['dot_h0', () => dot(kase, call('_h0').states)]]));
  full.dispose();
  packed.dispose();
  module.dispose();
};

function sum(a: number, b: number): number {
  return a + b;
}

/** Where a row lies in windows of `length` slots. */
function slotOf(layout: Layout, row: number, length: number): number {
  return (layout.sequences[row] as number) * length + (layout.positions[row] as number);
}

/** The layer, and the nodes it is given. */
class Graph extends Module {
  readonly x: Parameter;
  readonly graph: GatedGraph;

  constructor(kase: GoldenCase) {
    super();
    const [count, nodes, dim] = kase.shape('state/x') as [number, number, number];
    this.x = new Parameter([count * nodes, dim], (out) => out.fill(0));
    this.graph = new GatedGraph({ dim });
  }
}

const gatedGraph: Adapter = async (kase) => {
  const module = new Graph(kase);
  const peer = new Peer(kase, module, [['x', same('x')], ...gatedGraphNames(kase, 'm')]);
  const relations = edgesOf(kase);
  const forward = (steps: number) => {
    let x = tensorOf<tf.Tensor>(module.x) as tf.Tensor2D;
    for (let i = 0; i < steps; i++) x = module.graph.forward(x, relations);
    return x;
  };
  for (const key of kase.keys('out/')) {
    kase.compare(key, await numbers(() => forward(Number(key.slice('out/y'.length)))));
  }
  await peer.check(new Map([['dot', () => dot(kase, forward(kase.number('step')))]]));
  module.dispose();
};

/**
 * The layer under `prefix` in the authors' code or RecBole's, as the field `graph` of ours. RecBole has the update gate the
 * other way round, (1 - z) h + z n: the same with the rows of z negated. The authors' `linear_edge_f` is not used.
 */
export function gatedGraphNames(kase: GoldenCase, prefix: string): [string, Source][] {
  const width = kase.size(`state/${prefix}.b_iah`, 0);
  const mirrored = kase.has(`state/${prefix}.b_ioh`);
  const gates = (path: string): Source => ({
    pieces: [0, 1, 2].map((gate) => ({
      path,
      rows: [gate * width, (gate + 1) * width],
      negate: mirrored && gate === 1,
    })),
  });
  const names: [string, Source][] = [
    ['w_ih', gates('graph.input.weight')],
    ['b_ih', gates('graph.input.bias')],
    ['w_hh', gates('graph.state.weight')],
    ['b_hh', gates('graph.state.bias')],
    ['b_iah', same('graph.received.0')],
    [mirrored ? 'b_ioh' : 'b_oah', same('graph.received.1')],
    ...linearNames('linear_edge_in', 'graph.edges.0'),
    ...linearNames('linear_edge_out', 'graph.edges.1'),
    ...(mirrored ? [] : ['weight', 'bias'].map((leaf): [string, Source] => [`linear_edge_f.${leaf}`, unused])),
  ];
  return names.map(([name, source]) => [`${prefix}.${name}`, source]);
}

/** The incoming and the outgoing edges of all graphs, from matrices `[B, N, 2N]`. */
function edgesOf(kase: GoldenCase): Edges[] {
  const [count, nodes] = kase.shape('in/A') as [number, number];
  const matrix = kase.floats('in/A');
  return [0, 1].map((direction) => {
    const edges: [from: number, to: number, weight: number][] = [];
    for (let to = 0; to < count * nodes; to++) {
      for (let i = 0; i < nodes; i++) {
        const weight = matrix[(2 * to + direction) * nodes + i] as number;
        if (weight !== 0) edges.push([Math.floor(to / nodes) * nodes + i, to, weight]);
      }
    }
    const column = (part: 0 | 1 | 2) => edges.map((edge) => edge[part]);
    return { from: Int32Array.from(column(0)), to: Int32Array.from(column(1)), weights: Float32Array.from(column(2)) };
  });
}

export const adapters: AdapterTable = [
  [/^layer_gru_/, torchGru],
  [/^layer_ggnn_/, gatedGraph],
];
