/** Single layers: PyTorch's LayerNorm, MultiheadAttention and TransformerEncoderLayer, activations, sinusoids. */
import * as tf from '@tensorflow/tfjs-core';
import {
  type Activation,
  type AttentionCall,
  continuousTime,
  elu,
  gatherRows,
  gelu,
  geluTanh,
  gradients,
  LayerNorm,
  Layout,
  leakyRelu,
  learnedFromStart,
  logSigmoid,
  Module,
  MultiHeadAttention,
  Parameter,
  Ragged,
  relativeBias,
  relu,
  sigmoid,
  silu,
  sinusoidal,
  softplus,
  summed,
  TransformerBlock,
  tanh,
  tensorOf,
  toDense,
} from 'seqrec';
import type { Adapter, AdapterTable, GoldenCase } from '../case.ts';
import { linearNames, numbers, Peer, type Source, same, torchAttention, transposed } from '../peer.ts';

/** A layer whose input is stored, and differentiated, like a parameter. */
export class Layer<M extends Module> extends Module {
  readonly x: Parameter;
  readonly m: M;

  constructor(kase: GoldenCase, m: M) {
    super();
    const width = kase.size('state/x', -1);
    this.x = new Parameter([kase.floats('state/x').length / width, width], (out) => out.fill(0));
    this.m = m;
  }

  /** `[B · T, D]` */
  get rows(): tf.Tensor2D {
    return tensorOf(this.x) as tf.Tensor2D;
  }
}

/** B full sequences of T slots. */
export function fullLayout(count: number, length: number): Layout {
  return new Layout(Int32Array.from({ length: count + 1 }, (_, b) => b * length));
}

/** Events for a layout, of no matter which items. */
function eventsOf({ offsets, rows }: Layout): Ragged {
  return new Ragged(offsets, { item: new Int32Array(rows) });
}

/** The slots that a key padding mask leaves, and their layout. */
export interface Keys {
  readonly layout: Layout;
  readonly slots: Int32Array;
}

export function keysOf(kase: GoldenCase): Keys {
  const masked = kase.ints('in/key_padding_mask');
  const [count, length] = [kase.size('in/key_padding_mask', 0), kase.size('in/key_padding_mask', 1)];
  const offsets = new Int32Array(count + 1);
  for (let b = 0; b < count; b++) {
    const row = masked.subarray(b * length, (b + 1) * length);
    const kept = row.indexOf(1) < 0 ? length : row.indexOf(1);
    if (row.some((value, slot) => value !== (slot < kept ? 0 : 1))) throw new Error('Keys must be masked at the end.');
    offsets[b + 1] = (offsets[b] as number) + kept;
  }
  const slots = Int32Array.from(masked.keys()).filter((slot) => masked[slot] === 0);
  return { layout: new Layout(offsets), slots };
}

/** The stored mask must be what `causal` means: 1 (forbidden) above the diagonal. */
export function checkCausal(kase: GoldenCase): void {
  const length = kase.size('in/causal_mask', 1);
  const expected = kase
    .ints('in/causal_mask')
    .every((value, i) => value === (i % length > Math.floor(i / length) ? 1 : 0));
  if (!expected) throw new Error(`${kase.name}: in/causal_mask is not the causal mask.`);
}

/** Σ y · upstream */
export function dot(kase: GoldenCase, y: tf.Tensor2D): tf.Scalar {
  return tf.sum(tf.mul(y, tf.tensor2d(kase.floats('in/upstream'), y.shape)));
}

const layerNormCase: Adapter = async (kase) => {
  const results = [...kase.keys('out/'), ...kase.keys('loss/')].map((key) => key.slice(key.indexOf('/') + 1));
  for (const name of new Set(results)) {
    const epsilon = Number(name.replace(/^eps/, ''));
    const layer = new Layer(kase, new LayerNorm(kase.size('state/m.weight', 0), { epsilon }));
    const peer = new Peer(kase, layer, [['x', same('x')], ...linearNames('m', 'm')]);
    if (kase.has(`out/${name}`)) kase.compare(`out/${name}`, await numbers(() => layer.m.forward(layer.rows)));
    await peer.check(new Map([[name, () => dot(kase, layer.m.forward(layer.rows))]]));
    layer.dispose();
  }
};

