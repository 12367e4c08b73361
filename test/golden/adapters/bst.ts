/** BST as a tutorial listing wrote it, through the class: causal, without a candidate, a score for each position. */

import * as tf from '@tensorflow/tfjs-core';
import {
  BST,
  Catalog,
  type CategoryValue,
  categorical,
  eachPosition,
  type Layout,
  linear,
  logLoss,
  Ragged,
  sinusoidal,
  transformerBlock,
} from 'seqrec';
import type { Adapter, AdapterTable } from '../case.ts';
import { allSlots, withLayout } from '../padded.ts';
import { activationOf, linearNames, numbers, Peer, type Source, same, torchAttention } from '../peer.ts';

const seed2: Adapter = async (kase) => {
  kase.reading = 'token';
  const names = Object.keys(kase.config.features as object);
  const known = (table: string) => Array.from({ length: kase.size(`state/${table}.weight`, 0) }, (_, id) => id);
  const event = Object.fromEntries(
    names.map((name) => [
      name,
      categorical({ values: known(`feature_embedding.embeddings.${name}`) as CategoryValue[] }),
    ]),
  );
  const mlp = kase
    .parameters()
    .flatMap((name) => /^mlp\.(\d+)\.weight$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
  const layers = kase.number('layers');
  const activation = activationOf(kase.config.activation);
  const dim = kase.number('embeddingDim');
  const model = new BST({
    items: new Catalog(known('item_embedding'), { features: { event } }),
    maxLength: kase.number('maxLen') - 1,
    dim,
    featureDim: dim,
    positions: sinusoidal(),
    layers,
    heads: kase.number('heads'),
    dropout: 0,
    block: transformerBlock({ hidden: kase.number('ffn'), activation, epsilon: kase.number('lnEps') }),
    head: eachPosition({ hidden: mlp.slice(0, -1).map((i) => kase.size(`state/mlp.${i}.weight`, 0)), activation }),
  });
  const parameters: [string, Source][] = [
    ['item_embedding.weight', same('events.tables.item.weight')],
    ...names.map((name): [string, Source] => [
      `feature_embedding.embeddings.${name}.weight`,
      same(`events.tables.${name}.weight`),
    ]),
    ...Array.from({ length: layers }, (_, i) => [
      ...torchAttention(`blocks.${i}.attn`, `blocks.${i}.attention`),
      ...linearNames(`blocks.${i}.ff.0`, `blocks.${i}.feedForward.up`),
      ...linearNames(`blocks.${i}.ff.3`, `blocks.${i}.feedForward.down`),
      ...linearNames(`blocks.${i}.norm1`, `blocks.${i}.norm1`),
      ...linearNames(`blocks.${i}.norm2`, `blocks.${i}.norm2`),
    ]).flat(),
    ...mlp.flatMap((i, n) => linearNames(`mlp.${i}`, i === mlp.at(-1) ? 'head.score' : `head.mlp.layers.${n}`)),
  ];
  // padding_idx: lookups are all that reads these tables, so cutting their gradient is freezing the row.
  const tables = ['item', ...names].map((name) => [`events.tables.${name}.weight`, 0] as const);
  const peer = new Peer(kase, model, parameters, { frozen: new Map(tables) });

  const from = allSlots(kase, 'in/left/item_seq');
  const columns = Object.fromEntries(names.map((name) => [name, kase.ints(`in/left/${name}`)]));
  const events = new Ragged(from.events.offsets, { item: from.events.item, ...columns });
  const label = kase.floats('in/left/click');
  const weight = new Float32Array(label.length).fill(1);
  const { weight: last, bias } = model.output();
  await withLayout(from, async (layout) => {
    const states = () => model.encode(events, layout);
    kase.compare('out/left/logits', await numbers(() => linear(states(), last, bias)));
    await peer.check(
      new Map([
        [
          'bce_all',
          () =>
            tf.div(
              logLoss().forward(states(), model.output(), { item: from.events.item, weight, label }),
              label.length,
            ),
        ],
        ['bce_last', () => lastLoss(model, events, layout, label)],
      ]),
    );
  });
  model.dispose();
};

/** The loss of the last events alone, as a training step asks for them. */
function lastLoss(model: BST, events: Ragged, layout: Layout, label: Float32Array): tf.Scalar {
  using queries = layout.last();
  const states = model.encode(events, layout, undefined, queries);
  const rows = layout.lastRows();
  const targets = {
    item: rows.map((row) => events.item[row] as number),
    weight: new Float32Array(rows.length).fill(1),
    label: Float32Array.from(rows, (row) => label[row] as number),
  };
  return tf.div(logLoss().forward(states, model.output(), targets), rows.length);
}

export const adapters: AdapterTable = [[/^bst_seed2/, seed2]];
