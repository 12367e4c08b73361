/** BSARec: the frequency layer alone, the authors' model and WarpRec's, both over padded windows. */
import * as tf from '@tensorflow/tfjs-core';
import {
  BSARec,
  type BSARecBlock,
  bsarecBlock,
  crossEntropy,
  Embedding,
  FeedForward,
  FrequencyFilter,
  gatherRows,
  gelu,
  LayerNorm,
  Layout,
  linear,
  lowPass,
  Module,
  MultiHeadAttention,
  Ragged,
  tensorOf,
} from 'seqrec';
import type { Adapter, AdapterTable, GoldenCase } from '../case.ts';
import { allSlots, catalog, cutLookups, slotsWhere } from '../padded.ts';
import {
  activationOf,
  keyBias,
  layersOf,
  linearNames,
  numbers,
  Peer,
  reversed,
  type Source,
  same,
  torchAttention,
} from '../peer.ts';
import { targetsOf } from '../questions.ts';
import { dot, fullLayout, Layer } from './layers.ts';
import { idsOf, penalty } from './warprec.ts';

// The frequency layer

class Filter extends Module {
  readonly filter: FrequencyFilter;
  readonly norm: LayerNorm;

  constructor(dim: number, c: number) {
    super();
    this.filter = new FrequencyFilter({ dim, c });
    this.norm = new LayerNorm(dim, { epsilon: 1e-12 });
  }

  forward(x: tf.Tensor2D, layout: Layout): tf.Tensor2D {
    return this.norm.forward(tf.add(x, this.filter.forward(x, layout)));
  }
}

const layer: Adapter = async (kase) => {
  kase.composed = 'the case is the first branch of BSARecBlock: its filter, residual and norm joined';
  const [count, length, dim] = kase.shape('state/x') as [number, number, number];
  const module = new Layer(kase, new Filter(dim, kase.number('c')));
  const peer = new Peer(kase, module, [
    ['x', same('x')],
    ['m.sqrt_beta', same('m.filter.sqrtBeta')],
    ...linearNames('m.LayerNorm', 'm.norm'),
  ]);
  const full = fullLayout(count, length);
  const bins = Math.floor(kase.number('c') / 2) + 1;
  kase.compare('out/low_pass', await numbers(() => lowPass(module.rows, full, bins)));
  kase.compare('out/y', await numbers(() => module.m.forward(module.rows, full)));
  for (const key of kase.keys('out/y_len')) {
    const shorter = kase.size(key, 1);
    const part = fullLayout(count, shorter);
    const rows = Int32Array.from({ length: count * length }, (_, i) => i).filter((i) => i % length < shorter);
    kase.compare(key, await numbers(() => module.m.forward(gatherRows(module.rows, rows), part)));
    part.dispose();
  }
  await peer.check(new Map([['dot', () => dot(kase, module.m.forward(module.rows, full))]]));
  full.dispose();
  module.dispose();
};

// Windows with pads

// The authors: pads on the left, which ask all slots alike since every key is masked for them

