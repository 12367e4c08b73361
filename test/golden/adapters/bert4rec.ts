/** BERT4Rec as four peers wrote it, each through the class BERT4Rec with other parts. */
import * as tf from '@tensorflow/tfjs-core';
import {
  BERT4Rec,
  type BERT4RecOptions,
  bpr,
  crossEntropy,
  denseOutput,
  gatherRows,
  gelu,
  type Layout,
  type Loss,
  l2,
  layerNormalization,
  learnedFromStart,
  linear,
  noNormalization,
  Ragged,
  sinusoidal,
  tiedOutput,
  transformerBlock,
  untiedOutput,
} from 'seqrec';
import type { Adapter, AdapterTable, GoldenCase } from '../case.ts';
import { allSlots, catalog, compareRows, dropPads, type Window, withLayout } from '../padded.ts';
import { activationOf, layersOf, linearNames, numbers, Peer, type Source, same, torchAttention } from '../peer.ts';
import { drawn, given } from '../questions.ts';
import * as recbolePeer from './recbole.ts';

/** 0 … n-1 */
function range(n: number): Int32Array {
  return Int32Array.from({ length: n }, (_, i) => i);
}

/** The peer's table ends with [MASK]; the rows before, a pad among them, are items to us. */
const items: [string, Source] = [
  'item_embedding.weight',
  { pieces: [{ path: 'items.weight' }, { path: 'items.mask' }] },
];
const places: [string, Source] = ['position_embedding.weight', same('positions.weight')];

function encoderNames(layers: number, theirs: string, feedForward: readonly [string, string]): [string, Source][] {
  return Array.from({ length: layers }, (_, i): [string, Source][] => [
    ...torchAttention(`${theirs}.${i}.${theirs === 'blocks' ? 'attn' : 'self_attn'}`, `blocks.${i}.attention`),
    ...linearNames(`${theirs}.${i}.${feedForward[0]}`, `blocks.${i}.feedForward.up`),
    ...linearNames(`${theirs}.${i}.${feedForward[1]}`, `blocks.${i}.feedForward.down`),
    ...linearNames(`${theirs}.${i}.norm1`, `blocks.${i}.norm1`),
    ...linearNames(`${theirs}.${i}.norm2`, `blocks.${i}.norm2`),
  ]).flat();
}

/** The scores of every item at some rows. */
function scoresAt(model: BERT4Rec, window: Window, layout: Layout, rows: Int32Array): Promise<Float32Array> {
  return numbers(() => {
    const { weight, bias } = model.output();
    return linear(gatherRows(model.encode(window.events, layout), rows), weight, bias);
  });
}

function lastRows({ events }: Window): Int32Array {
  return events.offsets.subarray(1).map((end) => end - 1);
}

/** Histories whose last event, [MASK], the model appends itself. */
function withoutMask({ events }: Window): Ragged {
  return events.slice(
    range(events.count),
    () => 0,
    (length) => length - 1,
  );
}

/** What is asked: a state of the batch for each target. */
interface Asked {
  readonly rows: Int32Array;
  readonly item: Int32Array;
  readonly negatives?: Int32Array | undefined;
}

/** The mean of a loss over what is asked. */
function meanOf(loss: Loss, model: BERT4Rec, window: Window, layout: Layout, asked: Asked): tf.Scalar {
  const { rows, item, negatives } = asked;
  const states = gatherRows(model.encode(window.events, layout), rows);
  const sum = loss.forward(states, model.output(), {
    item,
    weight: new Float32Array(item.length).fill(1),
    negatives: negatives && given(negatives, negatives.length / item.length),
  });
  return tf.div(sum, item.length);
}

// The two tutorial listings: masked rows with labels, an untied output over n+1 ids

