/** gSASRec of its authors and of WarpRec: the class SASRec with gBCE. */
import * as tf from '@tensorflow/tfjs-core';
import {
  gbce,
  gelu,
  layerNormalization,
  learnedFromStart,
  noNormalization,
  SASRec,
  type SASRecBlock,
  sasrecBlock,
  tensorOf,
  tiedOutput,
  transformerBlock,
  untiedOutput,
  type Weight,
} from 'seqrec';
import type { Adapter, AdapterTable, GoldenCase } from '../case.ts';
import { at, catalog, compareAttention, compareRows, dropPads, type Window, withLayout } from '../padded.ts';
import { layersOf, linearNames, numbers, Peer, reversed, type Source, same } from '../peer.ts';
import { drawn, given } from '../questions.ts';
import { encoderLayer, penalty } from './warprec.ts';

/** The first (or last) `length` of each row's slots of `[B, T, …]`. */
function slotsOf(kase: GoldenCase, key: string, from: number, length: number): Int32Array {
  const [count, slots] = kase.shape(key) as [number, number];
  const values = kase.ints(key);
  const width = values.length / (count * slots);
  return Int32Array.from(
    Array.from({ length: count }, (_, b) => [
      ...values.subarray((b * slots + from) * width, (b * slots + from + length) * width),
    ]).flat(),
  );
}

/** What follows each row of a window, and its negatives. */
function questions({ slots }: Window, labels: Int32Array, negatives: Int32Array, row: (id: number) => number) {
  const count = negatives.length / labels.length;
  const drawnIds = Int32Array.from(
    [...slots].flatMap((slot) => [...negatives.subarray(slot * count, (slot + 1) * count)]),
  );
  return {
    item: at(labels, { slots } as Window).map(row),
    weight: new Float32Array(slots.length).fill(1),
    negatives: given(drawnIds.map(row), count),
  };
}

const official: Adapter = async (kase) => {
  kase.reading = 'drop';
  const layers = kase.number('layers');
  const items = kase.number('numItems');
  const length = kase.number('L');
  const tied = kase.config.reuse === true;
  const model = new SASRec({
    // Ids are 1 … n; row 0 is nothing and row n + 1 the pad's.
    items: catalog(items + 2),
    maxLength: length,
    dim: kase.number('d'),
    heads: kase.number('H'),
    layers,
    dropout: 0,
    scale: 1,
    block: sasrecBlock({ epsilon: 1e-5 }),
    norm: layerNormalization(),
    output: tied ? tiedOutput() : untiedOutput(),
  });
  const peer = new Peer(
    kase,
    model,
    [
      ['item_embedding.weight', same('items.weight')],
      // Their slots of a left-padded window are positions from the end.
      ['position_embedding.weight', reversed('positions.weight')],
      ...(tied ? [] : [['output_embedding.weight', same('head.weight')] as [string, Source]]),
      ...linearNames('seq_norm', 'norm'),
      ...layersOf(layers, (i) => {
        const [theirs, ours] = [`transformer_blocks.${i}`, `blocks.${i}`];
        return [
          ...linearNames(`${theirs}.first_norm`, `${ours}.norm1`),
          ...linearNames(`${theirs}.second_norm`, `${ours}.norm2`),
          ...linearNames(`${theirs}.multihead_attention.query_proj`, `${ours}.attention.query`),
          ...linearNames(`${theirs}.multihead_attention.key_proj`, `${ours}.attention.key`),
          ...linearNames(`${theirs}.multihead_attention.val_proj`, `${ours}.attention.value`),
          ...linearNames(`${theirs}.dense1`, `${ours}.feedForward.up`),
          ...linearNames(`${theirs}.dense2`, `${ours}.feedForward.down`),
        ];
      }),
    ],
    { drifts: (name) => /key_proj\.bias$/.test(name) },
  );
  const asked = dropPads(kase, 'in/left/eval_seq', items + 1);
  kase.compare('out/left/scores_raw', await model.scores(asked.events));
  await withLayout(asked, async (layout) => {
    compareRows(kase, 'out/left/hidden', await numbers(() => model.encode(asked.events, layout)), asked);
    await compareAttention(
      kase,
      'out/left/attn0',
      () => {
        const x = model.items.forward(asked.events.item, { plus: model.positions.forward(layout, asked.events) });
        const { attention, norm1 } = model.blocks[0] as SASRecBlock;
        return attention.weights(norm1.forward(x), x, { queries: layout, causal: true });
      },
      asked,
    );
  });

  const left = dropPads(kase, 'in/left/positives', items + 1, { slots: length });
  const labels = slotsOf(kase, 'in/left/positives', 1, length);
  const targets = questions(left, labels, slotsOf(kase, 'in/left/negatives', 1, length), (id) => id - 1);
  await withLayout(left, async (layout) => {
    const loss = (t: number) => () => {
      // The n items that negatives are drawn from.
      const table = tensorOf(model.output().weight) as tf.Tensor2D;
      const output = { weight: tf.slice(table, [1, 0], [items, table.shape[1]]) };
      const value = gbce({ ...drawn(kase.number('negs')), t }).forward(
        model.encode(left.events, layout),
        output,
        targets,
      );
      return tf.div(value, targets.weight.length) as tf.Scalar;
    };
    const of = (key: string) => key.slice('loss/'.length);
    await peer.check(new Map(kase.keys('loss/').map((key) => [of(key), loss(Number(of(key).slice('gbce_t'.length)))])));
  });
  model.dispose();
};

