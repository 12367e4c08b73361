/** SASRec as six peers wrote it, each through the class SASRec with other parts. */
import * as tf from '@tensorflow/tfjs-core';
import {
  bce,
  bpr,
  crossEntropy,
  embedding,
  gatherRows,
  gelu,
  type Layout,
  type LossTargets,
  l2,
  layerNormalization,
  learnedFromStart,
  Module,
  noNormalization,
  Parameter,
  type PositionsPart,
  SASRec,
  sinusoidal,
  tiedOutput,
  top1,
  transformerBlock,
  untiedOutput,
} from 'seqrec';
import type { Adapter, AdapterTable, GoldenCase } from '../case.ts';
import {
  allSlots,
  at,
  catalog,
  compareAttention,
  compareRows,
  dropPads,
  lastRows,
  renumber,
  type Window,
  withLayout,
} from '../padded.ts';
import {
  activationOf,
  layersOf,
  linearNames,
  numbers,
  Peer,
  reversed,
  rowsFrom,
  type Source,
  same,
  torchAttention,
  transposed,
} from '../peer.ts';
import { drawn, given, mean, scoresAt, targetsOf } from '../questions.ts';
import * as recbolePeer from './recbole.ts';

/** The embedded input of the first block, `[N, D]`. */
function embedded(model: SASRec, { events }: Window, layout: Layout): tf.Tensor2D {
  const scaled = tf.mul(model.items.forward(events.item), model.scale) as tf.Tensor2D;
  return model.inputNorm.forward(tf.add(scaled, model.positions.forward(layout, events)));
}

/** The attention weights of block `index`, one `[H, T, T]` a sequence. */
function attentionOf(model: SASRec, from: Window, layout: Layout, index: number): tf.Tensor3D[] {
  let x = embedded(model, from, layout);
  for (const block of model.blocks.slice(0, index)) x = block.forward(x, layout);
  const { attention } = model.blocks[index] as unknown as { attention: import('seqrec').MultiHeadAttention };
  return attention.weights(x, x, { queries: layout, causal: true });
}

/** Compares `attn<i>…` results of a batch. */
async function compareAttentions(kase: GoldenCase, prefix: string, model: SASRec, from: Window, layout: Layout) {
  for (const key of kase.keys(`${prefix}attn`)) {
    const index = Number(/attn(\d+)/.exec(key)?.[1]);
    await compareAttention(kase, key, () => attentionOf(model, from, layout, index), from);
  }
}

function parameter(model: SASRec, path: string): Parameter {
  const found = model.parameters().get(path);
  if (!found) throw new Error(`The model has no parameter ${path}.`);
  return found;
}

/** The scores of candidates `[C]` for every history; ids below `first` are no items and score 0, as their zero row. */
function pick(scores: Float32Array, candidates: Int32Array, model: SASRec, first: number): Float32Array {
  const width = model.catalog.size;
  const out = new Float32Array((scores.length / width) * candidates.length);
  for (let i = 0; i < out.length; i++) {
    const [row, column] = [Math.floor(i / candidates.length), i % candidates.length];
    const id = candidates[column] as number;
    out[i] = id < first ? 0 : (scores[row * width + id - first] as number);
  }
  return out;
}

/** Kang & McAuley's loss: the cross-entropy of the positive plus that of its one negative, a mean over the targets. */
function pairwise(model: SASRec, states: tf.Tensor2D, targets: LossTargets): tf.Scalar {
  return mean(bce(drawn(1)), model, states, targets);
}

// The first tutorial listing: post-norm, causal and key padding masks, tied output with a bias over n+1 ids

