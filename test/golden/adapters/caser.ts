/** Caser: the authors' code, the tutorials', RecBole's and WarpRec's; and the windows of d2l. */
import * as tf from '@tensorflow/tfjs-core';
import {
  type Activation,
  bpr,
  Caser,
  crossEntropy,
  Embedding,
  Examples,
  embedding,
  HorizontalConvolution,
  Layout,
  Linear,
  type LossTargets,
  l2,
  linear,
  logSigmoid,
  Module,
  type Negatives,
  type Parameter,
  Ragged,
  Rng,
  relu,
  sigmoid,
  slidingWindows,
  tanh,
  tensorOf,
  VerticalConvolution,
  withGradient,
} from 'seqrec';
import type { Adapter, AdapterTable, GoldenCase } from '../case.ts';
import { catalog } from '../padded.ts';
import { firstRows, linearNames, numbers, Peer, type Source, same } from '../peer.ts';
import { drawn, given } from '../questions.ts';

/** The convolutions, by the peers' two spellings. */
function convolutions(kase: GoldenCase, vertical: string, horizontal: string): [string, Source][] {
  const heights = kase.keys(`state/${horizontal}.`).filter((key) => key.endsWith('.weight')).length;
  return [
    ...linearNames(vertical, 'vertical'),
    ...Array.from({ length: heights }, (_, i) => linearNames(`${horizontal}.${i}`, `horizontal.maps.${i}`)).flat(),
  ];
}

/** Full windows `[B, L]` of a batch, every slot an ordinary item; with the users, if the case has them. */
function windowsOf(kase: GoldenCase, key: string, user?: string): Ragged {
  const [count, length] = kase.shape(key) as [number, number];
  const offsets = Int32Array.from({ length: count + 1 }, (_, b) => b * length);
  return new Ragged(offsets, { item: kase.ints(key) }, user ? { user: kase.ints(user) } : {});
}

/** The states of the last events `[B, D]`. */
function states(model: Caser, events: Ragged): tf.Tensor2D {
  using layout = new Layout(events);
  return model.encode(events, layout, undefined, layout.last());
}

function mean(loss: tf.Scalar, count: number): tf.Scalar {
  return tf.div(loss, count);
}

function targets(item: Int32Array, negatives?: Negatives): LossTargets {
  return { item, weight: new Float32Array(item.length).fill(1), negatives };
}

// The second tutorial listing: relu on both branches, no users; the first branch is the horizontal one

const seed2: Adapter = async (kase) => {
  kase.reading = 'token';
  const [dim, vertical, horizontal] = [kase.number('dim'), kase.number('nv'), kase.number('nh')];
  const items = kase.number('numItems') + 1;
  const heights = kase.config.hs as number[];
  const model = new Caser({
    items: catalog(items),
    maxLength: kase.number('maxLen'),
    dim,
    verticalFilters: vertical,
    horizontalFilters: horizontal,
    heights,
    verticalActivation: relu,
    dropout: 0,
  });
  const peer = new Peer(
    kase,
    model,
    [
      ['item_embedding.weight', firstRows('items.weight', items)],
      ...convolutions(kase, 'vertical_conv', 'horizon_convs'),
      ['fc1.weight', { pieces: [{ path: 'dense.weight', shift: horizontal * heights.length }] }],
      ['fc1.bias', same('dense.bias')],
      ...linearNames('fc2', 'head'),
    ],
    // padding_idx: lookups are all that reads this table.
    { frozen: new Map([['items.weight', 0]]) },
  );
  const left = windowsOf(kase, 'in/left/item_seq');
  kase.compare('out/left/scores', await model.scores(left));
  const asked = targets(kase.ints('in/left/target'));
  await peer.check(
    new Map([['ce', () => mean(crossEntropy().forward(states(model, left), model.output(), asked), left.count)]]),
  );
  model.dispose();
};

// The authors' code, and d2l's, which is the same network

