/** CL4SRec and DuoRec: SASRec with a contrast of views beside its loss, as the authors of DuoRec and WarpRec wrote them. */
import * as tf from '@tensorflow/tfjs-core';
import {
  cosineSimilarity,
  crossEntropy,
  dotSimilarity,
  gatherRows,
  type InfoNCEOptions,
  infoNCE,
  Layout,
  layerNormalization,
  learnedFromStart,
  linear,
  noNormalization,
  relu,
  SASRec,
  sampledSoftmax,
  tensorOf,
  transformerBlock,
} from 'seqrec';
import type { Adapter, AdapterTable, GoldenCase } from '../case.ts';
import { catalog, dropPads, lastRows, type Window } from '../padded.ts';
import { activationOf, layersOf, linearNames, numbers, Peer, type Source, same } from '../peer.ts';
import { drawn, given, targetsOf } from '../questions.ts';
import * as recbole from './recbole.ts';
import * as warprec from './warprec.ts';

/** A window without its pads, and the layout of its rows. */
interface View {
  readonly window: Window;
  readonly layout: Layout;
}

function viewOf(kase: GoldenCase, name: string, pad: number): View {
  const window = dropPads(kase, `in/right/${name}`, pad);
  return { window, layout: new Layout(window.events) };
}

/** The state of the last event of each history. */
function users(model: SASRec, { window, layout }: View): tf.Tensor2D {
  return gatherRows(model.encode(window.events, layout), lastRows(window));
}

/** The mean of InfoNCE over two views of each sequence; of those that are `kept` only. */
function contrast(
  options: InfoNCEOptions,
  views: [tf.Tensor2D, tf.Tensor2D],
  target: Int32Array,
  kept: (sequence: number) => boolean = () => true,
): tf.Scalar {
  const count = target.length;
  const sequences = Array.from(target.keys()).filter(kept);
  const rows = Int32Array.from(sequences.flatMap((b) => [b, count + b]));
  const item = Int32Array.from(sequences.flatMap((b) => [target[b] as number, target[b] as number]));
  const states = gatherRows(tf.concat(views), rows);
  const weight = new Float32Array(rows.length).fill(1);
  return tf.div(infoNCE(options).forward(states, { weight: states }, { item, weight }), rows.length);
}

function optionsOf(kase: GoldenCase): InfoNCEOptions {
  const cosine = (kase.config.sim ?? kase.config.sim_type) === 'cos';
  return { temperature: kase.number('tau'), similarity: cosine ? cosineSimilarity : dotSimilarity };
}

/** DuoRec's repository, on RecBole's SASRec: ids 1 … n, scores over the first n + 1 rows, [MASK] after them. */
const authors: Adapter = async (kase) => {
  kase.reading = 'drop';
  const { config } = kase;
  const epsilon = kase.number('layer_norm_eps');
  const layers = kase.number('n_layers');
  const scored = kase.number('numItems') + 1;
  const model = new SASRec({
    items: catalog(kase.size('state/item_embedding.weight', 0)),
    maxLength: kase.number('MAX_ITEM_LIST_LENGTH'),
    dim: kase.number('hidden_size'),
    heads: kase.number('n_heads'),
    layers,
    dropout: 0,
    scale: 1,
    positions: learnedFromStart(),
    inputNorm: layerNormalization({ epsilon }),
    block: transformerBlock({
      hidden: kase.number('inner_size'),
      activation: activationOf(config.hidden_act),
      epsilon,
    }),
    norm: noNormalization(),
  });
  const peer = new Peer(kase, model, [
    ...tables(),
    ...linearNames('LayerNorm', 'inputNorm'),
    ...layersOf(layers, (i) => recbole.encoderLayer(`trm_encoder.layer.${i}`, `blocks.${i}`)),
  ]);
  const right = viewOf(kase, 'item_seq', 0);
  const duo = kase.has('in/right/sem_aug');
  const others = (duo ? ['sem_aug'] : ['aug1', 'aug2']).map((name) => viewOf(kase, name, 0));
  const user = () => users(model, right);
  const output = () => ({ weight: firstRows(model, scored) });
  kase.compare('out/right/user', await numbers(user));
  kase.compare('out/right/scores', await numbers(() => linear(user(), output().weight)));
  const { item, weight } = targetsOf(kase.ints('in/right/pos'), -1);
  const nce = (one: View, other: View) =>
    contrast(optionsOf(kase), [users(model, one), users(model, other)], Int32Array.from(item));
  const ce = (): tf.Scalar => tf.div(crossEntropy().forward(user(), output(), { item, weight }), item.length);
  const [first, second] = others as [View, View];
  if (duo) {
    const kind = config.contrast;
    const ofMeaning = () => tf.mul(nce(right, first), kase.number('lmd_sem'));
    const ofDropout = () => (kind === 'us' ? tf.mul(nce(right, right), kase.number('lmd')) : tf.scalar(0));
    await peer.check(new Map([['ce_ssl', () => tf.add(ce(), tf.add(ofMeaning(), ofDropout()))]]));
  } else {
    for (const [i, view] of others.entries())
      kase.compare(`out/right/z${i + 1}`, await numbers(() => users(model, view)));
    await peer.check(
      new Map([
        ['nce_only', () => nce(first, second)],
        ['ce_nce', () => tf.add(ce(), tf.mul(nce(first, second), kase.number('lmd')))],
      ]),
    );
  }
  for (const { layout } of [right, ...others]) layout.dispose();
  model.dispose();
};