const seed0: Adapter = async (kase) => {
  kase.reading = 'drop';
  const { config } = kase;
  const epsilon = kase.number('lnEps');
  const layers = kase.number('layers');
  const model = new SASRec({
    items: catalog(kase.number('numItems') + 1),
    maxLength: kase.number('maxLen'),
    dim: kase.number('dim'),
    heads: kase.number('heads'),
    layers,
    dropout: 0,
    scale: 1,
    positions: learnedFromStart(),
    block: transformerBlock({ hidden: kase.number('ffn'), activation: activationOf(config.activation), epsilon }),
    norm: config.finalLayerNorm ? layerNormalization({ epsilon }) : noNormalization(),
    output: tiedOutput({ bias: config.outputBias === true }),
  });
  const peer = new Peer(kase, model, [
    ['item_embedding.weight', same('items.weight')],
    ['position_embedding.weight', same('positions.weight')],
    ['output_bias', same('head.bias')],
    ...linearNames('layer_norm', 'norm'),
    ...layersOf(layers, (i) => [
      ...torchAttention(`attention_blocks.${i}.attention`, `blocks.${i}.attention`),
      ...linearNames(`attention_blocks.${i}.ffn.0`, `blocks.${i}.feedForward.up`),
      ...linearNames(`attention_blocks.${i}.ffn.3`, `blocks.${i}.feedForward.down`),
      ...linearNames(`attention_blocks.${i}.norm1`, `blocks.${i}.norm1`),
      ...linearNames(`attention_blocks.${i}.norm2`, `blocks.${i}.norm2`),
    ]),
  ]);

  const full = dropPads(kase, 'in/full/item_seq', 0);
  kase.compare('out/full/scores', await model.scores(full.events));

  const right = dropPads(kase, 'in/right/item_seq', 0);
  kase.compare('out/right/scores_last', await model.scores(right.events));
  await withLayout(right, async (layout) => {
    const states = () => model.encode(right.events, layout);
    compareRows(kase, 'out/right/hidden', await numbers(states), right);
    await compareAttentions(kase, 'out/right/', model, right, layout);
    const next = targetsOf(at(kase.ints('in/right/targets'), right), 0);
    const last = lastRows(right);
    const count = kase.size('in/right/neg', 1);
    const final = targetsOf(
      last.map((row) => next.item[row] as number),
      0,
      given(kase.ints('in/right/neg'), count),
    );
    await peer.check(
      new Map([
        ['ce_right', () => mean(crossEntropy(), model, states(), next)],
        ['bpr_right_last', () => mean(bpr(drawn(count)), model, gatherRows(states(), last), final)],
        ['top1_right_last', () => mean(top1(drawn(count)), model, gatherRows(states(), last), final)],
      ]),
    );
  });

  kase.except('out/left/peer_last_is_nan', 'flags of NaNs in the peer, whose first rows see no key');
  const left = dropPads(kase, 'in/left/item_seq', 0);
  await withLayout(
    left,
    async (layout) => {
      const states = () => model.encode(left.events, layout);
      kase.compare('out/left_sane/scores_last', await numbers(() => scoresAt(model, states(), lastRows(left))));
      const next = targetsOf(at(kase.ints('in/left/targets'), left), 0);
      await peer.check(new Map([['ce_left_sane', () => mean(crossEntropy(), model, states(), next)]]));
    },
    left.starts,
  );
  model.dispose();
};

// The second tutorial listing: post-norm, sinusoids, no padding mask, untied output over n+1 ids

const seed2: Adapter = async (kase) => {
  kase.reading = 'token';
  const { config } = kase;
  const dim = kase.number('dim');
  const layers = kase.number('layers');
  const epsilon = kase.number('lnEps');
  const model = new SASRec({
    items: catalog(kase.number('numItems') + 1),
    maxLength: kase.number('maxLen'),
    dim,
    heads: kase.number('heads'),
    layers,
    dropout: 0,
    scale: config.embScale === 'sqrt(d)' ? Math.sqrt(dim) : 1,
    positions: sinusoidal(),
    block: transformerBlock({ hidden: kase.number('ffn'), activation: activationOf(config.activation), epsilon }),
    norm: config.finalLayerNorm ? layerNormalization({ epsilon }) : noNormalization(),
    output: untiedOutput({ bias: config.outputBias === true }),
  });
  const names: [string, Source][] = [
    ['item_embedding.weight', same('items.weight')],
    ...linearNames('output', 'head'),
    ...layersOf(layers, (i) => [
      ...torchAttention(`blocks.${i}.attn`, `blocks.${i}.attention`),
      ...linearNames(`blocks.${i}.ff.0`, `blocks.${i}.feedForward.up`),
      ...linearNames(`blocks.${i}.ff.3`, `blocks.${i}.feedForward.down`),
      ...linearNames(`blocks.${i}.norm1`, `blocks.${i}.norm1`),
      ...linearNames(`blocks.${i}.norm2`, `blocks.${i}.norm2`),
    ]),
  ];
  // padding_idx: lookups are all that reads this table, so cutting their gradient is freezing the row.
  const peer = new Peer(kase, model, names, { frozen: new Map([['items.weight', 0]]) });

  for (const batch of ['full', 'left', 'right']) {
    const from = allSlots(kase, `in/${batch}/item_seq`);
    const scored = kase.keys(`out/${batch}/`);
    await withLayout(from, async (layout) => {
      const scores = await numbers(() => {
        const states = model.encode(from.events, layout);
        return scoresAt(model, states, from.slots);
      });
      const [length, width] = [kase.size(`in/${batch}/item_seq`, 1), scores.length / from.slots.length];
      for (const key of scored) {
        const [, row] = /scores_row(\d+)$/.exec(key) ?? [];
        if (key.endsWith('/scores')) kase.compare(key, scores);
        else if (row)
          kase.compare(key, scores.subarray(Number(row) * length * width, (Number(row) + 1) * length * width));
        else kase.compare(key, lastScores(kase, batch, scores, length, width));
      }
    });
  }
  const left = allSlots(kase, 'in/left/item_seq');
  const next = targetsOf(kase.ints('in/left/targets'), 0);
  await withLayout(left, async (layout) => {
    const states = () => model.encode(left.events, layout);
    await peer.check(new Map([['ce_left', () => mean(crossEntropy(), model, states(), next)]]));
  });
  model.dispose();
};

