/** RecTools' SASRec: the authors' block with an output projection, positions from the end, pre-norm and LiGR variants. */
import * as tf from '@tensorflow/tfjs-core';
import {
  type BlockPart,
  crossEntropy,
  feedForward,
  gatherRows,
  gbce,
  gelu,
  HSTU,
  type HSTUBlock,
  Layout,
  type Loss,
  layerNormalization,
  ligrBlock,
  Module,
  type NormalizationPart,
  noNormalization,
  type PairBias,
  type PairBiasPart,
  Ragged,
  relativePositions,
  relativeTimes,
  SASRec,
  type SequenceBlock,
  sampledSoftmax,
  sasrecBlock,
  swiglu,
  type TokenBlock,
  tensorOf,
  transformerBlock,
} from 'seqrec';
import type { Adapter, AdapterTable, GoldenCase } from '../case.ts';
import { allSlots, catalog, compareRows, dropPads, lastRows, type Window, withLayout } from '../padded.ts';
import { linearNames, numbers, Peer, type Source, same, torchAttention } from '../peer.ts';
import { drawn, given, scoresAt, targetsOf } from '../questions.ts';

const BLOCKS = 'transformer_layers.transformer_blocks';

/** Pads act as keys: every slot is a row, and pad rows are set to 0 before each block and before the last norm. */
const plain: Adapter = async (kase) => {
  kase.reading = 'token';
  const left = allSlots(kase, 'in/left/x');
  const masked = maskOf(left.events.item);
  const model = build(kase, {
    block: maskedBlock(sasrecBlock({ outputProjection: true, epsilon: 1e-5 }), masked),
    norm: maskedNormalization(layerNormalization({ epsilon: 1e-8 }), masked),
  });
  const peer = new Peer(kase, model, [
    ...tableNames(),
    ...linearNames('transformer_layers.last_layernorm', 'norm.inner'),
    ...layerNames(kase, (theirs, ours) => [
      ...linearNames(`${theirs}.q_layer_norm`, `${ours}.inner.norm1`),
      ...linearNames(`${theirs}.ff_layer_norm`, `${ours}.inner.norm2`),
      ...shared(theirs, `${ours}.inner`),
    ]),
  ]);
  await compare(kase, model, peer, left);
};

/** Pads are masked as keys: they are left out. */
const preNorm: Adapter = async (kase) => {
  if (kase.config.kpm !== true) throw new Error('The pre-norm variant is read only with a key padding mask.');
  kase.reading = 'drop';
  const hidden = kase.size(`state/${BLOCKS}.0.feed_forward.ff_linear_1.weight`, 0);
  const model = build(kase, {
    block: transformerBlock({ hidden, activation: gelu, normFirst: true }),
    norm: noNormalization(),
  });
  const peer = new Peer(kase, model, [
    ...tableNames(),
    ...layerNames(kase, (theirs, ours) => [
      ...linearNames(`${theirs}.layer_norm_1`, `${ours}.norm1`),
      ...linearNames(`${theirs}.layer_norm_2`, `${ours}.norm2`),
      ...shared(theirs, ours),
    ]),
  ]);
  await compare(kase, model, peer, dropPads(kase, 'in/left/x', 0));
};

