/** LightSANs: the authors' layer and model through the class, and WarpRec's over padded windows. */
import * as tf from '@tensorflow/tfjs-core';
import {
  attention,
  bpr,
  crossEntropy,
  Embedding,
  FeedForward,
  gatherRows,
  gelu,
  LayerNorm,
  Layout,
  LightSANs,
  LightSANsAttention,
  Linear,
  linear,
  Module,
  Parameter,
  tensorOf,
} from 'seqrec';
import type { Adapter, AdapterTable, GoldenCase } from '../case.ts';
import { allSlots, catalog, cutLookups, type Slots, slotsWhere } from '../padded.ts';
import { activationOf, layersOf, linearNames, numbers, Peer, type Source, same, transposed } from '../peer.ts';
import { drawn, given, mean, targetsOf } from '../questions.ts';
import { dot, fullLayout } from './layers.ts';
import { feedForward } from './recbole.ts';
import { idsOf, penalty } from './warprec.ts';

// The authors

/** A softmax over the rows that receive does not see what shifts all queries alike. */
const queryBias = (name: string) => /(query|pos_q_linear)\.bias$/.test(name);

function attentionNames(theirs: string, ours: string): [string, Source][] {
  return [
    ...['query', 'key', 'value'].flatMap((part) => linearNames(`${theirs}.${part}`, `${ours}.${part}`)),
    [`${theirs}.attpooling_key.theta`, transposed(`${ours}.keyInterests`)],
    [`${theirs}.attpooling_value.theta`, transposed(`${ours}.valueInterests`)],
    ...linearNames(`${theirs}.pos_ln`, `${ours}.positionNorm`),
    ...linearNames(`${theirs}.pos_q_linear`, `${ours}.positionQuery`),
    ...linearNames(`${theirs}.pos_k_linear`, `${ours}.positionKey`),
    ...linearNames(`${theirs}.dense`, `${ours}.output`),
  ];
}

/** The first half of LightSANsBlock, with an input and positions that are differentiated. */
class FirstHalf extends Module {
  readonly x: Parameter;
  readonly positions: Parameter;
  readonly attention: LightSANsAttention;
  readonly norm1: LayerNorm;

  constructor(kase: GoldenCase) {
    super();
    const dim = kase.number('d');
    this.x = input(kase, 'state/x');
    this.positions = input(kase, 'state/pos');
    this.attention = new LightSANsAttention({ dim, heads: kase.number('heads'), interests: kase.number('k') });
    this.norm1 = new LayerNorm(dim, { epsilon: 1e-12 });
  }

  forward(layout: Layout): tf.Tensor2D {
    const [x, positions] = [tensorOf(this.x) as tf.Tensor2D, tensorOf(this.positions) as tf.Tensor2D];
    return this.norm1.forward(tf.add(x, this.attention.forward(x, { positions, layout })));
  }
}

function input(kase: GoldenCase, key: string): Parameter {
  const width = kase.size(key, -1);
  return new Parameter([kase.floats(key).length / width, width], (out) => out.fill(0));
}

const layer: Adapter = async (kase) => {
  kase.composed = 'the case is the first half of LightSANsBlock: its parts joined';
  const module = new FirstHalf(kase);
  const names: [string, Source][] = [
    ['x', same('x')],
    ['pos', same('positions')],
    ...attentionNames('m', 'attention'),
    ...linearNames('m.LayerNorm', 'norm1'),
  ];
  const peer = new Peer(kase, module, names, { drifts: queryBias });
  const layout = fullLayout(kase.size('state/x', 0), kase.size('state/x', 1));
  kase.compare('out/y', await numbers(() => module.forward(layout)));
  await peer.check(new Map([['dot', () => dot(kase, module.forward(layout))]]));
  layout.dispose();
  module.dispose();
};