const multiHeadAttention: Adapter = async (kase) => {
  kase.reading = 'query';
  checkCausal(kase);
  const [count, length, dim] = kase.shape('state/x') as [number, number, number];
  const heads = kase.number('heads');
  const layer = new Layer(kase, new MultiHeadAttention({ dim, heads }));
  const { m } = layer;
  const peer = new Peer(kase, layer, [['x', same('x')], ...torchAttention('m', 'm')]);
  const full = fullLayout(count, length);
  const kept = keysOf(kase);
  const across = fullLayout(count, kase.size('in/query_cross', 1));
  const bias = tf.tensor3d(kase.floats('in/float_mask'), [1, length, length]);
  const cross = tf.tensor2d(kase.floats('in/query_cross'), [across.rows, dim]);

  const all = { queries: full, slots: Int32Array.from({ length: full.rows }, (_, slot) => slot) };
  const unpadded = { queries: full, keys: kept.layout, slots: kept.slots };
  const calls = new Map<string, AttentionCall & { slots: Int32Array }>([
    ['plain', all],
    ['causal', { ...all, causal: true }],
    ['float', { ...all, bias }],
    ['pad', unpadded],
    ['causal_pad', { ...unpadded, causal: true }],
  ]);
  const forward = (name: string) => {
    const call = calls.get(name);
    if (!call) throw new Error(`layer_mha does not know the call ${name}.`);
    const { slots, ...own } = call;
    const keys = call === all ? layer.rows : gatherRows(layer.rows, slots);
    return m.forward(layer.rows, keys, keys, own);
  };
  for (const key of kase.keys('out/')) {
    const [, name, result] = key.split('/') as [string, string, string];
    if (name === 'cross') {
      kase.compare(key, await numbers(() => m.forward(cross, layer.rows, layer.rows, { queries: across, keys: full })));
    } else if (result === 'y') {
      kase.compare(key, await numbers(() => forward(name)));
    } else {
      const { slots, ...call } = calls.get(name) ?? all;
      const maps = tf.tidy(() => m.weights(layer.rows, gatherRows(layer.rows, slots), call));
      kase.compare(key, await spreadKeys(maps, kase.shape(key)));
      tf.dispose(maps);
    }
  }
  const losses = kase.keys('loss/').map((key) => key.slice('loss/'.length));
  await peer.check(new Map(losses.map((name) => [name, () => dot(kase, forward(name.replace(/^dot_/, '')))])));
  for (const layout of [full, kept.layout, across]) layout.dispose();
  tf.dispose([bias, cross]);
  layer.dispose();
};

/** The first maps `[H, T, keys]` as `[sequences, H, T, L]`; keys are masked at the end only, and weigh 0 there. */
async function spreadKeys(maps: readonly tf.Tensor3D[], shape: readonly number[]): Promise<Float32Array> {
  const [sequences, heads, queries, length] = shape as [number, number, number, number];
  const out = new Float32Array(sequences * heads * queries * length);
  for (let b = 0; b < sequences; b++) {
    const map = maps[b] as tf.Tensor3D;
    const [values, keys] = [await map.data(), map.shape[2]];
    for (let row = 0; row < heads * queries; row++) {
      out.set(values.subarray(row * keys, (row + 1) * keys), (b * heads * queries + row) * length);
    }
  }
  return out;
}