/** eSASRec. Without a key padding mask, pads are ordinary rows. */
const ligr: Adapter = async (kase) => {
  const masked = kase.config.kpm === true;
  kase.reading = masked ? 'drop' : 'token';
  const inner = `${BLOCKS}.0.feed_forward.ff_linear_`;
  const hidden = kase.size(`state/${inner}1.weight`, 0);
  const bias = kase.has(`state/${inner}1.bias`);
  const gated = kase.has(`state/${inner}3.weight`);
  const network = gated ? swiglu({ hidden, bias }) : feedForward({ hidden, bias, activation: gelu });
  const model = build(kase, { block: ligrBlock({ feedForward: network }), norm: noNormalization() });
  const map = (theirs: string, ours: string): [string, Source][] => [
    [`${theirs}.weight`, same(`${ours}.weight`)],
    ...(bias ? [[`${theirs}.bias`, same(`${ours}.bias`)] as [string, Source]] : []),
  ];
  const peer = new Peer(kase, model, [
    ...tableNames(),
    ...layerNames(kase, (theirs, ours) => [
      ...torchAttention(`${theirs}.multi_head_attn`, `${ours}.attention`),
      ...[1, 2].flatMap((i) => [
        ...linearNames(`${theirs}.layer_norm_${i}`, `${ours}.norm${i}`),
        ...linearNames(`${theirs}.gating_linear_${i}`, `${ours}.gate${i}`),
      ]),
      ...map(`${theirs}.feed_forward.ff_linear_1`, `${ours}.feedForward.${gated ? 'gate' : 'up'}`),
      ...map(`${theirs}.feed_forward.ff_linear_2`, `${ours}.feedForward.down`),
      ...(gated ? map(`${theirs}.feed_forward.ff_linear_3`, `${ours}.feedForward.up`) : []),
    ]),
  ]);
  await compare(kase, model, peer, masked ? dropPads(kase, 'in/left/x', 0) : allSlots(kase, 'in/left/x'));
};

function build(kase: GoldenCase, parts: { block: BlockPart; norm: NormalizationPart }): SASRec {
  const dim = kase.number('d');
  return new SASRec({
    items: catalog(kase.number('numItems') + 1),
    maxLength: kase.number('L'),
    dim,
    heads: kase.number('H'),
    layers: kase.number('layers'),
    dropout: 0,
    scale: kase.config.scale === true ? Math.sqrt(dim) : 1,
    ...parts,
  });
}

async function compare(kase: GoldenCase, model: SASRec, peer: Peer, left: Window): Promise<void> {
  const target = kase.ints('in/left/y');
  const weights = kase.floats('in/left/yw');
  const count = kase.size('in/left/negatives', 2);
  const drawnIds = kase.ints('in/left/negatives');
  await withLayout(left, async (layout) => {
    const states = () => model.encode(left.events, layout);
    compareRows(kase, 'out/left/hidden', await numbers(states), left);
    kase.compare('out/left/scores_last', await numbers(() => scoresAt(model, states(), lastRows(left))));

    // Every loss is a weighted sum over the slots that have a target, divided by their number.
    const slots = left.slots.filter((slot) => target[slot] !== 0);
    const rows = Int32Array.from(left.slots.keys()).filter((row) => target[left.slots[row] as number] !== 0);
    const item = slots.map((slot) => target[slot] as number);
    const weight = Float32Array.from(slots, (slot) => weights[slot] as number);
    const negatives = Int32Array.from(
      [...slots].flatMap((slot) => [...drawnIds.subarray(slot * count, (slot + 1) * count)]),
    );
    const asked = () => gatherRows(states(), rows);
    // Losses with negatives know of items only: ids 1 … n are rows 0 … n-1 of the table without the pad's.
    const against = (loss: Loss) => () => {
      const output = { weight: tf.slice(tensorOf(model.items.weight) as tf.Tensor2D, [1, 0]) };
      const row = (id: number) => id - 1;
      const targets = { item: item.map(row), weight, negatives: given(negatives.map(row), count) };
      return tf.div(loss.forward(asked(), output, targets), slots.length) as tf.Scalar;
    };
    const losses = new Map<string, () => tf.Scalar>([
      ['softmax', () => tf.div(crossEntropy().forward(asked(), model.output(), { item, weight }), slots.length)],
      ['sampled_softmax', against(sampledSoftmax({ ...drawn(count), logQ: false }))],
      // A mean over the 1 + K scores, where our bce is their sum.
      ['bce', against(gbce({ ...drawn(count), t: 0 }))],
    ]);
    for (const key of kase.keys('loss/gbce')) {
      const name = key.slice('loss/'.length);
      losses.set(name, against(gbce({ ...drawn(count), t: Number(name.replace(/^gbce_t/, '')) })));
    }
    await peer.check(losses);
  });
  model.dispose();
}

// HSTU

