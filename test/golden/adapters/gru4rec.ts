/** GRU4Rec: the authors' session-parallel steps, and the plain recurrent models of others. */
import * as tf from '@tensorflow/tfjs-core';
import {
  bpr,
  bprMax,
  constrainedEmbedding,
  crossEntropy,
  Embedding,
  Examples,
  GRU,
  GRU4Rec,
  gatherRows,
  Interactions,
  inBatch,
  Layout,
  Linear,
  l2,
  linear,
  type Negatives,
  nextItem,
  type OutputHead,
  oneHotEmbedding,
  Ragged,
  SequenceModel,
  sampledSoftmax,
  separateEmbedding,
  sessionParallel,
  tiedOutput,
  top1,
  withGradient,
} from 'seqrec';
import type { Adapter, AdapterTable, GoldenCase } from '../case.ts';
import { allSlots, at, catalog, dropPads, lastRows, withLayout } from '../padded.ts';
import { linearNames, numbers, Peer, type Piece, type Source, same, torchGruNames } from '../peer.ts';
import { drawn, given, mean, scoresAt, targetsOf } from '../questions.ts';

// The tutorial listings: nn.GRU and a linear map to scores, which is GRU4Rec with separate tables

function plain(kase: GoldenCase): GRU4Rec {
  const layers = kase.number('layers');
  return new GRU4Rec({
    items: catalog(kase.size('state/item_embedding.weight', 0)),
    hidden: new Array<number>(layers).fill(kase.number('hidden')),
    embedding: separateEmbedding({ dim: kase.number('dim') }),
    bias: kase.has('state/gru.bias_ih_l0'),
  });
}

function plainNames(kase: GoldenCase): [string, Source][] {
  return [
    ['item_embedding.weight', same('input.table.weight')],
    ...torchGruNames('gru', 'gru', kase.number('layers'), kase.has('state/gru.bias_ih_l0')),
    ...linearNames('output', 'head'),
  ];
}

const seed0: Adapter = async (kase) => {
  kase.reading = 'drop';
  const model = plain(kase);
  const peer = new Peer(kase, model, plainNames(kase));
  const right = dropPads(kase, 'in/right/item_seq', 0);
  kase.compare('out/right/scores_packed', await model.scores(right.events));
  for (const side of ['left', 'right']) {
    // Here pads run through the GRU: a window of tokens.
    kase.compare(`out/${side}/scores_unpacked`, await model.scores(allSlots(kase, `in/${side}/item_seq`).events));
  }
  await withLayout(right, async (layout) => {
    const last = () => gatherRows(model.encode(right.events, layout), lastRows(right));
    const count = kase.size('in/right/neg', 1);
    const targets = targetsOf(kase.ints('in/right/target'), 0, given(kase.ints('in/right/neg'), count));
    await peer.check(
      new Map([
        ['ce_packed', () => mean(crossEntropy(), model, last(), targets)],
        ['bpr_packed', () => mean(bpr(drawn(count)), model, last(), targets)],
        ['top1_packed', () => mean(top1(drawn(count)), model, last(), targets)],
      ]),
    );
  });
  model.dispose();
};

const seed2: Adapter = async (kase) => {
  kase.reading = 'token';
  const model = plain(kase);
  const peer = new Peer(kase, model, plainNames(kase), { frozen: new Map([['input.table.weight', 0]]) });
  const left = allSlots(kase, 'in/left/item_seq');
  kase.compare('out/left/scores_last', await model.scores(left.events));
  await withLayout(left, async (layout) => {
    kase.compare('out/left/hidden', await numbers(() => tf.concat(model.encodeFrom(left.events, layout).after)));
    // The rest of the window from the state that its first half left.
    const half = Math.floor(kase.size('in/left/item_seq', 1) / 2);
    const all = [...left.starts.keys()];
    const first = left.events.slice(
      all,
      () => 0,
      () => half,
    );
    const rest = left.events.slice(all, () => half);
    using ofFirst = new Layout(first);
    using ofRest = new Layout(rest);
    const resumed = () => {
      const { states } = model.encodeFrom(rest, ofRest, model.encodeFrom(first, ofFirst).after);
      return scoresAt(model, states, ofRest.lastRows());
    };
    kase.compare('out/left/scores_last_resumed', await numbers(resumed));
    const targets = targetsOf(at(kase.ints('in/left/targets'), left), 0);
    await peer.check(
      new Map([['ce_left', () => mean(crossEntropy(), model, model.encode(left.events, layout), targets)]]),
    );
  });
  model.dispose();
};

// RecBole and WarpRec: a GRU without biases whose states are mapped to the width of the tied table

class Projected extends SequenceModel {
  static override readonly modelName: string = 'Projected';
  readonly items: Embedding;
  readonly gru: GRU;
  readonly dense: Linear;
  readonly head: OutputHead;