const listings: Adapter = async (kase) => {
  const { config } = kase;
  const token = config.paddingMask === false;
  kase.reading = token ? 'token' : 'drop';
  const [dim, layers, epsilon] = [kase.number('dim'), kase.number('layers'), kase.number('lnEps')];
  const model = new BERT4Rec({
    items: catalog(kase.number('maskToken')),
    maxLength: kase.number('maxLen'),
    dim,
    heads: kase.number('heads'),
    layers,
    dropout: 0,
    scale: config.embScale === 'sqrt(d)' ? Math.sqrt(dim) : 1,
    positions: config.positions === 'sinusoidal' ? sinusoidal() : learnedFromStart(),
    inputNorm: config.inputLayerNorm ? layerNormalization({ epsilon }) : noNormalization(),
    block: transformerBlock({ hidden: kase.number('ffn'), activation: activationOf(config.activation), epsilon }),
    output: untiedOutput({ bias: true }),
  });
  const names = token
    ? encoderNames(layers, 'blocks', ['ff.0', 'ff.3'])
    : [
        places,
        ...linearNames('layer_norm', 'inputNorm'),
        ...encoderNames(layers, 'encoder.layers', ['linear1', 'linear2']),
      ];
  // padding_idx: where pads are rows, lookups are all that reads this table.
  const frozen = token ? { frozen: new Map([['items.weight', 0]]) } : {};
  const peer = new Peer(kase, model, [items, ...linearNames('output', 'head'), ...names], frozen);
  const read = (key: string) => (token ? allSlots(kase, key) : dropPads(kase, key, 0));

  for (const side of ['left', 'right'].filter((side) => kase.has(`in/${side}/masked_seq`))) {
    const asked = read(`in/${side}/pred_seq`);
    const atSlots = side === 'left' && !token ? asked.starts : undefined;
    await withLayout(
      asked,
      async (layout) => kase.compare(`out/${side}/scores`, await scoresAt(model, asked, layout, lastRows(asked))),
      atSlots,
    );
    if (!atSlots) kase.compare(`out/${side}/scores`, await model.scores(withoutMask(asked)));

    const window = read(`in/${side}/masked_seq`);
    const labels = kase.ints(`in/${side}/labels`);
    const rows = range(window.slots.length).filter((row) => (labels[window.slots[row] as number] as number) >= 0);
    const questions = { rows, item: rows.map((row) => labels[window.slots[row] as number] as number) };
    await withLayout(
      window,
      async (layout) => {
        for (const key of kase.keys(`out/${side}/logits_row`)) await compareLogits(kase, key, model, window, layout);
        const loss = () => meanOf(crossEntropy(), model, window, layout, questions);
        await peer.check(new Map([[`ce_${side}`, loss]]));
      },
      side === 'left' && !token ? window.starts : undefined,
    );
  }
  model.dispose();
};

/** The scores of every slot of one row. */
async function compareLogits(kase: GoldenCase, key: string, model: BERT4Rec, window: Window, layout: Layout) {
  const b = Number(/row(\d+)$/.exec(key)?.[1]);
  const [from, to] = [window.events.offsets[b] as number, window.events.offsets[b + 1] as number];
  const scores = await scoresAt(
    model,
    window,
    layout,
    range(to - from).map((i) => from + i),
  );
  const length = kase.size(key, 0);
  const slots = window.slots.subarray(from, to).map((slot) => slot - b * length);
  compareRows(kase, key, scores, { ...window, slots, size: length });
}

// RecBole and WarpRec: a list of masked places, of which place 0 is the filler

/** What is asked at the places above 0. */
function listed(kase: GoldenCase, { events, slots }: Window, length: number): Asked {
  const index = kase.ints('in/right/mask_index');
  const masks = kase.size('in/right/mask_index', 1);
  const each = kase.ints('in/right/neg_items').length / index.length;
  const used = range(index.length).filter((i) => (index[i] as number) > 0);
  const rows = used.map((i) => slots.indexOf(Math.floor(i / masks) * length + (index[i] as number)));
  const positive = kase.ints('in/right/pos_items');
  const negative = kase.ints('in/right/neg_items');
  if (rows.some((row) => row < 0 || row >= events.rows)) throw new Error(`${kase.name}: a pad is asked for.`);
  return {
    rows,
    item: used.map((i) => positive[i] as number),
    negatives: Int32Array.from([...used].flatMap((i) => [...negative.subarray(i * each, (i + 1) * each)])),
  };
}