/** The scores at the last event of each row: the last slot, or the one before the pads on the right. */
function lastScores(
  kase: GoldenCase,
  batch: string,
  scores: Float32Array,
  length: number,
  width: number,
): Float32Array {
  const count = scores.length / (length * width);
  const lens = kase.has(`in/${batch}/lens`) ? kase.ints(`in/${batch}/lens`) : new Int32Array(count).fill(length);
  const out = new Float32Array(count * width);
  lens.forEach((n, b) => {
    const row = b * length + n - 1;
    out.set(scores.subarray(row * width, (row + 1) * width), b * width);
  });
  return out;
}

// RecBole: normalised input, post-norm, tied output over n+1 ids, one target a sequence

const recbole: Adapter = async (kase) => {
  kase.reading = 'drop';
  const epsilon = kase.number('layer_norm_eps');
  const layers = kase.number('n_layers');
  const model = new SASRec({
    items: catalog(kase.number('numItems') + 1),
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
      activation: activationOf(kase.config.hidden_act),
      epsilon,
    }),
    norm: noNormalization(),
  });
  const peer = new Peer(kase, model, [
    ['item_embedding.weight', same('items.weight')],
    ['position_embedding.weight', same('positions.weight')],
    ...linearNames('LayerNorm', 'inputNorm'),
    ...layersOf(layers, (i) => recbolePeer.encoderLayer(`trm_encoder.layer.${i}`, `blocks.${i}`)),
  ]);
  const right = dropPads(kase, 'in/right/item_seq', 0);
  kase.compare('out/right/scores', await model.scores(right.events));
  await withLayout(right, async (layout) => {
    const user = () => gatherRows(model.encode(right.events, layout), lastRows(right));
    kase.compare('out/right/user', await numbers(user));
    await compareAttentions(kase, 'out/right/', model, right, layout);
    const positive = kase.ints('in/right/pos');
    const targets = targetsOf(positive, 0, given(kase.ints('in/right/neg'), 1));
    await peer.check(
      new Map([
        ['ce', () => mean(crossEntropy(), model, user(), targets)],
        ['bpr', () => mean(bpr(drawn(1)), model, user(), targets)],
      ]),
    );
  });
  model.dispose();
};

// pmixer's port: pads are ordinary keys, positions count from 1 with row 0 for pads, tied output