const activations: { readonly [name: string]: Activation } = { relu, tanh, sigm: sigmoid };

function personal(kase: GoldenCase, options: { items: number; dim: number; vertical: number; horizontal: number }) {
  const users = kase.number('users');
  const { ac_conv = 'relu', ac_fc = 'relu' } = kase.config as { ac_conv?: string; ac_fc?: string };
  return new Caser({
    items: catalog(options.items),
    users: Array.from({ length: users }, (_, user) => user),
    maxLength: kase.number('L'),
    dim: options.dim,
    verticalFilters: options.vertical,
    horizontalFilters: options.horizontal,
    activation: activations[ac_conv],
    stateActivation: activations[ac_fc],
    dropout: 0,
  });
}

const official: Adapter = async (kase) => {
  kase.reading = 'token';
  const items = kase.number('numItems') + 1;
  const sizes = { dim: kase.number('d'), vertical: kase.number('nv'), horizontal: kase.number('nh') };
  const model = personal(kase, { items, ...sizes });
  const peer = new Peer(kase, model, [
    ['item_embeddings.weight', firstRows('items.weight', items)],
    ['user_embeddings.weight', same('users.weight')],
    ...convolutions(kase, 'conv_v', 'conv_h'),
    ...linearNames('fc1', 'dense'),
    ['W2.weight', same('head.weight')],
    ['b2.weight', same('head.bias')],
  ]);
  const windows = windowsOf(kase, 'in/b/item_seq', 'in/b/user');
  kase.compare('out/b/scores', await model.scores(windows));
  // bce({ mean: true }) has as many negatives for each target as for any other; here a window's are those of no target.
  kase.composed = 'the two means of the loss';
  const scores = (key: string) => {
    const count = kase.size(key, 1);
    const ids = kase.ints(key);
    const rows = ids.map((_, i) => Math.floor(i / count));
    const { weight, bias } = model.output();
    const products = tf.mul(embedding(states(model, windows), rows), embedding(weight, ids));
    return tf.add(tf.sum(products, 1, true), embedding(column(bias as Parameter), ids)) as tf.Tensor2D;
  };
  await peer.check(
    new Map([
      [
        'bce',
        () => {
          const positive = tf.mean(logSigmoid(scores('in/b/targets')));
          const negative = tf.mean(logSigmoid(tf.neg(scores('in/b/negatives'))));
          return tf.neg(tf.add(positive, negative)) as tf.Scalar;
        },
      ],
    ]),
  );
  model.dispose();
};

function column(bias: Parameter): tf.Tensor2D {
  return tf.reshape(bias.value, [-1, 1]);
}

const d2l: Adapter = async (kase) => {
  kase.reading = 'drop';
  const items = kase.number('numItems');
  const model = personal(kase, {
    items,
    dim: kase.number('num_factors'),
    vertical: kase.number('d_prime'),
    horizontal: kase.number('d'),
  });
  const peer = new Peer(kase, model, [
    ['Q.weight', firstRows('items.weight', items)],
    ['P.weight', same('users.weight')],
    ...convolutions(kase, 'conv_v', 'conv_h'),
    ...linearNames('fc.0', 'dense'),
    ['Q_prime.weight', same('head.weight')],
    ['b.weight', same('head.bias')],
  ]);
  const windows = windowsOf(kase, 'in/b/item_seq', 'in/b/user');
  kase.compare('out/b/scores', await model.scores(windows));
  const asked = targets(kase.ints('in/b/pos'), given(kase.ints('in/b/neg'), 1));
  await peer.check(new Map([['bpr_sum', () => bpr(drawn(1)).forward(states(model, windows), model.output(), asked)]]));
  model.dispose();
};

// RecBole and WarpRec: one more dense layer over [z; u], scored against the item embeddings

class TiedCaser extends Module {
  readonly items: Embedding;
  readonly users: Embedding;
  readonly vertical: VerticalConvolution;
  readonly horizontal: HorizontalConvolution;
  readonly dense: Linear;
  readonly joined: Linear;

