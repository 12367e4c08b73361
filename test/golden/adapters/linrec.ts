/** LinRec: linear attention alone, the authors' model and WarpRec's causal one, through the class. */
import * as tf from '@tensorflow/tfjs-core';
import {
  bpr,
  crossEntropy,
  gatherRows,
  LayerNorm,
  LinearAttention,
  LinRec,
  layerNormalization,
  linrecBlock,
  Module,
  noNormalization,
} from 'seqrec';
import type { Adapter, AdapterTable } from '../case.ts';
import { allSlots, catalog, cutLookups, dropPads, lastRows, type Window, withLayout } from '../padded.ts';
import { activationOf, layersOf, linearNames, numbers, Peer, type Source, same } from '../peer.ts';
import { drawn, given, mean, targetsOf } from '../questions.ts';
import { dot, fullLayout, Layer } from './layers.ts';
import * as recbole from './recbole.ts';
import { idsOf, penalty } from './warprec.ts';

/** Without a softmax the key biases have gradients as all others. */
const drifts = () => false;

function warprecAttention(theirs: string, ours: string): [string, Source][] {
  return [
    ...linearNames(`${theirs}.w_q`, `${ours}.query`),
    ...linearNames(`${theirs}.w_k`, `${ours}.key`),
    ...linearNames(`${theirs}.w_v`, `${ours}.value`),
    ...linearNames(`${theirs}.out_proj`, `${ours}.output`),
  ];
}

const causalLayer: Adapter = async (kase) => {
  const [count, length, dim] = kase.shape('state/x') as [number, number, number];
  const heads = kase.number('heads');
  const layer = new Layer(kase, new LinearAttention({ dim, heads, scale: heads / dim }));
  const peer = new Peer(kase, layer, [['x', same('x')], ...warprecAttention('m', 'm')], { drifts });
  const layout = fullLayout(count, length);
  const forward = () => layer.m.forward(layer.rows, layer.rows, { queries: layout, causal: true });
  kase.compare('out/y', await numbers(forward));
  await peer.check(new Map([['dot', () => dot(kase, forward())]]));
  layout.dispose();
  layer.dispose();
};

/** The first half of an encoder layer. */
const officialLayer: Adapter = async (kase) => {
  kase.composed = 'the case is the first half of LinRecBlock: its parts joined';
  const [count, length, dim] = kase.shape('state/x') as [number, number, number];
  const layer = new Layer(kase, new FirstHalf(dim, kase.number('heads')));
  const peer = new Peer(
    kase,
    layer,
    [
      ['x', same('x')],
      ...['query', 'key', 'value'].flatMap((part) => linearNames(`m.${part}`, `m.attention.${part}`)),
      ...linearNames('m.dense', 'm.attention.output'),
      ...linearNames('m.LayerNorm', 'm.norm1'),
    ],
    { drifts },
  );
  const layout = fullLayout(count, length);
  const { m } = layer;
  const forward = () =>
    m.norm1.forward(
      tf.add(layer.rows, m.attention.forward(layer.rows, layer.rows, { queries: layout, causal: false })),
    );
  kase.compare('out/y', await numbers(forward));
  await peer.check(new Map([['dot', () => dot(kase, forward())]]));
  layout.dispose();
  layer.dispose();
};

class FirstHalf extends Module {
  readonly attention: LinearAttention;
  readonly norm1: LayerNorm;

  constructor(dim: number, heads: number) {
    super();
    this.attention = new LinearAttention({ dim, heads });
    this.norm1 = new LayerNorm(dim, { epsilon: 1e-12 });
  }
}