const pmixer: Adapter = async (kase) => {
  kase.reading = 'token';
  const { config } = kase;
  const dim = kase.number('dim');
  const layers = kase.number('layers');
  const epsilon = kase.number('lnEps');
  const left = allSlots(kase, 'in/left/item_seq');
  const length = kase.size('in/left/item_seq', 1);
  const positions = left.events.item.map((id, slot) => (id === 0 ? 0 : (slot % length) + 1));
  const model = new SASRec({
    items: catalog(kase.number('numItems') + 1),
    maxLength: length,
    dim,
    heads: kase.number('heads'),
    layers,
    dropout: 0,
    scale: config.embScale === 'sqrt(d)' ? Math.sqrt(dim) : 1,
    positions: explicitPositions(positions, kase.number('maxLen') + 1),
    block: transformerBlock({
      hidden: kase.size('state/forward_layers.0.conv1.weight', 0),
      activation: activationOf(config.activation),
      normFirst: config.norm_first === true,
      epsilon,
    }),
    norm: layerNormalization({ epsilon }),
  });
  const names: [string, Source][] = [
    ['item_emb.weight', same('items.weight')],
    ['pos_emb.weight', same('positions.weight')],
    ...linearNames('last_layernorm', 'norm'),
    ...layersOf(layers, (i) => [
      ...linearNames(`attention_layernorms.${i}`, `blocks.${i}.norm1`),
      ...torchAttention(`attention_layers.${i}`, `blocks.${i}.attention`),
      ...linearNames(`forward_layernorms.${i}`, `blocks.${i}.norm2`),
      ...linearNames(`forward_layers.${i}.conv1`, `blocks.${i}.feedForward.up`),
      ...linearNames(`forward_layers.${i}.conv2`, `blocks.${i}.feedForward.down`),
    ]),
  ];
  // padding_idx of both tables: no target and no negative is a pad, so cutting its lookups is freezing the row.
  const frozen = new Map([
    ['items.weight', 0],
    ['positions.weight', 0],
  ]);
  const peer = new Peer(kase, model, names, { frozen });

  kase.compare('out/left/scores', pick(await model.scores(left.events), kase.ints('in/left/candidates'), model, 0));
  await withLayout(left, async (layout) => {
    const states = () => model.encode(left.events, layout);
    compareRows(kase, 'out/left/hidden', await numbers(states), left);
    const targets = targetsOf(kase.ints('in/left/pos'), 0, given(kase.ints('in/left/neg'), 1));
    const loss = () => pairwise(model, states(), targets);
    await peer.check(
      new Map([
        ['bce', loss],
        // Theirs is λ · Σ w², without the half.
        ['bce_l2', () => tf.add(loss(), l2(model.items.weight, 2 * kase.number('l2_emb')))],
      ]),
    );
  });
  model.dispose();
};

/** A table read at a position given for each row of the one batch there is. */
function explicitPositions(positions: Int32Array, rows: number): PositionsPart {
  return {
    name: 'explicitPositions',
    options: {},
    create: ({ dim }) => new ExplicitPositions(positions, rows, dim),
  };
}

class ExplicitPositions extends Module {
  readonly weight: Parameter;
  readonly #positions: Int32Array;

  constructor(positions: Int32Array, rows: number, dim: number) {
    super();
    this.weight = new Parameter([rows, dim], (out) => out.fill(0));
    this.#positions = positions;
  }