  constructor(rows: number, users: number, length: number, dim: number, vertical: number, horizontal: number) {
    super();
    this.items = new Embedding(rows, dim);
    this.users = new Embedding(users, dim);
    this.vertical = new VerticalConvolution({ length, filters: vertical });
    this.horizontal = new HorizontalConvolution({ length, dim, filters: horizontal });
    this.dense = new Linear(vertical * dim + horizontal * length, dim);
    this.joined = new Linear(2 * dim, dim);
  }

  /** @param padding the row whose lookups have no gradient (`padding_idx`) */
  states(items: Int32Array, users: Int32Array, padding: number): tf.Tensor2D {
    const rows = withoutPadding(this.items.forward(items), items, padding);
    const windows: tf.Tensor3D = tf.reshape(rows, [users.length, items.length / users.length, -1]);
    const features: tf.Tensor2D = tf.concat([this.vertical.forward(windows), this.horizontal.forward(windows)], 1);
    const z = this.dense.forward(features, relu);
    return this.joined.forward(tf.concat([z, this.users.forward(users)], 1), relu);
  }
}

/** `x`, the gradient of which is 0 in the rows that looked up `padding`. */
function withoutPadding(x: tf.Tensor2D, items: Int32Array, padding: number): tf.Tensor2D {
  const keep = Float32Array.from(items, (item) => (item === padding ? 0 : 1));
  return withGradient(
    [x],
    () => tf.clone(x),
    (dy: tf.Tensor2D) => [tf.mul(dy, tf.tensor2d(keep, [keep.length, 1]))],
  );
}

/** A case of {@link TiedCaser}: the scores are of the first `columns` rows of its item table, of which `padding` is a pad. */
async function tied(
  kase: GoldenCase,
  { user, padding, columns }: { user: string; padding: number; columns: number },
  losses: (model: TiedCaser, vectors: () => tf.Tensor2D) => Map<string, () => tf.Scalar>,
): Promise<void> {
  kase.reading = 'token';
  kase.composed = 'one more dense layer than Caser has';
  const { nh, nv, n_h = nh, n_v = nv, users } = kase.config as { [name: string]: number };
  const windows = windowsOf(kase, 'in/right/item_seq');
  const dim = kase.number('embedding_size');
  const filters = [n_v as number, n_h as number] as const;
  const model = new TiedCaser(kase.number('numItems') + 1, users as number, windows.length(0), dim, ...filters);
  const names: [string, Source][] = [
    ['item_embedding.weight', same('items.weight')],
    ['user_embedding.weight', same('users.weight')],
    ...convolutions(kase, 'conv_v', 'conv_h'),
    ...linearNames('fc1', 'dense'),
    ...linearNames('fc2', 'joined'),
  ];
  // Where the pad is not scored, nothing trains its row.
  const peer = new Peer(kase, model, names, padding < columns ? {} : { frozen: new Map([['items.weight', padding]]) });
  const vectors = () => model.states(windows.item, kase.ints(user), padding);
  kase.compare('out/right/user_vec', await numbers(vectors));
  const table = () => tf.slice(value(model.items.weight), [0, 0], [columns, dim]);
  kase.compare('out/right/scores', await numbers(() => linear(vectors(), table())));
  await peer.check(losses(model, vectors));
  model.dispose();
}

function value(parameter: Parameter): tf.Tensor2D {
  return tensorOf<tf.Tensor>(parameter) as tf.Tensor2D;
}