/** WarpRec: items 0 … n - 1, the pad n and, of CL4SRec, [MASK] n + 1; ReLU blocks. */
const ofWarpRec: Adapter = async (kase) => {
  kase.reading = 'drop';
  const layers = kase.number('n_layers');
  const pad = kase.number('padId');
  const scored = kase.number('numItems');
  const model = new SASRec({
    items: catalog(kase.size('state/item_embedding.weight', 0)),
    maxLength: kase.number('max_seq_len'),
    dim: kase.number('embedding_size'),
    heads: kase.number('n_heads'),
    layers,
    dropout: 0,
    scale: 1,
    positions: learnedFromStart(),
    inputNorm: layerNormalization({ epsilon: 1e-8 }),
    block: transformerBlock({ hidden: kase.number('inner_size'), activation: relu }),
    norm: noNormalization(),
  });
  const peer = new Peer(kase, model, [
    ...tables(),
    ...linearNames('layernorm', 'inputNorm'),
    ...layersOf(layers, (i) => warprec.encoderLayer(`transformer_encoder.layers.${i}`, `blocks.${i}`)),
  ]);
  const duo = kase.has('in/right/sem_aug');
  const right = viewOf(kase, 'item_seq', pad);
  const others = (duo ? ['sem_aug'] : ['aug1', 'aug2']).map((name) => viewOf(kase, name, pad));
  const user = () => users(model, right);
  const output = () => ({ weight: firstRows(model, scored) });
  kase.compare('out/right/user', await numbers(user));
  kase.compare('out/right/scores', await numbers(() => linear(user(), output().weight)));
  const positive = kase.ints('in/right/pos');
  const { item, weight } = targetsOf(positive, -1);
  const mean = (sum: tf.Scalar): tf.Scalar => tf.div(sum, positive.length);
  const [first, second] = others as [View, View];
  if (duo) {
    const options = { ...optionsOf(kase), maskSameItem: true };
    const read = warprec.idsOf(kase, 'in/right/item_seq', 'in/right/pos');
    const has = kase.ints('in/right/has_sem');
    const loss = () => {
      const own = user();
      const ofDropout = tf.mul(contrast(options, [own, user()], positive), kase.number('ssl_lambda'));
      const meant = contrast(options, [own, users(model, first)], positive, (b) => has[b] === 1);
      const ce = mean(crossEntropy().forward(own, output(), { item, weight }));
      const reg = warprec.penalty(kase, model.items.weight, 'state/item_embedding.weight', read);
      const contrasts = tf.add(ofDropout, tf.mul(meant, kase.number('ssl_lambda_sem')));
      return tf.add(tf.add(ce, reg), contrasts) as tf.Scalar;
    };
    await peer.check(new Map([['ce_ssl', loss]]));
  } else {
    const count = kase.size('in/right/neg', 1);
    const negatives = given(kase.ints('in/right/neg'), count);
    const seen = warprec.idsOf(kase, 'in/right/item_seq', 'in/right/pos', 'in/right/neg');
    const loss = () => {
      const sampled = sampledSoftmax({ ...drawn(count), logQ: false });
      const entropy = mean(sampled.forward(user(), output(), { item, weight, negatives }));
      const reg = warprec.penalty(kase, model.items.weight, 'state/item_embedding.weight', seen);
      const nce = contrast(optionsOf(kase), [users(model, first), users(model, second)], positive);
      return tf.add(tf.add(entropy, reg), tf.mul(nce, kase.number('ssl_lambda'))) as tf.Scalar;
    };
    await peer.check(new Map([['sampled_softmax_reg_nce', loss]]));
  }
  for (const { layout } of [right, ...others]) layout.dispose();
  model.dispose();
};

function tables(): [string, Source][] {
  return [
    ['item_embedding.weight', same('items.weight')],
    ['position_embedding.weight', same('positions.weight')],
  ];
}

function firstRows(model: SASRec, count: number): tf.Tensor2D {
  return tf.slice(tensorOf<tf.Tensor>(model.items.weight) as tf.Tensor2D, 0, count);
}

export const adapters: AdapterTable = [
  [/^(cl4srec|duorec)_warprec/, ofWarpRec],
  [/^(cl4srec_duorecrepo|duorec_official)/, authors],
];