const warprec: Adapter = async (kase) => {
  kase.reading = 'drop';
  kase.composed =
    'the stored training run scores against the table as it was at the start, which the penalty alone moves';
  const layers = kase.number('n_layers');
  const pad = kase.number('padId');
  const tied = kase.config.reuse_item_embeddings === true;
  const length = kase.number('max_seq_len');
  const model = new SASRec({
    items: catalog(kase.number('numItems')),
    maxLength: length,
    dim: kase.number('embedding_size'),
    heads: kase.number('n_heads'),
    layers,
    dropout: 0,
    scale: 1,
    positions: learnedFromStart(),
    inputNorm: layerNormalization({ epsilon: 1e-8 }),
    block: transformerBlock({ hidden: kase.number('inner_size'), activation: gelu }),
    norm: noNormalization(),
    output: tied ? tiedOutput() : untiedOutput(),
  });
  const peer = new Peer(kase, model, [
    ['item_embedding.weight', same('items.weight')],
    ...(tied ? [] : [['output_embedding.weight', same('head.weight')] as [string, Source]]),
    ['position_embedding.weight', same('positions.weight')],
    ...linearNames('layernorm', 'inputNorm'),
    ...layersOf(layers, (i) => encoderLayer(`transformer_encoder.layers.${i}`, `blocks.${i}`)),
  ]);
  const right = dropPads(kase, 'in/right/item_seq', pad);
  kase.compare('out/right/scores', await model.scores(right.events));
  await withLayout(right, async (layout) => {
    compareRows(kase, 'out/right/hidden', await numbers(() => model.encode(right.events, layout)), right);
  });

  // Every slot but the last asks for the one after it, if that is no pad.
  const slots = kase.size('in/right/item_seq', 1) - 1;
  const inputs = slotsOf(kase, 'in/right/item_seq', 0, slots);
  const labels = slotsOf(kase, 'in/right/item_seq', 1, slots);
  const negatives = slotsOf(kase, 'in/right/negatives', 1, slots);
  const read = dropPads(kase, 'in/right/item_seq', pad, { slots });
  const all = questions(read, labels, negatives, (id) => (id === pad ? 0 : id));
  const weight = at(labels, read).map((id) => (id === pad ? 0 : 1));
  const targets = { ...all, weight: Float32Array.from(weight) };
  const output = tied ? 'state/item_embedding.weight' : 'state/output_embedding.weight';
  await withLayout(read, async (layout) => {
    const lossAgainst = (scored: Weight<tf.Tensor2D>) => () => {
      const given = gbce({ ...drawn(kase.number('neg_samples')), t: kase.number('gbce_t') });
      const value = given.forward(model.encode(read.events, layout), { weight: scored }, targets);
      const reg = tf.add(
        penalty(kase, model.items.weight, 'state/item_embedding.weight', inputs),
        penalty(kase, model.output().weight as Weight<tf.Tensor2D>, output, Int32Array.from([...labels, ...negatives])),
      );
      return tf.add(
        tf.div(
          value,
          weight.reduce((sum, w) => sum + w, 0),
        ),
        reg,
      ) as tf.Scalar;
    };
    const table = () => model.output().weight as Weight<tf.Tensor2D>;
    const atStart = tf.clone(tensorOf(table()));
    await peer.check(
      new Map([['gbce_reg', () => lossAgainst(table())()]]),
      new Map([['gbce_reg', lossAgainst(atStart)]]),
    );
    atStart.dispose();
  });
  model.dispose();
};

export const adapters: AdapterTable = [
  [/^gsasrec_official/, official],
  [/^gsasrec_warprec/, warprec],
];
