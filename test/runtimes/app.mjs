/**
 * One small application for every runtime. `app.mjs train FILE` trains and saves, `app.mjs lose FILE` does so on a GPU
 * that is lost meanwhile, `app.mjs serve FILE` loads and recommends; the last line is JSON.
 */
import { readFile, writeFile } from 'node:fs/promises';
import process from 'node:process';
import { backendInfo, evaluate, Interactions, leaveLastOut, ndcg, ready, SASRec } from 'seqrec';

const [task, file] = process.argv.slice(2);
const history = ['item-3', 'item-4'];
await ready();
const { name, chosenBy, refused, details } = backendInfo();

if (task === 'train' || task === 'lose') {
  const rows = Array.from({ length: 240 }, (_, i) => {
    const user = Math.floor(i / 6);
    return { user, item: `item-${(user + (i % 6)) % 12}`, time: i };
  });
  const log = Interactions.from(rows);
  const { train, test } = leaveLastOut(log);
  const model = new SASRec({ items: log.items, maxLength: 8, dim: 16, layers: 1, heads: 1, dropout: 0.1 });
  const { backend } = await import('@tensorflow/tfjs-core');
  let lose = task === 'lose' && backend().device;
  const onProgress = ({ epoch, step }) => {
    if (!lose || epoch < 2 || step < 2) return;
    lose.destroy();
    lose = undefined;
  };
  const report = await model.fit(train, { epochs: 8, batchSize: 16, seed: 1, onProgress });
  const { metrics } = await evaluate(model, test, { metrics: [ndcg(5)], excludeSeen: false });
  await writeFile(file, await model.save());
  const losses = report.epochs.map(({ loss }) => loss);
  print({ losses, metrics, recoveries: report.recoveries });
} else {
  const model = await SASRec.load(await readFile(file));
  print({ items: await model.recommend(history, { k: 5 }) });
}

function print(results) {
  console.log(JSON.stringify({ name, chosenBy, refused, details, ...results }));
  // Deno and Node with 'webgpu' would wait for the device.
  process.exit(0);
}