const official: Adapter = async (kase) => {
  kase.reading = 'query';
  kase.composed = 'the transform covers the pads of a window, and pads ask: the parts of BSARec joined';
  const dim = kase.number('hidden_size');
  const layers = kase.number('num_hidden_layers');
  const length = kase.number('max_seq_length');
  const model = new BSARec({
    items: catalog(kase.number('item_size')),
    maxLength: length,
    dim,
    heads: kase.number('num_attention_heads'),
    layers,
    dropout: 0,
    block: bsarecBlock({
      alpha: kase.number('alpha'),
      c: kase.number('c'),
      activation: activationOf(kase.config.hidden_act),
    }),
  });
  cutLookups(model.items, 0);
  const peer = new Peer(kase, model, [
    ['item_embeddings.weight', same('items.weight')],
    // Their slots of a left-padded window are positions from the end.
    ['position_embeddings.weight', reversed('positions.weight')],
    ...linearNames('LayerNorm', 'inputNorm'),
    ...layersOf(layers, (i) => {
      const [theirs, ours] = [`item_encoder.blocks.${i}`, `blocks.${i}`];
      const attention = `${theirs}.layer.attention_layer`;
      return [
        ...['query', 'key', 'value'].flatMap((part) =>
          linearNames(`${attention}.${part}`, `${ours}.attention.${part}`),
        ),
        ...linearNames(`${attention}.dense`, `${ours}.attention.output`),
        ...linearNames(`${attention}.LayerNorm`, `${ours}.attentionNorm`),
        [`${theirs}.layer.filter_layer.sqrt_beta`, same(`${ours}.filter.sqrtBeta`)] as [string, Source],
        ...linearNames(`${theirs}.layer.filter_layer.LayerNorm`, `${ours}.filterNorm`),
        ...linearNames(`${theirs}.feed_forward.dense_1`, `${ours}.feedForward.up`),
        ...linearNames(`${theirs}.feed_forward.dense_2`, `${ours}.feedForward.down`),
        ...linearNames(`${theirs}.feed_forward.LayerNorm`, `${ours}.norm`),
      ];
    }),
  ]);
  const left = allSlots(kase, 'in/left/item_seq');
  const ids = left.events.item;
  const full = new Layout(left.events);
  const real = slotsWhere(ids, length, (id) => id !== 0);
  const pads = slotsWhere(ids, length, (id) => id === 0);
  const order = new Int32Array(ids.length);
  [...real.rows, ...pads.rows].forEach((slot, i) => {
    order[slot] = i;
  });
  const branches = (block: BSARecBlock, x: tf.Tensor2D) => {
    const own = gatherRows(x, real.rows);
    const ofReal = block.attention.forward(own, own, own, { queries: real.layout, causal: true });
    const ofPads =
      pads.rows.length > 0 &&
      block.attention.forward(gatherRows(x, pads.rows), x, x, { queries: pads.layout, keys: full });
    const attended = gatherRows(ofPads ? tf.concat([ofReal, ofPads]) : ofReal, order);
    return {
      filter: block.filterNorm.forward(tf.add(x, block.filter.forward(x, full))),
      attention: block.attentionNorm.forward(tf.add(x, attended)),
    };
  };
  const input = () =>
    model.inputNorm.forward(model.items.forward(ids, { plus: model.positions.forward(full, left.events) }));
  const states = () =>
    (model.blocks as BSARecBlock[]).reduce((x, block) => {
      const { filter, attention } = branches(block, x);
      const y: tf.Tensor2D = tf.add(tf.mul(filter, block.alpha), tf.mul(attention, 1 - block.alpha));
      return block.norm.forward(block.feedForward.forward(y, full, undefined, y));
    }, input());
  const first = () => branches(model.blocks[0] as BSARecBlock, input());
  kase.compare('out/left/block0_filter', await numbers(() => first().filter));
  kase.compare('out/left/block0_attention', await numbers(() => first().attention));
  const hidden = await numbers(states);
  kase.compare('out/left/hidden', hidden);
  await throughClass(kase, model, hidden, ids, length);
  const last = Int32Array.from({ length: full.count }, (_, b) => (b + 1) * length - 1);
  const user = () => gatherRows(states(), last);
  kase.compare('out/left/scores', await numbers(() => linear(user(), model.items.weight)));
  const { item, weight } = targetsOf(kase.ints('in/left/answers'), -1);
  const loss = () => tf.div(crossEntropy().forward(user(), model.output(), { item, weight }), item.length) as tf.Scalar;
  await peer.check(new Map([['ce', loss]]));
  for (const layout of [full, real.layout, pads.layout]) layout.dispose();
  model.dispose();
};

/** Sequences that fill the window have the same states through the class as it is. */
async function throughClass(kase: GoldenCase, model: BSARec, hidden: Float32Array, ids: Int32Array, length: number) {
  const width = hidden.length / ids.length;
  let found = 0;
  for (let b = 0; b < ids.length / length; b++) {
    const items = ids.subarray(b * length, (b + 1) * length);
    if (items.includes(0)) continue;
    found++;
    const events = Ragged.from([items]);
    using layout = new Layout(events);
    hidden.set(await numbers(() => model.encode(events, layout)), b * length * width);
  }
  if (found === 0) throw new Error(`${kase.name} has no sequence that fills its window.`);
  kase.compare('out/left/hidden', hidden);
}

// WarpRec: pads on the right, branches mixed before one residual and norm

class WarpRecLayer extends Module {
  readonly filter: FrequencyFilter;
  readonly attention: MultiHeadAttention;
  readonly norm1: LayerNorm;
  readonly feedForward: FeedForward;
  readonly norm2: LayerNorm;

  constructor(dim: number, heads: number, hidden: number, bins: number) {
    super();
    this.filter = new FrequencyFilter({ dim, c: 2 * (bins - 1) });
    this.attention = new MultiHeadAttention({ dim, heads });
    this.norm1 = new LayerNorm(dim, { epsilon: 1e-8 });
    this.feedForward = new FeedForward({ dim, hidden, activation: gelu });
    this.norm2 = new LayerNorm(dim, { epsilon: 1e-8 });
  }
}