  forward(layout: Layout): tf.Tensor2D {
    if (layout.rows !== this.#positions.length) throw new Error('The positions belong to another batch.');
    return embedding(this.weight, layout.pad(this.#positions));
  }
}

// The authors' code: the class as it is

const official: Adapter = async (kase) => {
  kase.reading = 'drop';
  const { config } = kase;
  const dim = kase.number('dim');
  const layers = kase.number('layers');
  const model = new SASRec({
    items: catalog(kase.number('numItems')),
    maxLength: kase.number('maxLen'),
    dim,
    heads: kase.number('heads'),
    layers,
    dropout: 0,
  });
  const peer = new Peer(kase, model, [
    // Row 0 of the stored table is replaced by zeros, in lookups and in scores.
    ['p.item_emb', rowsFrom('items.weight', 1)],
    // Their slots of a left-padded window are positions from the end.
    ['p.pos_emb', reversed('positions.weight')],
    ...tfNorm('p.ln_final__', 'norm'),
    ...layersOf(layers, (i) => {
      const [theirs, ours] = [`p.blocks__${i}__`, `blocks.${i}`];
      return [
        ...tfNorm(`${theirs}ln_attn__`, `${ours}.norm1`),
        ...tfNorm(`${theirs}ln_ffn__`, `${ours}.norm2`),
        ...tfDense(`${theirs}q__`, `${ours}.attention.query`),
        ...tfDense(`${theirs}k__`, `${ours}.attention.key`),
        ...tfDense(`${theirs}v__`, `${ours}.attention.value`),
        ...tfDense(`${theirs}ffn1__`, `${ours}.feedForward.up`),
        ...tfDense(`${theirs}ffn2__`, `${ours}.feedForward.down`),
      ];
    }),
  ]);

  const read = dropPads(kase, 'in/left/item_seq', 0);
  const left = renumber(read, (id) => id - 1);
  // The peer takes 101 candidates; of their scores the case stores the first columns.
  const candidates = kase.ints('in/left/candidates').subarray(0, kase.size('out/left/scores', 1));
  kase.compare('out/left/scores', pick(await model.scores(left.events), candidates, model, 1));
  await withLayout(left, async (layout) => {
    const states = () => model.encode(left.events, layout);
    compareRows(kase, 'out/left/hidden', await numbers(states), left);
    const negatives = at(kase.ints('in/left/neg'), left).map((id) => id - 1);
    const positives = at(kase.ints('in/left/pos'), left).map((id) => id - 1);
    const targets = targetsOf(positives, -1, given(negatives, 1));
    const loss = () => pairwise(model, states(), targets);
    const strength = Math.max(...(config.l2_emb as readonly number[]));
    const unused = kase
      .floats('state/p.item_emb')
      .subarray(0, dim)
      .reduce((sum, value) => sum + value * value, 0);
    const penalty = () => {
      const tables = tf.add(l2(model.items.weight, strength), l2(parameter(model, 'positions.weight'), strength));
      return tf.add(tables, (strength / 2) * unused);
    };
    await peer.check(
      new Map([
        ['bce', loss],
        ['bce_l2', () => tf.add(loss(), penalty())],
      ]),
    );
  });
  model.dispose();
};

function tfDense(theirs: string, ours: string): [string, Source][] {
  return [
    [`${theirs}kernel`, transposed(`${ours}.weight`)],
    [`${theirs}bias`, same(`${ours}.bias`)],
  ];
}

function tfNorm(theirs: string, ours: string): [string, Source][] {
  return [
    [`${theirs}gamma`, same(`${ours}.weight`)],
    [`${theirs}beta`, same(`${ours}.bias`)],
  ];
}

// WarpRec: items 0 … n-1 and the pad n, normalised input, PyTorch's encoder, one target and several negatives a sequence

const warprec: Adapter = async (kase) => {
  kase.reading = 'drop';
  const dim = kase.number('embedding_size');
  const layers = kase.number('n_layers');
  const pad = kase.number('padId');
  const model = new SASRec({
    items: catalog(kase.number('numItems')),
    maxLength: kase.number('max_seq_len'),
    dim,
    heads: kase.number('n_heads'),
    layers,
    dropout: 0,
    scale: 1,
    positions: learnedFromStart(),
    inputNorm: layerNormalization({ epsilon: 1e-8 }),
    block: transformerBlock({ hidden: kase.number('inner_size'), activation: gelu }),
    norm: noNormalization(),
  });
  const peer = new Peer(kase, model, [
    // The last row, the pad's, is the peer's alone.
    ['item_embedding.weight', same('items.weight')],
    ['position_embedding.weight', same('positions.weight')],
    ...linearNames('layernorm', 'inputNorm'),
    ...layersOf(layers, (i) => {
      const [theirs, ours] = [`transformer_encoder.layers.${i}`, `blocks.${i}`];
      return [
        ...torchAttention(`${theirs}.self_attn`, `${ours}.attention`),
        ...linearNames(`${theirs}.linear1`, `${ours}.feedForward.up`),
        ...linearNames(`${theirs}.linear2`, `${ours}.feedForward.down`),
        ...linearNames(`${theirs}.norm1`, `${ours}.norm1`),
        ...linearNames(`${theirs}.norm2`, `${ours}.norm2`),
      ];
    }),
  ]);
  const right = dropPads(kase, 'in/right/item_seq', pad);
  kase.compare('out/right/scores', await model.scores(right.events));
  await withLayout(right, async (layout) => {
    const user = () => gatherRows(model.encode(right.events, layout), lastRows(right));
    kase.compare('out/right/user', await numbers(user));
    const positive = kase.ints('in/right/pos');
    const negative = kase.ints('in/right/neg');
    const count = kase.size('in/right/neg', 1);
    const targets = targetsOf(positive, pad, given(negative, count));
    // Their regulariser counts the pad rows that were looked up, too: a constant.
    const padRow = kase.floats('state/item_embedding.weight').subarray(pad * dim, (pad + 1) * dim);
    const pads = (right.size - right.slots.length) * padRow.reduce((sum, value) => sum + value * value, 0);
    const lookedUp = Int32Array.from([...right.events.item, ...positive, ...negative]);
    const strength = kase.number('reg_weight') / positive.length;
    await peer.check(
      new Map([
        [
          'bpr_reg',
          () => {
            const loss = mean(bpr(drawn(count)), model, user(), targets);
            const penalty = tf.add(l2(model.items.weight, strength, lookedUp), (strength / 2) * pads);
            return tf.add(loss, penalty);
          },
        ],
      ]),
    );
  });
  model.dispose();
};

export const adapters: AdapterTable = [
  [/^sasrec_seed0/, seed0],
  [/^sasrec_seed2/, seed2],
  [/^sasrec_recbole/, recbole],
  [/^sasrec_pmixer/, pmixer],
  [/^sasrec_official/, official],
  [/^sasrec_warprec/, warprec],
];
