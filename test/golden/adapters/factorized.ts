/** FOSSIL and FPMC: factorised models of user, history and item, each through its class. */
import * as tf from '@tensorflow/tfjs-core';
import {
  bpr,
  crossEntropy,
  embedding,
  FOSSIL,
  FPMC,
  type Loss,
  l2,
  linear,
  type Output,
  type Parameter,
  Ragged,
  tensorOf,
  tiedOutput,
} from 'seqrec';
import type { Adapter, AdapterTable, GoldenCase } from '../case.ts';
import { catalog, dropPads, type Window, withLayout } from '../padded.ts';
import { numbers, Peer, same } from '../peer.ts';
import { drawn, given, targetsOf } from '../questions.ts';

const KEY = 'in/right/item_seq';

/** A window whose sequences have their users. */
function withUsers(kase: GoldenCase, from: Window): Window {
  const { offsets, events } = from.events;
  return { ...from, events: new Ragged(offsets, events, { user: kase.ints('in/right/user_id') }) };
}

/** The users 0 … n-1. */
function users(kase: GoldenCase, table: string): number[] {
  return Array.from({ length: kase.size(`state/${table}`, 0) }, (_, user) => user);
}

/** The mean of a loss over the questions of the case. */
function meanLoss(kase: GoldenCase, loss: Loss, states: tf.Tensor2D, output: Output): tf.Scalar {
  const positive = kase.ints('in/right/pos');
  const negative = kase.ints('in/right/neg');
  const targets = targetsOf(positive, -1, given(negative, negative.length / positive.length));
  return tf.div(loss.forward(states, output, targets), positive.length);
}

const fpmc: Adapter = async (kase) => {
  kase.reading = 'drop';
  const dim = kase.number('embedding_size');
  // Their pad is an ordinary item that no history holds.
  const items = catalog(kase.size('state/LI_emb.weight', 0));
  const model = new FPMC({ items, users: users(kase, 'UI_emb.weight'), dim });
  const columns = (from: number) => ({ pieces: [{ path: 'head.weight', columns: [from, from + dim] as const }] });
  const peer = new Peer(kase, model, [
    ['UI_emb.weight', same('users.weight')],
    ['IU_emb.weight', columns(0)],
    ['LI_emb.weight', same('items.weight')],
    ['IL_emb.weight', columns(dim)],
  ]);
  const right = withUsers(kase, dropPads(kase, KEY, 0));
  kase.compare('out/right/scores', await model.scores(right.events));
  await withLayout(right, async (layout) => {
    using last = layout.last();
    const states = () => model.encode(right.events, layout, undefined, last);
    await peer.check(new Map([['bpr', () => meanLoss(kase, bpr(drawn(1)), states(), model.output())]]));
  });
  model.dispose();
};

/**
 * The peers sum over all slots of the window, the pads' rows included: what the pads add to a state is added here. RecBole
 * never trains a pad row by its lookups (`padding_idx`).
 */
const fossil: Adapter = async (kase) => {
  kase.reading = 'token';
  kase.composed = 'the sum over pad slots, which no history of ours holds';
  const [dim, order, alpha] = [kase.number('embedding_size'), kase.number('order_len'), kase.number('alpha')];
  const pad = (kase.config.padId as number | undefined) ?? 0;
  const table = 'state/item_embedding.weight';
  const items = catalog(kase.size(table, 0));
  const model = new FOSSIL({
    items,
    users: users(kase, 'user_lambda.weight'),
    dim,
    order,
    alpha,
    output: tiedOutput(),
  });
  const peer = new Peer(kase, model, [
    ['item_embedding.weight', same('items.weight')],
    ['user_lambda.weight', same('users.weight')],
    ['lambda_', same('chain')],
  ]);
  const right = withUsers(kase, dropPads(kase, KEY, pad));
  const length = kase.size(KEY, 1);
  const count = right.events.count;
  const lengths = Array.from({ length: count }, (_, b) => right.events.length(b));
  await withLayout(right, async (layout) => {
    using last = layout.last();
    const padRow = () => untrained(tf.slice(tensorOf<tf.Tensor2D>(model.items.weight), [pad, 0], [1, dim]));
    const states = (): tf.Tensor2D => {
      const own = model.encode(right.events, layout, undefined, last);
      const pads = lengths.map((n) => (length - n) * n ** -alpha);
      return tf.add(own, tf.mul(tf.tensor2d(pads, [count, 1]), padRow()));
    };
    kase.compare('out/right/user_vec', await numbers(states));
    const output = model.output();
    const scores = await numbers(() => linear(states(), tensorOf(output.weight)));
    const width = kase.size('out/right/scores', 1);
    kase.compare(
      'out/right/scores',
      scores.filter((_, i) => i % items.size < width),
    );
    const reg = kase.number('reg_weight');
    const user = kase.ints('in/right/user_id');
    const positive = kase.ints('in/right/pos');
    /** RecBole's: the norms, not squared, of all user weights, targets and states of the batch. */
    const norms = () => {
      const looked = [embedding(model.users?.weight as Parameter, user), embedding(model.items.weight, positive)];
      return tf.mul(tf.addN([...looked, states()].map((x) => tf.sqrt(tf.sum(tf.square(x))))), reg);
    };
    /** WarpRec's: half the squares of all rows looked up, of which those of pads are a constant. */
    const squares = () => {
      const strength = reg / count;
      const read = Int32Array.from([...right.events.item, ...positive, ...kase.ints('in/right/neg')]);
      const pads = tf.sum(tf.square(padRow()));
      return tf.addN([
        l2(model.items.weight, strength, read),
        l2(model.users?.weight as Parameter, strength, user),
        tf.mul(pads, (strength / 2) * (right.size - right.slots.length)),
      ]);
    };
    const penalty = kase.name.includes('warprec') ? squares : norms;
    const negatives = kase.ints('in/right/neg').length / count;
    const regularized = (loss: Loss) => () => tf.add(meanLoss(kase, loss, states(), output), penalty()) as tf.Scalar;
    await peer.check(
      new Map([
        ['bpr_reg', regularized(bpr(drawn(negatives)))],
        ['ce_reg', regularized(crossEntropy())],
      ]),
    );
  });
  model.dispose();
};

/** A value through which no gradient flows. */
function untrained(x: tf.Tensor2D): tf.Tensor2D {
  return tf.customGrad((...[value]) => {
    const same = tf.clone(value as tf.Tensor2D);
    return { value: same, gradFunc: (dy: tf.Tensor) => tf.zerosLike(dy) };
  })(x) as tf.Tensor2D;
}

export const adapters: AdapterTable = [
  [/^fpmc/, fpmc],
  [/^fossil/, fossil],
];
