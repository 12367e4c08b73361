/** Recurrent and graph layers: PyTorch's GRU, and the gated graph network of SR-GNN. */
import * as tf from '@tensorflow/tfjs-core';
import {
  type Continued,
  type Edges,
  GRU,
  gatherRows,
  gruCell,
  Layout,
  linear,
  Module,
  neighborSums,
  Parameter,
  tensorOf,
  zeros,
} from 'seqrec';
import type { Adapter, AdapterTable, GoldenCase } from '../case.ts';
import { numbers, Peer, type Source, same, torchGruNames } from '../peer.ts';

/** A parameter for each stored tensor, by its name; all but vectors as rows. */
class Stored extends Module {
  readonly stored: { [name: string]: Parameter } = {};

  constructor(kase: GoldenCase) {
    super();
    for (const name of kase.parameters()) {
      const shape = kase.shape(`state/${name}`);
      const columns = shape.at(-1) as number;
      const size = kase.floats(`state/${name}`).length;
      this.stored[pathOf(name)] = new Parameter(shape.length < 2 ? shape : [size / columns, columns], (out) =>
        out.fill(0),
      );
    }
  }

  peer(kase: GoldenCase): Peer {
    const names = kase.parameters().map((name): [string, Source] => [name, same(`stored.${pathOf(name)}`)]);
    return new Peer(kase, this, names);
  }

  has(name: string): boolean {
    return pathOf(name) in this.stored;
  }

  get<T extends tf.Tensor = tf.Tensor2D>(name: string): T {
    return tensorOf(this.stored[pathOf(name)] as Parameter) as T;
  }
}

/** A dot separates fields. */
function pathOf(name: string): string {
  return name.replaceAll('.', '_');
}

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

const gatedGraph: Adapter = async (kase) => {
  const stored = new Stored(kase);
  const peer = stored.peer(kase);
  const relations = edgesOf(kase);
  // Only the name says it: RecBole has (1 - z) h + z n, the authors (1 - z) n + z h.
  const mirrored = kase.name.endsWith('_recbole');
  const width = kase.size('state/x', -1);
  const signs = Float32Array.from({ length: 3 * width }, (_, i) => (mirrored && Math.floor(i / width) === 1 ? -1 : 1));
  const signed = <T extends tf.Tensor>(name: string): T => {
    const x = stored.get<T>(name);
    return tf.mul(x, x.rank === 2 ? tf.tensor2d(signs, [3 * width, 1]) : tf.tensor1d(signs));
  };
  const both = <T extends tf.Tensor>(...names: string[]): T => tf.concat(names.map((name) => stored.get<T>(name))) as T;
  const outgoing = stored.has('m.b_oah') ? 'm.b_oah' : 'm.b_ioh';
  const step = (x: tf.Tensor2D): tf.Tensor2D => {
    const weight = both<tf.Tensor2D>('m.linear_edge_in.weight', 'm.linear_edge_out.weight');
    const sent = linear(x, weight, both('m.linear_edge_in.bias', 'm.linear_edge_out.bias'));
    const received: tf.Tensor2D = tf.add(neighborSums(sent, relations), both<tf.Tensor1D>('m.b_iah', outgoing));
    return gruCell(linear(received, signed('m.w_ih'), signed('m.b_ih')), x, signed('m.w_hh'), {
      bias: signed('m.b_hh'),
    });
  };
  const forward = (steps: number) => {
    let x: tf.Tensor2D = stored.get('x');
    for (let i = 0; i < steps; i++) x = step(x);
    return x;
  };
  for (const key of kase.keys('out/')) {
    kase.compare(key, await numbers(() => forward(Number(key.slice('out/y'.length)))));
  }
  await peer.check(new Map([['dot', () => dot(kase, forward(kase.number('step')))]]));
  stored.dispose();
};

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