class WarpRecModel extends Module {
  readonly items: Embedding;
  readonly positions: Embedding;
  readonly inputNorm: LayerNorm;
  readonly layers: WarpRecLayer[];

  constructor(kase: GoldenCase) {
    super();
    const dim = kase.number('embedding_size');
    this.items = new Embedding(kase.number('numItems') + 1, dim);
    this.positions = new Embedding(kase.number('max_seq_len'), dim);
    this.inputNorm = new LayerNorm(dim, { epsilon: 1e-8 });
    const sizes = [dim, kase.number('n_heads'), kase.number('inner_size'), kase.number('c')] as const;
    this.layers = Array.from({ length: kase.number('n_layers') }, () => new WarpRecLayer(...sizes));
  }
}

const warprec: Adapter = async (kase) => {
  kase.reading = 'query';
  kase.composed =
    'branches are mixed before the residual, over a window with its pads: the parts of BSARecBlock joined';
  const pad = kase.number('padId');
  const alpha = kase.number('alpha');
  // Where all bins are kept nothing is fast, and √β has no gradient by mathematics.
  const idle = kase.number('c') > kase.number('max_seq_len') / 2;
  const drifts = (name: string) => keyBias(name) || (idle && name.endsWith('sqrt_beta'));
  const model = new WarpRecModel(kase);
  cutLookups(model.items, pad);
  const peer = new Peer(
    kase,
    model,
    [
      ['item_embedding.weight', same('items.weight')],
      ['position_embedding.weight', same('positions.weight')],
      ...linearNames('layernorm', 'inputNorm'),
      ...layersOf(model.layers.length, (i) => {
        const [theirs, ours] = [`bsarec_encoder.layers.${i}`, `layers.${i}`];
        return [
          ...torchAttention(`${theirs}.attention_layer`, `${ours}.attention`),
          [`${theirs}.frequency_layer.sqrt_beta`, same(`${ours}.filter.sqrtBeta`)] as [string, Source],
          ...linearNames(`${theirs}.layernorm1`, `${ours}.norm1`),
          ...linearNames(`${theirs}.feed_forward.linear1`, `${ours}.feedForward.up`),
          ...linearNames(`${theirs}.feed_forward.linear2`, `${ours}.feedForward.down`),
          ...linearNames(`${theirs}.layernorm2`, `${ours}.norm2`),
        ];
      }),
    ],
    { drifts },
  );
  const right = allSlots(kase, 'in/right/item_seq');
  const ids = right.events.item;
  const length = kase.size('in/right/item_seq', 1);
  const full = new Layout(right.events);
  const real = slotsWhere(ids, length, (id) => id !== pad);
  const states = () =>
    model.layers.reduce(
      (x, { filter, attention, norm1, feedForward, norm2 }) => {
        const keys = gatherRows(x, real.rows);
        const attended = attention.forward(x, keys, keys, { queries: full, keys: real.layout, causal: true });
        const mixed = tf.add(tf.mul(filter.forward(x, full), alpha), tf.mul(attended, 1 - alpha));
        const y = norm1.forward(tf.add(x, mixed));
        return norm2.forward(feedForward.forward(y, full, undefined, y));
      },
      model.inputNorm.forward(model.items.forward(ids, { plus: model.positions.forward(full.position) })),
    );
  const last = kase.ints('in/right/lens').map((n, b) => b * length + n - 1);
  const user = () => gatherRows(states(), last);
  // The items, without the pad's row.
  const table = () => tf.slice(tensorOf<tf.Tensor>(model.items.weight) as tf.Tensor2D, 0, pad);
  kase.compare('out/right/user', await numbers(user));
  kase.compare('out/right/scores', await numbers(() => linear(user(), table())));
  const { item, weight } = targetsOf(kase.ints('in/right/pos'), -1);
  const seen = idsOf(kase, 'in/right/item_seq', 'in/right/pos');
  const loss = () => {
    const value = tf.div(crossEntropy().forward(user(), { weight: table() }, { item, weight }), item.length);
    return tf.add(value, penalty(kase, model.items.weight, 'state/item_embedding.weight', seen)) as tf.Scalar;
  };
  await peer.check(new Map([['ce_reg', loss]]));
  for (const layout of [full, real.layout]) layout.dispose();
  model.dispose();
};

export const adapters: AdapterTable = [
  [/^layer_bsarec/, layer],
  [/^bsarec_official/, official],
  [/^bsarec_warprec/, warprec],
];