const recbole: Adapter = async (kase) => {
  kase.reading = 'token';
  const layers = kase.number('n_layers');
  const model = new LightSANs({
    items: catalog(kase.number('numItems') + 1),
    maxLength: kase.number('MAX_ITEM_LIST_LENGTH'),
    dim: kase.number('hidden_size'),
    heads: kase.number('n_heads'),
    layers,
    interests: kase.number('k_interests'),
    hidden: kase.number('inner_size'),
    activation: activationOf(kase.config.hidden_act),
    dropout: 0,
    epsilon: kase.number('layer_norm_eps'),
  });
  cutLookups(model.items, 0);
  const names: [string, Source][] = [
    ['item_embedding.weight', same('items.weight')],
    ['position_embedding.weight', same('positions')],
    ...linearNames('LayerNorm', 'inputNorm'),
    ...layersOf(layers, (i) => {
      const [theirs, ours] = [`trm_encoder.layer.${i}`, `blocks.${i}`];
      return [
        ...attentionNames(`${theirs}.multi_head_attention`, `${ours}.attention`),
        ...linearNames(`${theirs}.multi_head_attention.LayerNorm`, `${ours}.norm1`),
        ...feedForward(theirs, ours),
      ];
    }),
  ];
  const peer = new Peer(kase, model, names, { drifts: queryBias });
  const { events } = allSlots(kase, 'in/right/item_seq');
  const layout = new Layout(events);
  const last = kase.ints('in/right/lens').map((n, b) => b * kase.size('in/right/item_seq', 1) + n - 1);
  const user = () => gatherRows(model.encode(events, layout), last);
  kase.compare('out/right/user', await numbers(user));
  kase.compare('out/right/scores', await numbers(() => linear(user(), model.items.weight)));
  const targets = targetsOf(kase.ints('in/right/pos'), -1);
  // RecBole adds 1e-10 to the sigmoid; the difference is below what is compared.
  const against = targetsOf(kase.ints('in/right/pos'), -1, given(kase.ints('in/right/neg'), 1));
  await peer.check(
    new Map([
      ['ce', () => mean(crossEntropy(), model, user(), targets)],
      ['bpr', () => mean(bpr(drawn(1)), model, user(), against)],
    ]),
  );
  layout.dispose();
  model.dispose();
};

// WarpRec: interests are asked as keys of an ordinary attention, and pads are no part of them

class WarpRecLayer extends Module {
  /** θ, `[interests, dim]` */
  readonly theta: Parameter;
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly positionQuery: Linear;
  readonly positionKey: Linear;
  readonly output: Linear;
  readonly norm1: LayerNorm;
  readonly feedForward: FeedForward;
  readonly norm2: LayerNorm;
  readonly heads: number;

  constructor({ dim, heads, interests, hidden, epsilon }: Record<string, number>) {
    super();
    const width = dim as number;
    const plain = () => new Linear(width, width, { bias: false });
    this.heads = heads as number;
    this.theta = new Parameter([interests as number, width], (out) => out.fill(0));
    [this.query, this.key, this.value, this.positionQuery, this.positionKey] = [
      plain(),
      plain(),
      plain(),
      plain(),
      plain(),
    ];
    this.output = new Linear(width, width);
    this.norm1 = new LayerNorm(width, { epsilon });
    this.feedForward = new FeedForward({ dim: width, hidden, activation: gelu });
    this.norm2 = new LayerNorm(width, { epsilon });
  }

  /**
   * @param x         `[B · L, dim]`, all slots
   * @param positions `[L, dim]`
   * @param real      the slots that are no pads
   * @param mask      `[L, L]`, 1 where a position sees another
   */
  forward(x: tf.Tensor2D, positions: tf.Tensor2D, full: Layout, real: Slots, mask?: tf.Tensor2D): tf.Tensor2D {
    const { heads } = this;
    const [interests, dim] = this.theta.shape as [number, number];
    const asked = new Layout(Int32Array.from({ length: full.count + 1 }, (_, b) => b * interests));
    const theta: tf.Tensor2D = tf.mul(tensorOf<tf.Tensor>(this.theta), Math.sqrt(dim));
    const asking = gatherRows(
      theta,
      Int32Array.from({ length: asked.rows }, (_, i) => i % interests),
    );
    const own = gatherRows(x, real.rows);
    const pool = (values: tf.Tensor2D) =>
      attention(asking, own, values, { queries: asked, keys: real.layout, heads: 1 });
    const [keys, values] = [pool(this.key.forward(own)), pool(this.value.forward(own))];
    const items = attention(this.query.forward(x), keys, values, { queries: full, keys: asked, heads });
    const bias = this.#positionScores(positions, mask);
    const none = tf.zerosLike(x);
    const places = attention(none, none, this.value.forward(x), { queries: full, heads, bias });
    const y = this.norm1.forward(tf.add(x, this.output.forward(tf.add(items, places))));
    return this.norm2.forward(this.feedForward.forward(y, full, undefined, y));
  }

