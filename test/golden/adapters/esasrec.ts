/** eSASRec: the LiGR block alone, and WarpRec's model through the class SASRec. */
import * as tf from '@tensorflow/tfjs-core';
import {
  crossEntropy,
  gatherRows,
  gelu,
  type Layout,
  LigrBlock,
  layerNormalization,
  learnedFromStart,
  ligrBlock,
  noNormalization,
  SASRec,
  sampledSoftmax,
  sigmoid,
  swiglu,
  transformerBlock,
} from 'seqrec';
import type { Adapter, AdapterTable } from '../case.ts';
import { catalog, dropPads, lastRows, withLayout } from '../padded.ts';
import { layersOf, linearNames, numbers, Peer, type Source, same, torchAttention } from '../peer.ts';
import { drawn, given, mean, targetsOf } from '../questions.ts';
import { checkCausal, dot, fullLayout, type Keys, keysOf, Layer } from './layers.ts';
import { encoderLayer, idsOf, penalty } from './warprec.ts';

const block: Adapter = async (kase) => {
  kase.reading = 'query';
  kase.composed = 'pads ask but are not asked, and LigrBlock has one layout for both: its parts joined';
  checkCausal(kase);
  const [count, length, dim] = kase.shape('state/x') as [number, number, number];
  const network = swiglu({ hidden: kase.number('ff'), bias: true });
  const ligr = { feedForward: network, gate: 'normalized', epsilon: kase.number('eps') } as const;
  const layer = new Layer(kase, new LigrBlock({ dim, heads: kase.number('heads'), ...ligr }));
  const peer = new Peer(kase, layer, [['x', same('x')], ...ligrNames('m', 'm')]);
  const full = fullLayout(count, length);
  const kept = keysOf(kase);
  const forward = () => joined(layer.m, layer.rows, full, kept);
  const rows = await numbers(forward);
  kase.compare('out/y', rows);
  // The real rows also go through the block as it is.
  const real = await numbers(() => layer.m.forward(gatherRows(layer.rows, kept.slots), kept.layout));
  kept.slots.forEach((slot, i) => {
    rows.set(real.subarray(i * dim, (i + 1) * dim), slot * dim);
  });
  kase.compare('out/y', rows);
  await peer.check(new Map([['dot', () => dot(kase, forward())]]));
  full.dispose();
  kept.layout.dispose();
  layer.dispose();
};

/** The parts of a block, with queries at all slots and keys at some. */
function joined(block: LigrBlock, x: tf.Tensor2D, queries: Layout, kept: Keys): tf.Tensor2D {
  const query = block.norm1.forward(x);
  const keys = gatherRows(query, kept.slots);
  const attended = block.attention.forward(query, keys, keys, { queries, keys: kept.layout, causal: true });
  const y: tf.Tensor2D = tf.add(x, tf.mul(attended, block.gate1.forward(query, sigmoid)));
  const normal = block.norm2.forward(y);
  return tf.add(y, tf.mul(block.feedForward.forward(normal, queries), block.gate2.forward(normal, sigmoid)));
}

function ligrNames(theirs: string, ours: string): [string, Source][] {
  return [
    ...linearNames(`${theirs}.attn_norm`, `${ours}.norm1`),
    ...torchAttention(`${theirs}.attention`, `${ours}.attention`),
    ...linearNames(`${theirs}.attn_gate`, `${ours}.gate1`),
    ...linearNames(`${theirs}.ffn_norm`, `${ours}.norm2`),
    // Theirs calls the gated one the value.
    ...linearNames(`${theirs}.ff_value`, `${ours}.feedForward.gate`),
    ...linearNames(`${theirs}.ff_gate_hidden`, `${ours}.feedForward.up`),
    ...linearNames(`${theirs}.ff_out`, `${ours}.feedForward.down`),
    ...linearNames(`${theirs}.ff_gate`, `${ours}.gate2`),
  ];
}

const warprec: Adapter = async (kase) => {
  kase.reading = 'drop';
  const { config } = kase;
  const layers = kase.number('n_layers');
  const hidden = kase.number('inner_size');
  const ligr = config.use_ligr === true;
  const gated = ligrBlock({ feedForward: swiglu({ hidden, bias: true }), gate: 'normalized', epsilon: 1e-8 });
  const model = new SASRec({
    items: catalog(kase.number('numItems')),
    maxLength: kase.number('max_seq_len'),
    dim: kase.number('embedding_size'),
    heads: kase.number('n_heads'),
    layers,
    dropout: 0,
    scale: 1,
    positions: learnedFromStart(),
    inputNorm: layerNormalization({ epsilon: 1e-8 }),
    block: ligr ? gated : transformerBlock({ hidden, activation: gelu }),
    norm: noNormalization(),
  });
  const peer = new Peer(kase, model, [
    ['item_embedding.weight', same('items.weight')],
    ['position_embedding.weight', same('positions.weight')],
    ...linearNames('layernorm', 'inputNorm'),
    ...layersOf(layers, (i) =>
      ligr ? ligrNames(`encoder.${i}`, `blocks.${i}`) : encoderLayer(`transformer_encoder.layers.${i}`, `blocks.${i}`),
    ),
  ]);
  const right = dropPads(kase, 'in/right/item_seq', kase.number('padId'));
  kase.compare('out/right/scores', await model.scores(right.events));
  await withLayout(right, async (layout) => {
    const user = () => gatherRows(model.encode(right.events, layout), lastRows(right));
    kase.compare('out/right/user', await numbers(user));
    const count = kase.size('in/right/neg', 1);
    const targets = targetsOf(kase.ints('in/right/pos'), -1, given(kase.ints('in/right/neg'), count));
    const reg = (...keys: string[]) =>
      penalty(kase, model.items.weight, 'state/item_embedding.weight', idsOf(kase, 'in/right/item_seq', ...keys));
    const sampled = sampledSoftmax({ ...drawn(count), logQ: false });
    await peer.check(
      new Map([
        [
          'sampled_softmax_reg',
          () => tf.add(mean(sampled, model, user(), targets), reg('in/right/pos', 'in/right/neg')),
        ],
        ['full_softmax_reg', () => tf.add(mean(crossEntropy(), model, user(), targets), reg('in/right/pos'))],
      ]),
    );
  });
  model.dispose();
};

export const adapters: AdapterTable = [
  [/^layer_ligr/, block],
  [/^esasrec_warprec/, warprec],
];