/** Through the class, with times as a part of this file's, since RecTools' rows ask at the time of the next event. */
const hstu: Adapter = async (kase) => {
  kase.reading = 'drop';
  const timed = kase.config.time === true;
  const placed = kase.config.pos === true;
  if (timed)
    kase.composed =
      'a row asks at the time of the next event, which ours does not know: relativeTimes() over rows moved by one';
  const dim = kase.number('d');
  const left = dropPads(kase, 'in/left/x', 0);
  const model = new HSTU({
    items: catalog(kase.number('numItems') + 1),
    maxLength: kase.number('L'),
    dim,
    heads: kase.number('H'),
    layers: kase.number('layers'),
    dropout: 0,
    biases: [
      ...(timed ? [nextTimes(relativeTimes({ buckets: kase.number('num_buckets') }), timesOf(kase, left))] : []),
      ...(placed ? [relativePositions()] : []),
    ],
  });
  const blocks = 'transformer_layers.stu_blocks';
  const peer = new Peer(kase, model, [
    ...tableNames(),
    ...Array.from({ length: kase.number('layers') }, (_, i): [string, Source][] => {
      const [theirs, ours] = [`${blocks}.${i}`, `blocks.${i}`];
      const part = (name: string, at: number) => ({
        path: `${ours}.${name}.weight`,
        // Theirs is [in, 4 · out].
        scatter: (place: number) => [(place % dim) * 4 * dim + at * dim + Math.floor(place / dim), 1] as const,
      });
      return [
        [`${theirs}.uvqk_proj`, { pieces: ['gate', 'value', 'query', 'key'].map(part) }],
        ...(timed
          ? [[`${theirs}.rel_attn.time_weights`, same(`${ours}.biases.0.inner.weight`)] as [string, Source]]
          : []),
        ...(placed
          ? [[`${theirs}.rel_attn.pos_weights`, same(`${ours}.biases.${timed ? 1 : 0}.weight`)] as [string, Source]]
          : []),
        ...linearNames(`${theirs}.norm_input`, `${ours}.norm`),
        ...linearNames(`${theirs}.norm_attn_output`, `${ours}.attentionNorm`),
        ...linearNames(`${theirs}.output_mlp`, `${ours}.output`),
      ];
    }).flat(),
  ]);
  await withLayout(left, async (layout) => {
    const states = () => model.encode(left.events, layout);
    compareRows(kase, 'out/left/hidden', await numbers(states), left);
    await compareBiases(kase, model, left, layout);
    const { item, weight } = targetsOf(kase.ints('in/left/y'), -1);
    const last = () => gatherRows(states(), lastRows(left));
    const loss = () =>
      tf.div(crossEntropy().forward(last(), model.output(), { item, weight }), item.length) as tf.Scalar;
    await peer.check(new Map([['ce_last', loss]]));
  });
  model.dispose();
};

/** What is added to the products of all pairs of the first sequences, in the first block. */
async function compareBiases(kase: GoldenCase, model: HSTU, { events, slots }: Window, layout: Layout): Promise<void> {
  const key = 'out/left/rel_attn_block0';
  const [sequences, length] = kase.shape(key) as [number, number];
  const biases = (model.blocks[0] as HSTUBlock).biases.map((bias) => () => bias.forward(layout, layout, events));
  const sum = await numbers(() => biases.map((of) => of()).reduce((total, next) => tf.add(total, next)));
  const spread = new Float32Array(sequences * length * length);
  const kept = new Set<number>();
  let pair = 0;
  for (let b = 0; b < sequences; b++) {
    const own = slots.subarray(layout.offsets[b], layout.offsets[b + 1]);
    for (const query of own) {
      for (const slot of own) {
        const at = query * length + (slot % length);
        kept.add(at);
        spread[at] = sum[pair++] as number;
      }
    }
  }
  kase.compare(key, spread, { where: { keep: (i) => kept.has(i), why: 'pad slots of a drop case' } });
}

/** The times of the events and of the one after the last, sequence by sequence. */
function timesOf(kase: GoldenCase, { events, slots }: Window): Ragged {
  const [length, stored] = [kase.size('in/left/x', 1), kase.ints('in/left/unix_ts')];
  const offsets = events.offsets.map((row, b) => row + b);
  const time = new Float64Array(offsets.at(-1) as number);
  for (let b = 0; b < events.count; b++) {
    const first = slots[events.offsets[b] as number] as number;
    for (let i = 0; i <= events.length(b); i++) {
      time[(offsets[b] as number) + i] = stored[first + Math.floor(first / length) + i] as number;
    }
  }
  return new Ragged(offsets, { item: new Int32Array(time.length), time });
}

