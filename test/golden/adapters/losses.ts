/**
 * Losses against their peers' on given scores.
 *
 * A stored case differentiates by scores, ours by states and output rows: with the identity as output, states are the
 * scores, and the gradient by the one is the gradient by the other.
 */
import * as tf from '@tensorflow/tfjs-core';
import {
  bce,
  bpr,
  bprMax,
  crossEntropy,
  gatherRows,
  gbce,
  type Loss,
  Module,
  type Negatives,
  Parameter,
  sampledSoftmax,
  softplus,
  tensorOf,
  top1,
  top1Max,
  zeros,
} from 'seqrec';
import type { Adapter, AdapterTable, GoldenCase } from '../case.ts';
import { numbers, Peer, same } from '../peer.ts';

/** The stored scores `[B, n]` as the one parameter. */
class Scores extends Module {
  readonly scores: Parameter;

  constructor(kase: GoldenCase) {
    super();
    this.scores = new Parameter(kase.shape('state/scores'), zeros);
  }

  get value(): tf.Tensor2D {
    return tensorOf<tf.Tensor>(this.scores) as tf.Tensor2D;
  }

  /** The sum of `loss` over rows, with row `b` asked for column `item[b]`. `items` is the size of the catalogue. */
  ask(loss: Loss, item: Int32Array, negatives?: Negatives, items = this.value.shape[1]): tf.Scalar {
    const width = this.value.shape[1];
    const weight = tf.pad(tf.eye(width), [
      [0, items - width],
      [0, 0],
    ]) as tf.Tensor2D;
    return loss.forward(this.value, { weight }, { item, weight: new Float32Array(item.length).fill(1), negatives });
  }
}

const scores: Adapter = async (kase) => {
  const module = new Scores(kase);
  const peer = new Peer(kase, module, [['scores', same('scores')]]);
  const target = kase.ints('in/targets');
  const drawn = kase.ints('in/neg_index');
  const [rows, count] = [target.length, kase.size('in/neg_index', 1)];
  const all: Negatives = { items: drawn, shared: false, count };
  const first: Negatives = { items: drawn.filter((_, i) => i % count === 0), shared: false, count: 1 };
  const mean = (loss: Loss, negatives?: Negatives) => () =>
    tf.div(module.ask(loss, target, negatives), rows) as tf.Scalar;

  await peer.check(
    new Map([
      ['ce_torch', mean(crossEntropy())],
      ['ce_torch_sum', () => module.ask(crossEntropy(), target)],
      ['ce_torch_smooth0.1', mean(crossEntropy({ labelSmoothing: 0.1 }))],
      ['sampled_softmax_seed0', mean(sampledSoftmax(), all)],
      ['bpr_seed0', mean(bpr(), all)],
      ['bpr_warprec', mean(bpr(), all)],
      ['bpr_seed0_single', mean(bpr(), first)],
      ['bpr_recbole_single', mean(bpr(), first)],
      ['top1_seed0', mean(top1(), all)],
      // Mean over targets plus mean over all negatives: one question for each pair.
      [
        'bce_posneg_torch',
        () => {
          const row = Int32Array.from(drawn, (_, i) => Math.floor(i / count));
          const asked = gatherRows(module.value, row);
          const item = row.map((b) => target[b] as number);
          const weight = new Float32Array(row.length).fill(1 / row.length);
          const output = { weight: tf.eye(module.value.shape[1]) };
          return bce().forward(asked, output, { item, weight, negatives: { items: drawn, shared: false, count: 1 } });
        },
      ],
      // composed: a label for each item is no question to a next-item model; softplus is the op under our losses.
      [
        'bce_logits_torch',
        () => {
          const labels = tf.tensor2d(kase.floats('in/labels'), [rows, kase.size('in/labels', 1)]);
          return tf.mean(tf.sub(softplus(module.value), tf.mul(module.value, labels))) as tf.Scalar;
        },
      ],
    ]),
  );
};

/** Column 0 is the target, the others its negatives; the catalogue has more items than there are columns. */
const generalised: Adapter = async (kase) => {
  const module = new Scores(kase);
  const peer = new Peer(kase, module, [['scores', same('scores')]]);
  const [rows, width] = kase.shape('state/scores') as [number, number];
  const count = width - 1;
  const items = Int32Array.from({ length: rows * count }, (_, i) => 1 + (i % count));
  for (const key of kase.keys('loss/')) {
    const name = key.slice('loss/'.length);
    const [, catalogue, t] = /^n(\d+)_t([\d.]+)$/.exec(name) ?? [];
    const loss = gbce({ negatives: count, t: Number(t) });
    const total = () => module.ask(loss, new Int32Array(rows), { items, shared: false, count }, Number(catalogue));
    await peer.check(new Map([[name, () => tf.div(total(), rows) as tf.Scalar]]));
  }
};

/** GRU4Rec's: column i is the target of row i, all other columns are its negatives. */
const matrix: Adapter = async (kase) => {
  const module = new Scores(kase);
  const peer = new Peer(kase, module, [['scores', same('scores')]]);
  const [rows, width] = kase.shape('state/scores') as [number, number];
  const target = Int32Array.from({ length: rows }, (_, b) => b);
  const items = Int32Array.from({ length: width }, (_, column) => column);
  const counts = kase.floats('in/item_pop');
  // They take counts for in-batch negatives and their square root for sampled ones.
  const logQ = Float32Array.from(kase.ints('in/Y'), (item, column) => {
    return (column < rows ? 1 : 0.5) * Math.log(counts[item] as number);
  });
  const negatives: Negatives = {
    items,
    shared: true,
    count: width,
    own: target,
    logQ,
    targetLogQ: logQ.subarray(0, rows),
  };
  const asked = (loss: Loss) => () => module.ask(loss, target, negatives);
  const mean = (loss: Loss) => () => tf.div(asked(loss)(), rows) as tf.Scalar;
  const losses = new Map<string, () => tf.Scalar>([
    ['bpr_formula', mean(bpr())],
    ['top1_formula', mean(top1())],
    ['top1max_formula', mean(top1Max())],
    ['xe', asked(sampledSoftmax({ logQ: false }))],
  ]);
  for (const key of kase.keys('loss/')) {
    const name = key.slice('loss/'.length);
    const [, elu, regularization] = /^bprmax_elu([\d.]+)_reg([\d.]+)$/.exec(name) ?? [];
    if (elu) losses.set(name, asked(bprMax({ elu: Number(elu), regularization: Number(regularization) })));
    const [, factor] = /^xe_logq([\d.]+)$/.exec(name) ?? [];
    if (factor) losses.set(name, asked(sampledSoftmax({ logQ: Number(factor) })));
  }
  await peer.check(losses);
  kase.composed = 'the softmax over the negatives is inside the losses';
  const diagonal = tf.pad(tf.eye(rows), [
    [0, 0],
    [0, width - rows],
  ]);
  kase.compare('out/softmax_neg', await numbers(() => tf.softmax(tf.sub(module.value, tf.mul(diagonal, 1e9)))));
  diagonal.dispose();
};

export const adapters: AdapterTable = [
  [/^loss_scores$/, scores],
  [/^loss_gbce$/, generalised],
  [/^loss_gru4rec_matrix$/, matrix],
];
