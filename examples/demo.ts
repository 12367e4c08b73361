/**
 * From nothing to recommendations: `npm run demo` trains on a synthetic shop, `npm run demo -- --data FILE` on a real
 * file. It prints the baselines beside the model, recommends, saves, reloads and checks that the answer is the same.
 */
import { createReadStream } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SingleBar } from 'cli-progress';
import { Command, InvalidArgumentError, Option } from 'commander';
import {
  AssociationRules,
  adam,
  BERT4Rec,
  BSARec,
  backendInfo,
  bce,
  bpr,
  Caser,
  CORE,
  CountingModel,
  crossEntropy,
  evaluate,
  type FitProgress,
  FOSSIL,
  FPMC,
  formatReports,
  GRU4Rec,
  gbce,
  HSTU,
  hitRate,
  type Interactions,
  ItemKNN,
  LightSANs,
  LinRec,
  type Loss,
  leaveLastOut,
  MarkovChain,
  MultiStepMarkov,
  mrr,
  NARM,
  ndcg,
  Popularity,
  type Ragged,
  type Recommender,
  type Report,
  readInteractions,
  ready,
  SASRec,
  type SequenceModel,
  SequentialRules,
  SRGNN,
  STAN,
  sampledSoftmax,
  syntheticShop,
  top1,
  VSKNN,
} from 'seqrec';

const losses: Record<string, () => Loss> = {
  'cross-entropy': crossEntropy,
  bce: () => bce(),
  gbce: () => gbce(),
  'sampled-softmax': () => sampledSoftmax(),
  bpr: () => bpr(),
  top1: () => top1(),
};
type ModelClass = {
  new (options: never): SequenceModel | CountingModel;
  load(file: Uint8Array): Promise<Recommender>;
};
const ofBlocks = ['maxLength', 'dim', 'layers', 'heads', 'dropout'];
/** The models, and what of the demo's options each takes. */
const models: Record<string, [Model: ModelClass, ...takes: string[]]> = {
  sasrec: [SASRec, ...ofBlocks],
  gru4rec: [GRU4Rec, 'maxLength', 'hidden', 'dropout'],
  caser: [Caser, 'maxLength', 'dim', 'dropout', 'users'],
  bert4rec: [BERT4Rec, ...ofBlocks],
  'sr-gnn': [SRGNN, 'maxLength', 'dim'],
  narm: [NARM, 'maxLength', 'dim', 'hidden', 'layers', 'dropout'],
  core: [CORE, 'maxLength', 'dim'],
  linrec: [LinRec, ...ofBlocks],
  lightsans: [LightSANs, ...ofBlocks],
  hstu: [HSTU, ...ofBlocks],
  bsarec: [BSARec, ...ofBlocks],
  fossil: [FOSSIL, 'maxLength', 'dim', 'users'],
  fpmc: [FPMC, 'maxLength', 'dim', 'users'],
  stan: [STAN],
  vsknn: [VSKNN],
  'item-knn': [ItemKNN],
  'association-rules': [AssociationRules],
  'sequential-rules': [SequentialRules],
  markov: [MarkovChain],
  popularity: [Popularity],
};
const metrics = [hitRate(5), hitRate(10), ndcg(5), ndcg(10), mrr()];

const options = new Command('npm run demo --')
  .description('Trains a next-item model, measures it against baselines, saves it and recommends.')
  .option('--data <file>', 'interactions: one sequence a line, "user item" pairs, CSV, TSV or .inter, also .gz')
  .addOption(new Option('--model <name>', 'model').choices(Object.keys(models)).default('sasrec'))
  .addOption(new Option('--loss <name>', "loss (default: the model's own)").choices(Object.keys(losses)))
  .option('--epochs <n>', 'most passes over the data (default: 12 on the shop, 60 on a file)', integer)
  .option('--patience <n>', 'validations without a better NDCG@10 before stopping', integer, 6)
  .option('--batch-size <n>', "examples a step (default: the model's own, else 32)", integer)
  .option('--learning-rate <x>', "of Adam (default: the model's own optimizer, else 0.003)", number)
  .option('--max-length <n>', "events of a history that are read (default: the model's own)", integer)
  .option('--dim <n>', 'width', integer, 64)
  .option('--layers <n>', 'blocks', integer, 2)
  .option('--heads <n>', 'attention heads', integer, 2)
  .option('--dropout <x>', 'dropout rate', number, 0.4)
  .option('--workers <n>', 'threads that share the training', integer, 1)
  .option('--seed <n>', 'seed of data and training', integer, 42)
  .addOption(new Option('--backend <name>', 'backend (default: the best)').choices(['wasm', 'cpu', 'webgpu', 'node']))
  .option('--save <file>', 'where the model goes', '.cache/demo/model.safetensors')
  .option('--json', 'a last line of JSON with every figure')
  .parse()
  .opts();

if (options.backend) process.env.SEQREC_BACKEND = options.backend;
const abort = new AbortController();
process.once('SIGINT', () => abort.abort(new Error('Stopped by Ctrl-C.')));
process.once('uncaughtException', ({ message }) => {
  console.error(`\n${message}`); // the sentence says what to do; a stack would hide it
  process.exit(1);
});