  /** `[heads, L, L]` */
  #positionScores(positions: tf.Tensor2D, mask?: tf.Tensor2D): tf.Tensor3D {
    const [length, dim] = positions.shape;
    const width = dim / this.heads;
    const [q, k] = [this.positionQuery.forward(positions), this.positionKey.forward(positions)];
    const scores = Array.from({ length: this.heads }, (_, head) => {
      const of = (x: tf.Tensor2D) => tf.slice(x, [0, head * width], [length, width]);
      const product = tf.div(linear(of(q), of(k)), Math.sqrt(width));
      // As masked_fill: what is not seen has no gradient, also where a slot sees nothing and all shares are equal.
      return mask ? tf.add(tf.mul(product, mask), tf.mul(tf.sub(1, mask), -1e9)) : product;
    });
    return tf.stack(scores) as tf.Tensor3D;
  }
}

function warprecNames(theirs: string, ours: string): [string, Source][] {
  const maps = { w_q: 'query', w_k: 'key', w_v: 'value', w_pos_q: 'positionQuery', w_pos_k: 'positionKey' };
  return [
    ...Object.entries(maps).map(([from, to]): [string, Source] => [
      `${theirs}.${from}.weight`,
      same(`${ours}.${to}.weight`),
    ]),
    [`${theirs}.w_theta`, transposed(`${ours}.theta`)],
    ...linearNames(`${theirs}.out_proj`, `${ours}.output`),
    ...linearNames(`${theirs}.layer_norm1`, `${ours}.norm1`),
    ...linearNames(`${theirs}.layer_norm2`, `${ours}.norm2`),
    ...linearNames(`${theirs}.ffn.0`, `${ours}.feedForward.up`),
    ...linearNames(`${theirs}.ffn.3`, `${ours}.feedForward.down`),
  ];
}

/** 1 where a slot sees another. */
function maskOf(length: number, sees: (query: number, key: number) => boolean): tf.Tensor2D {
  const values = Float32Array.from({ length: length * length }, (_, i) =>
    sees(Math.floor(i / length), i % length) ? 1 : 0,
  );
  return tf.tensor2d(values, [length, length]);
}

class WarpRecLayerCase extends Module {
  readonly x: Parameter;
  readonly positions: Parameter;
  readonly m: WarpRecLayer;

  constructor(kase: GoldenCase) {
    super();
    this.x = input(kase, 'state/x');
    this.positions = input(kase, 'state/pos');
    const [dim, heads, interests] = ['d', 'heads', 'k'].map((name) => kase.number(name)) as [number, number, number];
    this.m = new WarpRecLayer({ dim, heads, interests, hidden: kase.size('state/m.ffn.0.bias', 0), epsilon: 1e-8 });
  }
}