const torchEncoder: Adapter = async (kase) => {
  checkCausal(kase);
  const [count, length, dim] = kase.shape('state/x') as [number, number, number];
  const block = new TransformerBlock({
    dim,
    heads: kase.number('heads'),
    hidden: kase.number('ff'),
    normFirst: kase.config.norm_first === true,
    // Only the name says it.
    activation: kase.name.endsWith('_relu') ? relu : gelu,
  });
  const layer = new Layer(kase, block);
  const names: [string, Source][] = [
    ['x', same('x')],
    ...torchAttention('m.self_attn', 'm.attention'),
    ...linearNames('m.linear1', 'm.feedForward.up'),
    ...linearNames('m.linear2', 'm.feedForward.down'),
    ...linearNames('m.norm1', 'm.norm1'),
    ...linearNames('m.norm2', 'm.norm2'),
  ];
  const peer = new Peer(kase, layer, names);
  const full = fullLayout(count, length);
  const kept = kase.has('in/key_padding_mask') ? keysOf(kase) : undefined;
  const forward = () => (kept ? forwardJoined(block, layer.rows, full, kept) : block.forward(layer.rows, full));
  if (kept) {
    kase.reading = 'query';
    kase.composed = 'pads ask but are not asked, and TransformerBlock has one layout for both: its parts joined';
    // The real rows also go through the block as it is.
    const rows = await numbers(forward);
    const real = await numbers(() => block.forward(gatherRows(layer.rows, kept.slots), kept.layout));
    kept.slots.forEach((slot, i) => {
      rows.set(real.subarray(i * dim, (i + 1) * dim), slot * dim);
    });
    kase.compare('out/y', rows);
  }
  kase.compare('out/y', await numbers(forward));
  await peer.check(new Map([['dot', () => dot(kase, forward())]]));
  full.dispose();
  kept?.layout.dispose();
  layer.dispose();
};

/** The parts of a block, with queries at all slots and keys at some. */
function forwardJoined(block: TransformerBlock, x: tf.Tensor2D, queries: Layout, kept: Keys): tf.Tensor2D {
  const { attention, norm1, norm2, feedForward, normFirst } = block;
  const attend = (rows: tf.Tensor2D) => {
    const asked = gatherRows(rows, kept.slots);
    return attention.forward(rows, asked, asked, { queries, keys: kept.layout, causal: true });
  };
  if (normFirst) {
    const y = tf.add(x, attend(norm1.forward(x))) as tf.Tensor2D;
    return tf.add(y, feedForward.forward(norm2.forward(y), queries));
  }
  const y = norm1.forward(tf.add(x, attend(x)));
  return norm2.forward(tf.add(y, feedForward.forward(y, queries)));
}

/** Our activation of PyTorch's name; a number after the name is its parameter. */
function activation(name: string): Activation {
  const [, base = name, parameter] = /^(.*?)(?:_([\d.]+))?$/.exec(name) ?? [];
  const plain = {
    relu,
    gelu,
    gelu_erf: gelu,
    gelu_tanh: geluTanh,
    silu,
    sigmoid,
    tanh,
    softplus,
    logsigmoid: logSigmoid,
  };
  if (base === 'elu') return elu(parameter === undefined ? {} : { alpha: Number(parameter) });
  if (base === 'leaky_relu') return leakyRelu(parameter === undefined ? {} : { slope: Number(parameter) });
  const found = (plain as { [name: string]: Activation })[base];
  if (!found) throw new Error(`seqrec has no activation ${name}.`);
  return found;
}

const activations: Adapter = async (kase) => {
  const x = new Parameter([1, kase.floats('state/x').length], (out) => out.fill(0));
  x.set(kase.floats('state/x'));
  for (const key of kase.keys('out/')) {
    const name = key.slice('out/'.length);
    const f = activation(name);
    const read = () => tensorOf(x) as tf.Tensor2D;
    kase.compare(key, await numbers(() => f(read())));
    const { value, gradients: made } = gradients(() => tf.sum(f(read())), new Map([['x', x]]));
    if (kase.has(`loss/${name}`)) kase.compare(`loss/${name}`, await numbers(() => value));
    const gradient = made.get('x');
    if (gradient) kase.compareGradients(name, new Map([['x', await numbers(() => toDense(gradient, 1))]]));
  }
  x.dispose();
};