  constructor(rows: number, kase: GoldenCase) {
    super({ items: catalog(rows) });
    const [dim, width] = [kase.number('embedding_size'), kase.number('hidden_size')];
    this.items = new Embedding(rows, dim);
    const hidden = new Array<number>(kase.number('num_layers')).fill(width);
    this.gru = new GRU({ inputs: dim, hidden, bias: false });
    this.dense = new Linear(width, dim);
    this.head = tiedOutput().create({ items: this.items, count: rows, dim });
  }

  override encode(events: Ragged, layout: Layout) {
    return this.dense.forward(this.gru.forward(this.items.forward(events.item), layout));
  }

  override output() {
    return this.head.output();
  }
}

function projectedNames(kase: GoldenCase): [string, Source][] {
  return [
    ['item_embedding.weight', same('items.weight')],
    ...torchGruNames('gru_layers', 'gru', kase.number('num_layers'), false),
    ...linearNames('dense', 'dense'),
  ];
}

const recbole: Adapter = async (kase) => {
  kase.reading = 'drop';
  const model = new Projected(kase.number('numItems') + 1, kase);
  const peer = new Peer(kase, model, projectedNames(kase));
  const right = dropPads(kase, 'in/right/item_seq', 0);
  kase.compare('out/right/scores', await model.scores(right.events));
  await withLayout(right, async (layout) => {
    const user = () => gatherRows(model.encode(right.events, layout), lastRows(right));
    kase.compare('out/right/user', await numbers(user));
    const targets = targetsOf(kase.ints('in/right/pos'), 0, given(kase.ints('in/right/neg'), 1));
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
  const pad = kase.number('padId');
  const dim = kase.number('embedding_size');
  const model = new Projected(kase.number('numItems'), kase);
  const peer = new Peer(kase, model, projectedNames(kase)); // the table's last row, the pad's, is the peer's alone
  const right = dropPads(kase, 'in/right/item_seq', pad);
  kase.compare('out/right/scores', await model.scores(right.events));
  await withLayout(right, async (layout) => {
    const user = () => gatherRows(model.encode(right.events, layout), lastRows(right));
    kase.compare('out/right/user', await numbers(user));
    const [positive, negative] = [kase.ints('in/right/pos'), kase.ints('in/right/neg')];
    const count = kase.size('in/right/neg', 1);
    const targets = targetsOf(positive, pad, given(negative, count));
    // Their regulariser counts the pad rows that were looked up, too: a constant.
    const padRow = kase.floats('state/item_embedding.weight').subarray(pad * dim, (pad + 1) * dim);
    const pads = (right.size - right.slots.length) * padRow.reduce((sum, value) => sum + value * value, 0);
    const lookedUp = Int32Array.from([...right.events.item, ...positive, ...negative]);
    const strength = kase.number('reg_weight') / positive.length;
    const loss = () => {
      const penalty = tf.add(l2(model.items.weight, strength, lookedUp), (strength / 2) * pads);
      return tf.add(mean(bpr(drawn(count)), model, user(), targets), penalty) as tf.Scalar;
    };
    await peer.check(new Map([['bpr_reg', loss]]));
  });
  model.dispose();
};

// The authors: steps of one event a session, states carried without a gradient

const official: Adapter = async (kase) => {
  const hidden = kase.config.layers as number[];
  const oneHot = kase.has('state/GE.Wx0.weight');
  const separate = kase.has('state/E.weight');
  const model = new GRU4Rec({
    items: catalog(kase.number('numItems')),
    hidden,
    embedding: oneHot
      ? oneHotEmbedding()
      : separate
        ? separateEmbedding({ dim: kase.number('embedding') })
        : constrainedEmbedding(),
  });
  const cells = hidden.length - (oneHot ? 1 : 0);
  const peer = new Peer(kase, model, [
    ['Wy.weight', same(oneHot || separate ? 'head.weight' : 'input.table.weight')],
    ['By.weight', same('head.bias')],
    ...(separate ? [['E.weight', same('input.table.weight')] as [string, Source]] : []),
    ...(oneHot ? oneHotNames(hidden[0] as number) : []),
    ...Array.from({ length: cells }, (_, i) =>
      ['weight', 'bias'].flatMap((leaf): [string, Source][] => [
        [`G.${i}.${leaf}_ih`, same(`gru.layers.${i}.input.${leaf}`)],
        [`G.${i}.${leaf}_hh`, same(`gru.layers.${i}.state.${leaf}`)],
      ]),
    ).flat(),
  ]);

  const [steps, batch] = kase.shape('in/steps/in_items') as [number, number];
  const row = (key: string, step: number) => {
    const width = kase.size(key, 1);
    return kase.ints(key).subarray(step * width, (step + 1) * width);
  };
  /** Visits the states of each step and returns what the last one left behind. */
  const walk = (visit: (states: tf.Tensor2D, step: number) => void, until = steps): tf.Tensor2D[] => {
    let carried: tf.Tensor2D[] = [];
    for (let step = 0; step < until; step++) {
      const events = Ragged.from([...row('in/steps/in_items', step)].map((item) => [item]));
      const keep = tf.tensor2d(
        row('in/steps/reset_before', step).map((reset) => 1 - reset),
        [batch, 1],
        'float32',
      );
      const before = carried.map((state) => tf.mul(detached(state), keep) as tf.Tensor2D);
      const layout = layoutOf(events);
      const { states, after } = model.encodeFrom(events, layout, step > 0 ? before : undefined);
      visit(states, step);
      carried = after;
    }
    return carried;
  };
  const layouts = new Map<number, Layout>();
  const layoutOf = (events: Ragged) => layouts.get(events.count) ?? newLayout(events, layouts);

  const asked = (step: number, logQ: boolean): Negatives => {
    const [targets, samples] = [row('in/steps/out_items', step), row('in/steps/neg_samples', step)];
    const [counts, alpha] = [kase.floats('in/steps/item_pop'), kase.number('sample_alpha')];
    const q = (rows: Int32Array, power: number) => Array.from(rows, (item) => power * Math.log(counts[item] as number));
    return {
      items: Int32Array.from([...targets, ...samples]),
      shared: true,
      count: targets.length + samples.length,
      own: Int32Array.from(targets.keys()),
      ...(logQ && {
        logQ: Float32Array.from([...q(targets, 1), ...q(samples, alpha)]),
        targetLogQ: Float32Array.from(q(targets, 1)),
      }),
    };
  };
  const options = { negatives: kase.number('n_sample'), sampler: inBatch() };
  const total =
    (loss: ReturnType<typeof bprMax>, logQ = false) =>
    () => {
      const losses: tf.Scalar[] = [];
      walk((states, step) => {
        const targets = targetsOf(row('in/steps/out_items', step), -1, asked(step, logQ));
        losses.push(mean(loss, model, states, targets));
      });
      return losses.reduce((sum, each) => tf.add(sum, each));
    };
  const losses = new Map([['xe', total(sampledSoftmax({ ...options, logQ: false }))]]);
  for (const key of kase.keys('loss/')) {
    const name = key.slice('loss/'.length);
    const [, factor] = /^xe_logq([\d.]+)$/.exec(name) ?? [];
    if (factor) losses.set(name, total(sampledSoftmax({ ...options, logQ: Number(factor) }), true));
    const [, elu, regularization] = /^bprmax_(?:no)?elu([\d.]*)_reg([\d.]+)$/.exec(name) ?? [];
    if (regularization) {
      losses.set(name, total(bprMax({ ...options, elu: Number(elu), regularization: Number(regularization) })));
    }
  }
  await peer.check(losses);

  const { weight, bias } = model.output();
  const first = () => {
    let scores: tf.Tensor | undefined;
    walk((states) => (scores = linear(states, weight, bias)), 1);
    return scores as tf.Tensor;
  };
  kase.compare('out/first/full_scores', await numbers(first));
  kase.compare(
    'out/steps/final_hidden',
    await numbers(() =>
      tf.concat(
        walk(() => {}),
        1,
      ),
    ),
  );
  const sampled = () => {
    const scores: tf.Tensor[] = [];
    walk((states, step) => {
      const items = tf.tensor1d(asked(step, false).items, 'int32');
      scores.push(tf.gather(linear(states, weight, bias), items, 1));
    });
    return tf.stack(scores);
  };
  kase.compare('out/steps/sampled_scores', await numbers(sampled));
  for (const layout of layouts.values()) layout.dispose();
  model.dispose();
};

function newLayout(events: Ragged, layouts: Map<number, Layout>): Layout {
  const layout = new Layout(events);
  layouts.set(events.count, layout);
  return layout;
}

/** No gradient flows back. */
function detached(x: tf.Tensor2D): tf.Tensor2D {
  return withGradient(
    [x],
    () => tf.clone(x),
    (dy: tf.Tensor2D) => [tf.zerosLike(dy)],
  );
}

/** Theirs has the candidate first, then reset and update, and its update gate weighs the candidate. */
function oneHotNames(width: number): [string, Source][] {
  const signs = [1, -1, 1] as const; // of our r, z, n
  const theirPart = [1, 2, 0]; // of x, r, z
  const column = (ours: number): [number, 1 | -1] => {
    const gate = Math.floor(ours / width);
    return [(theirPart[gate] as number) * width + (ours % width), signs[gate] as 1 | -1];
  };
  const table = (ours: number): [number, 1 | -1] => {
    const [place, sign] = column(ours % (3 * width));
    return [Math.floor(ours / (3 * width)) * 3 * width + place, sign];
  };
  /** Ours is `[3H, H]`, theirs `[H, 2H]` for r and z and `[H, H]` for n. */
  const gates = (ours: number): [number, 1 | -1] | undefined => {
    const [unit, input] = [Math.floor(ours / width), ours % width];
    return unit < 2 * width ? [input * 2 * width + unit, signs[Math.floor(unit / width)] as 1 | -1] : undefined;
  };
  const candidate = (ours: number): [number, 1 | -1] | undefined => {
    const [unit, input] = [Math.floor(ours / width), ours % width];
    return unit < 2 * width ? undefined : [input * width + unit - 2 * width, 1];
  };
  const source = (path: string, scatter: Piece['scatter']): Source => ({ pieces: [{ path, scatter }] });
  return [
    ['GE.Wx0.weight', source('input.table.weight', table)],
    ['GE.Bh0', source('input.state.bias', column)],
    ['GE.Wrz0', source('input.state.weight', gates)],
    ['GE.Wh0', source('input.state.weight', candidate)],
  ];
}

// Batches

const steps: Adapter = async (kase) => {
  const [item, session, time] = ['item', 'session', 'time'].map((name) => kase.ints(`in/${name}`)) as Int32Array[];
  const rows = Array.from(item as Int32Array, (id, i) => ({
    user: session?.[i] as number,
    item: id,
    time: time?.[i] as number,
  }));
  const log = Interactions.from(rows);
  const objective = sessionParallel({ least: 2 });
  const examples = new Examples(log.sequences, { maxLength: 1, rule: objective.examples });
  const batch = kase.number('batch');
  const taken = [...(objective.steps?.(examples, batch) ?? [])];
  const table = (value: (step: number, lane: number) => number) =>
    taken.flatMap((_, step) => Array.from({ length: batch }, (_, lane) => value(step, lane)));
  const context = {
    maxLength: 1,
    items: log.items.size,
    stream: () => {
      throw new Error('There is nothing to draw.');
    },
  };
  const batches = taken.map((which) => objective.batch(examples.take(which), context));
  kase.compare(
    'out/in_idx',
    table((step, lane) => batches[step]?.inputs.item[lane] ?? -1),
  );
  kase.compare(
    'out/out_idx',
    table((step, lane) => batches[step]?.targets.item[lane] ?? -1),
  );
  kase.compare('out/item_ids_by_index', log.items.ids as number[]);
  // A session has ended when its last example was taken; a place is kept while there are sessions.
  const ended = (example: number) => example + 1 === examples.firstOf(examples.sequenceOf(example) + 1);
  const before = (step: number, lane: number) => taken[step - 1]?.[lane];
  kase.compare(
    'out/finished_before',
    table((step, lane) => {
      const example = before(step, lane);
      return Number(example !== undefined && ended(example));
    }),
  );
  const open = (step: number) => {
    let free = (taken[step]?.length ?? 0) - [...(taken[step - 1] ?? [])].filter((example) => !ended(example)).length;
    return [...(taken[step - 1] ?? [])].map((example) => Number(!ended(example) || free-- > 0));
  };
  kase.compare(
    'out/kept_before',
    table((step, lane) => (step === 0 ? 1 : (open(step)[lane] ?? 0))),
  );
  const order = new Set(
    taken.flatMap((which) => [...which].map((example) => log.user(examples.sequenceOf(example)) as number)),
  );
  kase.compare('out/session_order', [...order]);
};

/** Short sessions are filled with pads, which are ordinary events here; `nextItem` cuts and shifts. */
const windows: Adapter = async (kase) => {
  kase.reading = 'token';
  const length = kase.number('maxLen');
  const [items, offsets] = [kase.ints('in/items'), kase.ints('in/offsets')];
  const sessions = Array.from({ length: offsets.length - 1 }, (_, b) => [
    ...items.subarray(offsets[b], offsets[b + 1]),
  ]);
  const padded = sessions.map((session) => [
    ...new Array<number>(Math.max(0, length - session.length)).fill(0),
    ...session,
  ]);
  const examples = new Examples(Ragged.from(padded), { maxLength: length - 1 });
  const context = {
    maxLength: length - 1,
    items: Math.max(...items) + 1,
    stream: () => {
      throw new Error('There is nothing to draw.');
    },
  };
  const { inputs, targets } = nextItem().batch(examples.take(Int32Array.from(padded.keys())), context);
  kase.compare('out/x', inputs.item);
  kase.compare('out/y', targets.item);
};

export const adapters: AdapterTable = [
  [/^gru4rec_seed0/, seed0],
  [/^gru4rec_seed2/, seed2],
  [/^gru4rec_recbole/, recbole],
  [/^gru4rec_warprec/, warprec],
  [/^gru4rec_official/, official],
  [/^session_parallel_/, steps],
  [/^windows_seed2/, windows],
];