const recbole: Adapter = (kase) => {
  const columns = kase.number('numItems') + 1;
  return tied(kase, { user: 'in/right/user', padding: 0, columns }, (model, vectors) => {
    const output = { weight: model.items.weight };
    const asked = targets(kase.ints('in/right/pos'), given(kase.ints('in/right/neg'), 1));
    const count = asked.item.length;
    const penalty = () => {
      const tables = [model.users, model.items, model.vertical, model.dense, model.joined, ...model.horizontal.maps];
      const norms = tables.map(({ weight }) => tf.norm(value(weight)));
      return tf.mul(tf.addN(norms), kase.number('reg_weight')) as tf.Scalar;
    };
    return new Map([
      ['ce_reg', () => tf.add(mean(crossEntropy().forward(vectors(), output, asked), count), penalty())],
      ['bpr_reg', () => tf.add(mean(bpr(drawn(1)).forward(vectors(), output, asked), count), penalty())],
    ]);
  });
};

const warprec: Adapter = (kase) => {
  const [columns, padding] = [kase.number('numItems'), kase.number('padId')];
  return tied(kase, { user: 'in/right/user_id', padding, columns }, (model, vectors) => {
    const [count, lambda] = [kase.size('in/right/neg', 1), kase.number('reg_weight')];
    const asked = targets(kase.ints('in/right/pos'), given(kase.ints('in/right/neg'), count));
    const loss = () => bpr(drawn(count)).forward(vectors(), { weight: model.items.weight }, asked);
    const penalty = () => {
      const items = l2(
        model.items.weight,
        lambda,
        Int32Array.of(...kase.ints('in/right/item_seq'), ...asked.item, ...kase.ints('in/right/neg')),
      );
      return tf.add(items, l2(model.users.weight, lambda, kase.ints('in/right/user_id')));
    };
    return new Map([['bpr_reg', () => mean(tf.add(loss(), penalty()), asked.item.length)]]);
  });
};

// d2l's data set: windows of L from the end backwards, the last L events for testing

const windows: Adapter = async (kase) => {
  kase.reading = 'drop';
  const length = kase.number('L');
  const lists: number[][] = Array.from({ length: kase.number('users') }, () => []);
  const items = kase.ints('in/item');
  kase.ints('in/user').forEach((user, i) => {
    (lists[user] as number[]).push(items[i] as number);
  });
  const recent = Ragged.from(lists).last(length);
  const objective = slidingWindows({ length });
  const long = lists.filter((list) => list.length > length);
  const examples = new Examples(Ragged.from(long), { maxLength: length, rule: objective.examples });
  const all = Int32Array.from({ length: examples.count }, (_, example) => example);
  const context = { maxLength: length, items: kase.number('items'), stream: () => new Rng(0) };
  const { inputs, targets: asked } = objective.batch(examples.take(all), context);

  // Where no event is left to be asked for, theirs makes a window all the same, which holds its own target.
  const leak = { items: new Int32Array(length), target: 0, leaks: true };
  let next = 0;
  const made = lists.flatMap((list, user) =>
    Array.from({ length: Math.max(1, list.length - length) }, () => {
      if (list.length <= length) return { ...leak, user };
      return { items: inputs.items(next), target: asked.item[next++] as number, leaks: false, user };
    }),
  );
  const sound = (width: number) => ({
    where: { keep: (i: number) => made[Math.floor(i / width)]?.leaks === false, why: 'windows that hold their target' },
  });
  kase.compare(
    'out/seq_users',
    made.map(({ user }) => user),
  );
  kase.compare(
    'out/seq_items',
    made.flatMap(({ items }) => [...items]),
    sound(length),
  );
  kase.compare(
    'out/seq_targets',
    made.map(({ target }) => target),
    sound(1),
  );
  const short = (i: number) => (lists[Math.floor(i / length)] as number[]).length < length;
  const last = lists.flatMap((_, user) => [...new Int32Array(length - recent.length(user)), ...recent.items(user)]);
  kase.compare('out/test_seq', last, { where: { keep: (i) => !short(i), why: 'one event in all places of a window' } });
};

export const adapters: AdapterTable = [
  [/^windows_seed3_d2l/, windows],
  [/^caser_seed2_/, seed2],
  [/^caser_seed3_d2l/, d2l],
  [/^caser_official_/, official],
  [/^caser_recbole/, recbole],
  [/^caser_warprec/, warprec],
];