const warprecLayer: Adapter = async (kase) => {
  kase.reading = 'query';
  kase.composed = 'WarpRec asks interests as keys and masks pads as such: an attention of our parts';
  const module = new WarpRecLayerCase(kase);
  const peer = new Peer(kase, module, [['x', same('x')], ['pos', same('positions')], ...warprecNames('m', 'm')]);
  const [count, length] = kase.shape('state/x') as [number, number];
  const full = fullLayout(count, length);
  const real = slotsWhere(kase.ints('in/key_padding_mask'), length, (masked) => masked === 0);
  const y = (mask?: tf.Tensor2D) => {
    const [x, positions] = [tensorOf(module.x) as tf.Tensor2D, tensorOf(module.positions) as tf.Tensor2D];
    return module.m.forward(x, positions, full, real, mask);
  };
  const allowed = kase.ints('in/causal_mask');
  const future = (query: number, key: number) => allowed[query * length + key] !== 0;
  kase.compare('out/y_no_causal', await numbers(() => y()));
  kase.compare('out/y_inverted_mask_as_shipped', await numbers(() => y(maskOf(length, future))));
  const proper = () => y(maskOf(length, (query, key) => !future(query, key)));
  kase.compare('out/y_proper_causal', await numbers(proper));
  await peer.check(new Map([['dot_proper', () => dot(kase, proper())]]));
  for (const layout of [full, real.layout]) layout.dispose();
  module.dispose();
};

class WarpRecModel extends Module {
  readonly items: Embedding;
  readonly positions: Parameter;
  readonly inputNorm: LayerNorm;
  readonly layers: WarpRecLayer[];

  constructor(kase: GoldenCase) {
    super();
    const dim = kase.number('embedding_size');
    const hidden = kase.number('inner_size');
    const sizes = { dim, heads: kase.number('n_heads'), interests: kase.number('k_interests'), hidden, epsilon: 1e-8 };
    this.items = new Embedding(kase.number('numItems') + 1, dim);
    this.positions = input(kase, 'state/position_embedding.weight');
    this.inputNorm = new LayerNorm(dim, { epsilon: 1e-8 });
    this.layers = Array.from({ length: kase.number('n_layers') }, () => new WarpRecLayer(sizes));
  }
}

const warprec: Adapter = async (kase) => {
  kase.reading = 'query';
  kase.composed =
    "WarpRec's layer, whose positions look into the future by an inverted mask, and at pads: our parts joined";
  const pad = kase.number('padId');
  const model = new WarpRecModel(kase);
  cutLookups(model.items, pad);
  const peer = new Peer(kase, model, [
    ['item_embedding.weight', same('items.weight')],
    ['position_embedding.weight', same('positions')],
    ...linearNames('layernorm', 'inputNorm'),
    ...layersOf(model.layers.length, (i) => warprecNames(`layers.${i}`, `layers.${i}`)),
  ]);
  const { events } = allSlots(kase, 'in/right/item_seq');
  const length = kase.size('in/right/item_seq', 1);
  const full = new Layout(events);
  const real = slotsWhere(events.item, length, (id) => id !== pad);
  const last = kase.ints('in/right/lens').map((n, b) => b * length + n - 1);
  const user = () => {
    const positions = tensorOf(model.positions) as tf.Tensor2D;
    const mask = maskOf(length, (query, key) => key > query);
    const x = model.inputNorm.forward(model.items.forward(events.item));
    return gatherRows(
      model.layers.reduce((rows, layer) => layer.forward(rows, positions, full, real, mask), x),
      last,
    );
  };
  // The items, without the pad's row.
  const table = () => tf.slice(tensorOf<tf.Tensor>(model.items.weight) as tf.Tensor2D, 0, pad);
  kase.compare('out/right/user', await numbers(user));
  kase.compare('out/right/scores', await numbers(() => linear(user(), table())));
  const count = kase.size('in/right/neg', 1);
  const targets = targetsOf(kase.ints('in/right/pos'), -1, given(kase.ints('in/right/neg'), count));
  const seen = idsOf(kase, 'in/right/item_seq', 'in/right/pos', 'in/right/neg');
  const loss = () => {
    const value = tf.div(bpr(drawn(count)).forward(user(), { weight: table() }, targets), full.count);
    return tf.add(value, penalty(kase, model.items.weight, 'state/item_embedding.weight', seen)) as tf.Scalar;
  };
  await peer.check(new Map([['bpr_reg', loss]]));
  for (const layout of [full, real.layout]) layout.dispose();
  model.dispose();
};

export const adapters: AdapterTable = [
  [/^layer_lightsans_recbole/, layer],
  [/^layer_lightsans_warprec/, warprecLayer],
  [/^lightsans_recbole/, recbole],
  [/^lightsans_warprec/, warprec],
];