const official: Adapter = async (kase) => {
  kase.reading = 'token';
  const layers = kase.number('n_layers');
  const epsilon = kase.number('layer_norm_eps');
  const hidden = kase.number('inner_size');
  const model = new LinRec({
    items: catalog(kase.number('numItems') + 1),
    maxLength: kase.number('MAX_ITEM_LIST_LENGTH'),
    dim: kase.number('hidden_size'),
    heads: kase.number('n_heads'),
    layers,
    dropout: 0,
    inputNorm: layerNormalization({ epsilon }),
    block: linrecBlock({ causal: false, hidden, activation: activationOf(kase.config.hidden_act), epsilon }),
  });
  cutLookups(model.items, 0);
  const peer = new Peer(
    kase,
    model,
    [
      ['item_embedding.weight', same('items.weight')],
      ['position_embedding.weight', same('positions.weight')],
      ...linearNames('LayerNorm', 'inputNorm'),
      ...layersOf(layers, (i) => recbole.encoderLayer(`trm_encoder.layer.${i}`, `blocks.${i}`)),
    ],
    { drifts },
  );
  const right = allSlots(kase, 'in/right/item_seq');
  const last = kase.ints('in/right/lens').map((n, b) => b * kase.size('in/right/item_seq', 1) + n - 1);
  await withLayout(right, async (layout) => {
    const user = () => gatherRows(model.encode(right.events, layout), last);
    kase.compare('out/right/user', await numbers(user));
    const weight = model.items.weight;
    kase.compare('out/right/scores', await numbers(() => tf.matMul(user(), weight.value as tf.Tensor2D, false, true)));
    const targets = targetsOf(kase.ints('in/right/pos'), -1);
    await peer.check(new Map([['ce', () => mean(crossEntropy(), model, user(), targets)]]));
  });
  model.dispose();
};

const warprec: Adapter = async (kase) => {
  kase.reading = 'drop';
  const layers = kase.number('n_layers');
  const pad = kase.number('padId');
  const dim = kase.number('embedding_size');
  const heads = kase.number('n_heads');
  const model = new LinRec({
    items: catalog(kase.number('numItems')),
    maxLength: kase.number('max_seq_len'),
    dim,
    heads,
    layers,
    dropout: 0,
    inputNorm: noNormalization(),
    block: linrecBlock({ hidden: kase.number('inner_size'), scale: heads / dim, epsilon: 1e-5 }),
    norm: layerNormalization(),
  });
  const peer = new Peer(
    kase,
    model,
    [
      ['item_embedding.weight', same('items.weight')],
      ['position_embedding.weight', same('positions.weight')],
      ...linearNames('layer_norm', 'norm'),
      ...layersOf(layers, (i) => [
        ...warprecAttention(`layers.${i}.attention`, `blocks.${i}.attention`),
        ...linearNames(`layers.${i}.ffn.0`, `blocks.${i}.feedForward.up`),
        ...linearNames(`layers.${i}.ffn.3`, `blocks.${i}.feedForward.down`),
        ...linearNames(`layers.${i}.norm1`, `blocks.${i}.norm1`),
        ...linearNames(`layers.${i}.norm2`, `blocks.${i}.norm2`),
      ]),
    ],
    { drifts },
  );
  const right = dropPads(kase, 'in/right/item_seq', pad);
  kase.compare('out/right/scores', await model.scores(right.events));
  await withLayout(right, async (layout) => {
    kase.compare(
      'out/right/user',
      await numbers(() => gatherRows(model.encode(right.events, layout), lastRows(right))),
    );
  });

  // Trained on the state before the last event, or of the only one.
  const events = right.events.slice(
    Int32Array.from({ length: right.events.count }, (_, b) => b),
    () => 0,
    (length) => Math.max(1, length - 1),
  );
  const earlier = { ...right, events } as Window;
  const slots = kase.size('in/right/item_seq', 1);
  const read = kase.ints('in/right/item_seq').filter((_, i) => i % slots < slots - 1);
  const ids = Int32Array.from([...read, ...idsOf(kase, 'in/right/pos', 'in/right/neg')]);
  await withLayout(earlier, async (layout) => {
    const user = () => gatherRows(model.encode(events, layout), lastRows(earlier));
    const count = kase.size('in/right/neg', 1);
    const targets = targetsOf(kase.ints('in/right/pos'), -1, given(kase.ints('in/right/neg'), count));
    const reg = () => penalty(kase, model.items.weight, 'state/item_embedding.weight', ids);
    await peer.check(new Map([['bpr_reg', () => tf.add(mean(bpr(drawn(count)), model, user(), targets), reg())]]));
  });
  model.dispose();
};

export const adapters: AdapterTable = [
  [/^layer_linrec_causal/, causalLayer],
  [/^layer_linrec_official/, officialLayer],
  [/^linrec_official/, official],
  [/^linrec_warprec/, warprec],
];
