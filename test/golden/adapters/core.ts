/** CORE of RecBole and of WarpRec, through the class. */
import * as tf from '@tensorflow/tfjs-core';
import {
  CORE,
  crossEntropy,
  equalWeights,
  gatherRows,
  type Layout,
  transformerBlock,
  transformerWeights,
} from 'seqrec';
import type { Adapter, AdapterTable, GoldenCase } from '../case.ts';
import { catalog, compareRows, dropPads, lastRows, type Window, withLayout } from '../padded.ts';
import {
  activationOf,
  keyBias,
  layersOf,
  linearNames,
  numbers,
  Peer,
  type PeerOptions,
  type Source,
  same,
  unused,
} from '../peer.ts';
import { mean, targetsOf } from '../questions.ts';
import * as recbolePeer from './recbole.ts';
import * as warprecPeer from './warprec.ts';

/** What shifts all that the softmax compares has no gradient by mathematics: its bias, and that of the last layer norm. */
function optionsOf(kase: GoldenCase): PeerOptions {
  const last = new RegExp(`\\.${kase.number('n_layers') - 1}\\.(feed_forward\\.LayerNorm|norm2)\\.bias$`);
  return { drifts: (name) => keyBias(name) || name === 'net.fn.bias' || last.test(name) };
}

function build(kase: GoldenCase, rows: number, maxLength: number): CORE {
  const epsilon = kase.number('layer_norm_eps');
  const hidden = kase.number('inner_size');
  // WarpRec's config does not say it: PyTorch's encoder with GELU and its own epsilon.
  const torch = kase.config.hidden_act === undefined;
  const block = transformerBlock({
    hidden,
    activation: activationOf(torch ? 'gelu' : kase.config.hidden_act),
    epsilon: torch ? 1e-5 : epsilon,
  });
  const weights = { layers: kase.number('n_layers'), heads: kase.number('n_heads'), dropout: 0, block, epsilon };
  return new CORE({
    items: catalog(rows),
    maxLength,
    dim: kase.number('embedding_size'),
    mixture: kase.config.dnn_type === 'ave' ? equalWeights() : transformerWeights(weights),
    temperature: kase.number('temperature'),
    sessionDropout: 0,
    itemDropout: 0,
  });
}

function names(kase: GoldenCase, layer: (i: number) => [string, Source][]): [string, Source][] {
  const items: [string, Source] = ['item_embedding.weight', same('items.weight')];
  if (kase.config.dnn_type === 'ave') return [items];
  return [
    items,
    ['net.position_embedding.weight', same('mixture.positions.weight')],
    ...linearNames('net.LayerNorm', 'mixture.inputNorm'),
    ['net.fn.weight', same('mixture.query')],
    ['net.fn.bias', unused],
    ...layersOf(kase.number('n_layers'), layer),
  ];
}

/** The weights `[B, L, 1]` of the last event of each session. */
async function compareWeights(kase: GoldenCase, model: CORE, right: Window, layout: Layout): Promise<void> {
  using queries = layout.last();
  const x = model.items.forward(right.events.item);
  const found = await numbers(() => {
    const each = model.mixture.weights(x, { events: right.events, layout, queries });
    return tf.concat(each.map((weights) => tf.reshape(weights, [-1, 1])));
  });
  x.dispose();
  compareRows(kase, 'out/right/alpha', found, right);
}

const recbole: Adapter = async (kase) => {
  kase.reading = 'drop';
  const model = build(kase, kase.number('numItems') + 1, kase.number('MAX_ITEM_LIST_LENGTH'));
  const peer = new Peer(
    kase,
    model,
    names(kase, (i) => recbolePeer.encoderLayer(`net.trm_encoder.layer.${i}`, `mixture.blocks.${i}`)),
    optionsOf(kase),
  );
  const right = dropPads(kase, 'in/right/item_seq', 0);
  kase.compare('out/right/scores', await model.scores(right.events));
  await withLayout(right, async (layout) => {
    const user = () => gatherRows(model.encode(right.events, layout), lastRows(right));
    kase.compare('out/right/user', await numbers(user));
    await compareWeights(kase, model, right, layout);
    const targets = targetsOf(kase.ints('in/right/pos'), -1);
    await peer.check(new Map([['ce', () => mean(crossEntropy(), model, user(), targets)]]));
  });
  model.dispose();
};

const warprec: Adapter = async (kase) => {
  kase.reading = 'drop';
  const model = build(kase, kase.number('numItems'), kase.number('max_seq_len'));
  const peer = new Peer(
    kase,
    model,
    names(kase, (i) => warprecPeer.encoderLayer(`net.trm_encoder.layers.${i}`, `mixture.blocks.${i}`)),
    optionsOf(kase),
  );
  const right = dropPads(kase, 'in/right/item_seq', kase.number('padId'));
  kase.compare('out/right/scores', await model.scores(right.events));
  await withLayout(right, async (layout) => {
    const user = () => gatherRows(model.encode(right.events, layout), lastRows(right));
    kase.compare('out/right/user', await numbers(user));
    const targets = targetsOf(kase.ints('in/right/pos'), -1);
    const ids = warprecPeer.idsOf(kase, 'in/right/item_seq', 'in/right/pos');
    const reg = () => warprecPeer.penalty(kase, model.items.weight, 'state/item_embedding.weight', ids);
    await peer.check(new Map([['ce_reg', () => tf.add(mean(crossEntropy(), model, user(), targets), reg())]]));
  });
  model.dispose();
};

export const adapters: AdapterTable = [
  [/^core_recbole/, recbole],
  [/^core_warprec/, warprec],
];