const recbole: Adapter = async (kase) => {
  kase.reading = 'drop';
  const [layers, epsilon, mask] = [kase.number('n_layers'), kase.number('layer_norm_eps'), kase.number('maskToken')];
  const length = kase.number('MAX_ITEM_LIST_LENGTH');
  const activation = activationOf(kase.config.hidden_act);
  const model = new BERT4Rec({
    items: catalog(mask),
    maxLength: length,
    dim: kase.number('hidden_size'),
    heads: kase.number('n_heads'),
    layers,
    dropout: 0,
    inputNorm: layerNormalization({ epsilon }),
    block: transformerBlock({ hidden: kase.number('inner_size'), activation, epsilon }),
    output: denseOutput({ epsilon, output: tiedOutput({ bias: true }) }),
  });
  const peer = new Peer(kase, model, [
    items,
    places,
    ...linearNames('LayerNorm', 'inputNorm'),
    ...linearNames('output_ffn', 'head.dense'),
    ...linearNames('output_ln', 'head.norm'),
    ['output_bias', same('head.scores.bias')],
    ...layersOf(layers, (i) => recbolePeer.encoderLayer(`trm_encoder.layer.${i}`, `blocks.${i}`)),
  ]);

  // Their prediction appends [MASK] and drops the first event of every row, short ones too.
  const whole = dropPads(kase, 'in/right/item_seq', 0);
  const lists = Array.from({ length: whole.events.count }, (_, b) => [...whole.events.items(b).subarray(1), mask]);
  kase.compare(
    'out/right/reconstructed',
    lists.flatMap((list) => [...list, ...new Array(length - list.length).fill(0)]),
  );
  const asked = { ...whole, events: Ragged.from(lists) };
  const scores = await withLayout(asked, (layout) => scoresAt(model, asked, layout, lastRows(asked)));
  const long = range(lists.length).filter((b) => (lists[b] as number[]).length > 1);
  const own = await model.scores(withoutMask(asked).take(long));
  long.forEach((b, i) => {
    scores.set(own.subarray(i * mask, (i + 1) * mask), b * mask);
  });
  kase.compare('out/right/scores', scores);

  const window = dropPads(kase, 'in/right/masked_seq', 0);
  await withLayout(window, async (layout) => {
    const states = await numbers(() => model.encode(window.events, layout));
    compareRows(kase, 'out/right/hidden_masked_seq', states, window);
    const questions = listed(kase, window, length);
    await peer.check(
      new Map([
        ['ce', () => meanOf(crossEntropy(), model, window, layout, questions)],
        ['bpr', () => meanOf(bpr(drawn(1)), model, window, layout, questions)],
      ]),
    );
  });
  model.dispose();
};

const warprec: Adapter = async (kase) => {
  kase.reading = 'drop';
  const [dim, layers] = [kase.number('embedding_size'), kase.number('n_layers')];
  const [pad, mask, length] = [kase.number('padId'), kase.number('maskId'), kase.number('max_seq_len')];
  const options: BERT4RecOptions = {
    items: catalog(mask),
    maxLength: length + 1,
    dim,
    heads: kase.number('n_heads'),
    layers,
    dropout: 0,
    inputNorm: layerNormalization({ epsilon: 1e-8 }),
    block: transformerBlock({ hidden: kase.number('inner_size'), activation: gelu }),
    output: tiedOutput({ bias: true }),
  };
  const model = new BERT4Rec(options);
  const peer = new Peer(kase, model, [
    items,
    places,
    ['out_bias', same('head.bias')],
    ...linearNames('layernorm', 'inputNorm'),
    ...encoderNames(layers, 'transformer_encoder.layers', ['linear1', 'linear2']),
  ]);
  const histories = dropPads(kase, 'in/right/item_seq', pad);
  const scores = await model.scores(histories.events);
  // The pad is no candidate.
  kase.compare(
    'out/right/scores',
    scores.filter((_, i) => i % mask !== pad),
  );

  const window = dropPads(kase, 'in/right/masked_seq', pad);
  await withLayout(window, async (layout) => {
    const states = await numbers(() => model.encode(window.events, layout));
    compareRows(kase, 'out/right/hidden_masked_seq', states, window);
    const questions = listed(kase, window, length);
    // Their regulariser counts every row that was looked up; that of the pad is a constant.
    const keys = ['masked_seq', 'pos_items', 'neg_items'];
    const lookedUp = Int32Array.from(keys.flatMap((key) => [...kase.ints(`in/right/${key}`)]));
    const padRow = kase.floats('state/item_embedding.weight').subarray(pad * dim, (pad + 1) * dim);
    const count = (id: number) => lookedUp.filter((other) => other === id).length;
    const pads = count(pad) * padRow.reduce((sum, value) => sum + value * value, 0);
    const strength = kase.number('reg_weight') / histories.events.count;
    const loss = () => {
      const tables = tf.add(
        l2(
          model.items.weight,
          strength,
          lookedUp.filter((id) => id < pad),
        ),
        l2(model.items.mask, strength, new Int32Array(count(mask))),
      );
      const asked = meanOf(
        bpr(drawn((questions.negatives?.length ?? 0) / questions.item.length)),
        model,
        window,
        layout,
        questions,
      );
      return tf.add(tf.add(asked, tables), (strength / 2) * pads) as tf.Scalar;
    };
    await peer.check(new Map([['bpr_reg', loss]]));
  });
  model.dispose();
};

export const adapters: AdapterTable = [
  [/^bert4rec_seed/, listings],
  [/^bert4rec_recbole/, recbole],
  [/^bert4rec_warprec/, warprec],
];
