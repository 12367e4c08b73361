/** NARM of RecBole and of WarpRec, through the class. */
import * as tf from '@tensorflow/tfjs-core';
import { bpr, crossEntropy, NARM } from 'seqrec';
import type { Adapter, AdapterTable, GoldenCase } from '../case.ts';
import { catalog, dropPads, withLayout } from '../padded.ts';
import { layersOf, numbers, Peer, type Source, same } from '../peer.ts';
import { drawn, given, mean, targetsOf } from '../questions.ts';
import { idsOf, penalty } from './warprec.ts';

function build(kase: GoldenCase, rows: number, maxLength: number, softmax: boolean): { model: NARM; peer: Peer } {
  const layers = kase.number('n_layers');
  const model = new NARM({
    items: catalog(rows),
    maxLength,
    dim: kase.number('embedding_size'),
    hidden: kase.number('hidden_size'),
    layers,
    embeddingDropout: 0,
    dropout: 0,
    softmax,
  });
  const peer = new Peer(kase, model, [
    ['item_embedding.weight', same('items.weight')],
    ...layersOf(layers, (i): [string, Source][] => [
      [`gru.weight_ih_l${i}`, same(`gru.layers.${i}.input.weight`)],
      [`gru.weight_hh_l${i}`, same(`gru.layers.${i}.state.weight`)],
    ]),
    ['a_1.weight', same('pooling.key.weight')],
    ['a_2.weight', same('pooling.query.weight')],
    ['v_t.weight', same('pooling.score')],
    ['b.weight', same('decoder.weight')],
  ]);
  return { model, peer };
}

const recbole: Adapter = async (kase) => {
  kase.reading = 'drop';
  const { model, peer } = build(kase, kase.number('numItems') + 1, kase.number('MAX_ITEM_LIST_LENGTH'), false);
  const right = dropPads(kase, 'in/right/item_seq', 0);
  kase.compare('out/right/scores', await model.scores(right.events));
  await withLayout(right, async (layout) => {
    const user = () => model.encode(right.events, layout);
    kase.compare('out/right/user', await numbers(user));
    const targets = targetsOf(kase.ints('in/right/pos'), -1, given(kase.ints('in/right/neg'), 1));
    await peer.check(
      new Map([
        ['ce', () => mean(crossEntropy(), model, user(), targets)],
        ['bpr', () => mean(bpr(drawn(1)), model, user(), targets)],
      ]),
    );
  });
  model.dispose();
};

const warprec: Adapter = async (kase) => {
  kase.reading = 'drop';
  const { model, peer } = build(kase, kase.number('numItems'), kase.number('max_seq_len'), true);
  const right = dropPads(kase, 'in/right/item_seq', kase.number('padId'));
  kase.compare('out/right/scores', await model.scores(right.events));
  await withLayout(right, async (layout) => {
    const user = () => model.encode(right.events, layout);
    kase.compare('out/right/user', await numbers(user));
    const count = kase.size('in/right/neg', 1);
    const targets = targetsOf(kase.ints('in/right/pos'), -1, given(kase.ints('in/right/neg'), count));
    const ids = idsOf(kase, 'in/right/item_seq', 'in/right/pos', 'in/right/neg');
    const reg = () => penalty(kase, model.items.weight, 'state/item_embedding.weight', ids);
    await peer.check(new Map([['bpr_reg', () => tf.add(mean(bpr(drawn(count)), model, user(), targets), reg())]]));
  });
  model.dispose();
};

export const adapters: AdapterTable = [
  [/^narm_recbole/, recbole],
  [/^narm_warprec/, warprec],
];