function nextTimes(inner: PairBiasPart, longer: Ragged): PairBiasPart {
  return { name: 'nextTimes', options: {}, create: (size) => new NextTimes(inner.create(size), longer) };
}

/** A bias of which every query has the time of the next event. */
class NextTimes extends Module implements PairBias {
  readonly inner: PairBias;
  readonly #longer: Ragged;

  constructor(inner: PairBias, longer: Ragged) {
    super();
    this.inner = inner;
    this.#longer = longer;
  }

  forward(queries: Layout): tf.Tensor2D {
    const starts = new Int32Array(queries.count).fill(1);
    const moved = queries.derived('moved', () => new Layout(queries.offsets, { starts }));
    const all = queries.derived('all', () => new Layout(this.#longer));
    const pairs = this.inner.forward(moved, all, this.#longer);
    const rows: number[] = [];
    let pair = 0;
    for (let b = 0; b < queries.count; b++) {
      const keys = queries.length(b) + 1;
      for (let i = 0; i < queries.length(b) * keys; i++, pair++) if (i % keys < keys - 1) rows.push(pair);
    }
    return gatherRows(pairs, Int32Array.from(rows));
  }
}

// Names

function tableNames(): [string, Source][] {
  return [
    ['item_model.ids_emb.weight', same('items.weight')],
    ['pos_encoding_layer.pos_emb.weight', same('positions.weight')],
  ];
}

function layerNames(kase: GoldenCase, names: (theirs: string, ours: string) => [string, Source][]): [string, Source][] {
  return Array.from({ length: kase.number('layers') }, (_, i) => names(`${BLOCKS}.${i}`, `blocks.${i}`)).flat();
}

function shared(theirs: string, ours: string): [string, Source][] {
  return [
    ...torchAttention(`${theirs}.multi_head_attn`, `${ours}.attention`),
    ...linearNames(`${theirs}.feed_forward.ff_linear_1`, `${ours}.feedForward.up`),
    ...linearNames(`${theirs}.feed_forward.ff_linear_2`, `${ours}.feedForward.down`),
  ];
}

// Parts that set pad rows to 0 before another part

type Mask = (x: tf.Tensor2D) => tf.Tensor2D;

function maskOf(ids: Int32Array): Mask {
  return (x) =>
    tf.mul(
      x,
      tf.tensor2d(
        Float32Array.from(ids, (id) => (id === 0 ? 0 : 1)),
        [ids.length, 1],
      ),
    );
}

function maskedBlock(inner: BlockPart, mask: Mask): BlockPart {
  return { name: 'maskedBlock', options: {}, create: (size) => new MaskedBlock(inner.create(size), mask) };
}

function maskedNormalization(inner: NormalizationPart, mask: Mask): NormalizationPart {
  return { name: 'maskedNormalization', options: {}, create: (dim) => new MaskedNorm(inner.create(dim), mask) };
}

class MaskedBlock extends Module {
  readonly inner: SequenceBlock;
  readonly #mask: Mask;

  constructor(inner: SequenceBlock, mask: Mask) {
    super();
    this.inner = inner;
    this.#mask = mask;
  }

  forward(x: tf.Tensor2D, layout: Layout): tf.Tensor2D {
    return this.inner.forward(this.#mask(x), layout);
  }
}

class MaskedNorm extends Module {
  readonly inner: TokenBlock;
  readonly #mask: Mask;

  constructor(inner: TokenBlock, mask: Mask) {
    super();
    this.inner = inner;
    this.#mask = mask;
  }

  forward(x: tf.Tensor2D): tf.Tensor2D {
    return this.inner.forward(this.#mask(x));
  }
}

export const adapters: AdapterTable = [
  [/^rectools_sasrec/, plain],
  [/^rectools_preln/, preNorm],
  [/^rectools_ligr/, ligr],
  [/^rectools_hstu/, hstu],
];