const began = performance.now();
await ready();
console.log(`Backend ${backendInfo()?.name} (chosen by ${backendInfo()?.chosenBy})`);
const log: Interactions = options.data
  ? await readInteractions(createReadStream(options.data), {})
  : syntheticShop({ seed: options.seed, users: 1500 }).log;
console.log(`${options.data ?? 'Synthetic shop'}\n${log.describe()}\n`);
const { train, validation, test } = leaveLastOut(log);

const reports: Record<string, Report> = {};
const baselines: Record<string, Popularity | MarkovChain | MultiStepMarkov> = {
  Popularity: new Popularity({ items: log.items }),
  'Markov chain': new MarkovChain({ items: log.items }),
  '1-step Markov': new MultiStepMarkov({ items: log.items, steps: 1 }),
  '5-step Markov': new MultiStepMarkov({ items: log.items, steps: 5 }),
};
for (const [name, model] of Object.entries(baselines)) {
  await model.fit(train);
  reports[name] = await evaluate(model, test, { metrics, signal: abort.signal });
}

const given: Record<string, unknown> = { ...options, hidden: options.dim, users: log.users };
const [Model, ...takes] = models[options.model] as (typeof models)[string];
const taken = Object.fromEntries(takes.map((name) => [name, given[name]]));
const model = new Model({ items: log.items, ...taken } as never);
const name = (Model as unknown as typeof Recommender).modelName;
let seconds = 0;
if (model instanceof CountingModel) {
  await model.fit(train);
  reports[name] = await evaluate(model, test, { metrics, signal: abort.signal });
} else {
  console.log(`${model.summary()}\n`);
  const { batchSize, learningRate, loss, seed, patience, workers } = options;
  const epochs: number = options.epochs ?? (options.data ? 60 : 12);
  const own = model.defaults;
  const bar = progressBar(epochs);
  const report = await model.fit(train, {
    loss: losses[loss]?.(),
    optimizer: learningRate || !own.optimizer ? adam({ learningRate: learningRate ?? 0.003 }) : own.optimizer,
    epochs,
    batchSize: batchSize ?? own.batchSize ?? 32,
    seed,
    workers,
    validation,
    earlyStopping: { metric: ndcg(10), patience },
    signal: abort.signal,
    onProgress: bar.update,
  });
  bar.stop();
  console.log(`${report}\n`);
  seconds = report.seconds;
  reports[loss ? `${name} (${loss})` : name] = await evaluate(model, test, { metrics, signal: abort.signal });
}

console.log(formatReports(reports));
const lines = await recommendations(model, test.histories);
console.log(`\nRecommendations of ${options.model}:\n${lines.join('\n')}`);

await mkdir(dirname(options.save), { recursive: true });
await writeFile(options.save, await model.save());
const bytes = await readFile(options.save);
using reloaded = await Model.load(bytes);
const again = await recommendations(reloaded, test.histories);
if (again.join() !== lines.join()) throw new Error('The reloaded model recommends something else.');
console.log(`\nSaved ${options.save} (${(bytes.length / 1024).toFixed(0)} kB), reloaded: the same recommendations.`);
console.log(`${((performance.now() - began) / 1000).toFixed(1)} s in all.`);
if (options.json) {
  const figures = Object.fromEntries(Object.entries(reports).map(([name, { metrics: values }]) => [name, values]));
  console.log(
    JSON.stringify({ ...options, users: log.users.length, items: log.items.size, seconds, metrics: figures }),
  );
}
model.dispose();

/** A few histories with what comes next, in readable names. */
async function recommendations(from: Recommender, histories: Ragged): Promise<string[]> {
  const { items } = log;
  const lines: string[] = [];
  for (const b of [0, 1, 2].filter((b) => b < histories.count)) {
    const rows = [...histories.items(b)];
    const next = await from.recommend(
      rows.map((row) => items.id(row)),
      { k: 3 },
    );
    const named = next.map(({ item, score }) => `${items.name(items.row(item))} (${score.toFixed(2)})`);
    lines.push(
      `  … ${rows
        .slice(-3)
        .map((row) => items.name(row))
        .join(' → ')}\n      ⇒ ${named.join(', ')}`,
    );
  }
  return lines;
}

/** A bar on a terminal, a line every few seconds elsewhere. */
function progressBar(epochs: number) {
  const format =
    'epoch {epoch}/{epochs} [{bar}] {percentage}%  loss {loss}  {metric}  {speed} sequences/s  {left} left';
  const bar = new SingleBar({ format, noTTYOutput: true, notTTYSchedule: 5000, hideCursor: true, barsize: 20 });
  let metric = 'NDCG@10 –';
  let started = false;
  return {
    update(p: FitProgress) {
      if (p.validation) metric = `NDCG@10 ${p.validation['NDCG@10']?.toFixed(4)}`;
      const values = {
        epoch: p.epoch,
        epochs,
        metric,
        loss: p.loss.toFixed(4),
        speed: p.sequencesPerSecond.toFixed(0),
        left: `${Math.ceil(p.remainingSeconds)} s`,
      };
      if (!started) bar.start(epochs * p.steps, 0, values);
      started = true;
      bar.update((p.epoch - 1) * p.steps + p.step, values);
    },
    stop: () => bar.stop(),
  };
}

function integer(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('expected a whole number.');
  return value;
}

function number(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new InvalidArgumentError('expected a number that is not negative.');
  return value;
}
