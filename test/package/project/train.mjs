/** Trains, evaluates, saves, loads and recommends through the public names of the installed package. */
import assert from 'node:assert/strict';
import * as tf from '@tensorflow/tfjs-core';
import { backendInfo, evaluate, Interactions, leaveLastOut, ndcg, SASRec } from 'seqrec';

const backend = process.env.SEQREC_BACKEND;
const items = Array.from({ length: 12 }, (_, i) => `item-${i}`);
const rows = Array.from({ length: 240 }, (_, i) => {
  const user = Math.floor(i / 6);
  return { user, item: items[(user + (i % 6)) % 12], time: i };
});
const log = Interactions.from(rows);
const { train, test } = leaveLastOut(log);

const model = new SASRec({ items: log.items, maxLength: 8, dim: 16, layers: 1, heads: 1, dropout: 0 });
const report = await model.fit(train, { epochs: 12, batchSize: 8, seed: 1 });
const [first, last] = [report.epochs.at(0).loss, report.epochs.at(-1).loss];
assert(last < first - 0.5, `the loss fell from ${first} to ${last} only`);
assert.equal(backendInfo().name, backend);
assert.equal(tf.getBackend(), backend, 'seqrec and the application share one engine');

const { metrics } = await evaluate(model, test, { metrics: [ndcg(5)], excludeSeen: false });
const loaded = await SASRec.load(await model.save());
const history = ['item-3', 'item-4'];
assert.deepEqual(await loaded.recommend(history, { k: 3 }), await model.recommend(history, { k: 3 }));
assert.equal(process.listenerCount('uncaughtException') + process.listenerCount('unhandledRejection'), 0);
console.log(`loss ${first.toFixed(3)} -> ${last.toFixed(3)}, NDCG@5 ${metrics['NDCG@5'].toFixed(3)}`);