const sinusoids: Adapter = async (kase) => {
  const widths = kase.config.d as readonly number[];
  const lengths = kase.ints('in/rows_first60_of');
  for (const [i, dim] of widths.entries()) {
    const rows = lengths[i] as number;
    const layout = fullLayout(1, rows);
    const table = await numbers(() => sinusoidal().create({ dim, maxLength: rows }).forward(layout, eventsOf(layout)));
    layout.dispose();
    const first = kase.shape(`out/sin_d${dim}`)[0] as number;
    kase.compare(`out/sin_d${dim}`, table.subarray(0, first * dim));
    const tail = `out/sin_d${dim}_tail`;
    if (kase.has(tail)) kase.compare(tail, table.subarray((rows - kase.size(tail, 0)) * dim));
  }
  const [count, length, dim] = kase.shape('in/x') as [number, number, number];
  const layout = fullLayout(count, length);
  const x = tf.tensor2d(kase.floats('in/x'), [layout.rows, dim]);
  const positions = sinusoidal().create({ dim, maxLength: length });
  kase.compare('out/x_plus_pe', await numbers(() => tf.add(x, positions.forward(layout, eventsOf(layout)))));
  layout.dispose();
  x.dispose();
};

/** A position table and a projection of times: positions and times added up. */
const timeAware: Adapter = async (kase) => {
  const [maxLength, dim] = kase.shape('state/m.position_embedding.weight') as [number, number];
  const [count, length] = kase.shape('in/timestamps') as [number, number];
  const layout = fullLayout(count, length);
  const timed = (key: string) => new Ragged(layout.offsets, { ...eventsOf(layout).events, time: kase.doubles(key) });
  const layer = summed({ of: [learnedFromStart(), continuousTime()] }).create({ dim, maxLength });
  const peer = new Peer(kase, layer, [
    ['m.position_embedding.weight', same('of.0.weight')],
    ...linearNames('m.time_projection', 'of.1.projection'),
  ]);
  kase.compare('out/time', await numbers(() => layer.forward(layout, timed('in/timestamps'))));
  kase.except('out/time_unix', 'the peer casts seconds to float32 before it subtracts them');
  const alone = fullLayout(1, kase.size('out/no_time', 1));
  const places = learnedFromStart().create({ dim, maxLength });
  places.parameters().get('weight')?.set(kase.floats('state/m.position_embedding.weight'));
  kase.compare('out/no_time', await numbers(() => places.forward(alone, eventsOf(alone))));
  await peer.check(new Map([['sum', () => dot(kase, layer.forward(layout, timed('in/timestamps')))]]));
  for (const made of [layout, alone, places, layer]) made.dispose();
};

const relative: Adapter = async (kase) => {
  checkCausal(kase);
  const [count, length, dim] = kase.shape('state/x') as [number, number, number];
  const heads = kase.number('heads');
  const positions = relativeBias({ maxDistance: kase.number('maxDistance') });
  const layer = new Layer(kase, new MultiHeadAttention({ dim, heads, positions }));
  const peer = new Peer(kase, layer, [
    ['x', same('x')],
    ['rel', transposed('m.positions.weight')],
    ...torchAttention('m', 'm'),
  ]);
  const full = fullLayout(count, length);
  const call = { queries: full, causal: true };
  const forward = () => layer.m.forward(layer.rows, layer.rows, layer.rows, call);
  for (const key of kase.keys('out/')) {
    if (key === 'out/y') {
      kase.compare(key, await numbers(forward));
    } else {
      const maps = tf.tidy(() => layer.m.weights(layer.rows, layer.rows, call));
      kase.compare(key, await spreadKeys(maps, kase.shape(key)));
      tf.dispose(maps);
    }
  }
  await peer.check(new Map([['dot', () => dot(kase, forward())]]));
  full.dispose();
  layer.dispose();
};

export const adapters: AdapterTable = [
  [/^layer_layernorm/, layerNormCase],
  [/^layer_mha/, multiHeadAttention],
  [/^layer_torch_encoder/, torchEncoder],
  [/^layer_activations/, activations],
  [/^layer_sinusoidal_pe/, sinusoids],
  [/^layer_timeaware_pe/, timeAware],
  [/^layer_relative_bias/, relative],
];
