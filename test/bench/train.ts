/**
 * Training steps against PyTorch: `npm run bench -- train [--case bce-50,ce-50] [--workers 1,2] [--dropout 0,0.2]
 * [--rounds 5] [--steps 5] [--python FILE,FILE]`.
 *
 * Ours is `model.fit`, the rival a plain training loop over the same network (train_torch.py), both on a batch of 128
 * sequences. They take turns, a round of steps each; a step of ours is the time between two reports of progress. The
 * rival's threads are limited by environment variables, since `torch.set_num_threads` does not limit OpenBLAS.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import 'seqrec/wasm';
import {
  adam,
  backendInfo,
  bce,
  Catalog,
  crossEntropy,
  Interactions,
  learnedFromStart,
  Rng,
  ready,
  SASRec,
  transformerBlock,
} from 'seqrec';
import { digits, median } from './abab.ts';

interface Case {
  loss: 'bce' | 'cross-entropy';
  length: number;
  /** The mean length where sequences differ. */
  mean?: number;
}

const cases: { readonly [name: string]: Case } = {
  'bce-50': { loss: 'bce', length: 50 },
  'ce-50': { loss: 'cross-entropy', length: 50 },
  'bce-200': { loss: 'bce', length: 200 },
  'ce-200': { loss: 'cross-entropy', length: 200 },
  'ragged-50': { loss: 'bce', length: 50, mean: 8.7 },
};
const network = { items: 3401, dim: 64, heads: 2, layers: 2, batch: 128 };

interface Setting extends Case {
  dropout: number;
  workers: number;
  steps: number;
}

export async function run(options: string[]): Promise<void> {
  const { values } = parseArgs({
    args: options,
    options: {
      case: { type: 'string', default: Object.keys(cases).join() },
      workers: { type: 'string', default: '1,2' },
      dropout: { type: 'string', default: '0,0.2' },
      rounds: { type: 'string', default: '5' },
      steps: { type: 'string', default: '5' },
      python: { type: 'string', default: '/usr/bin/python3' },
    },
  });
  await ready();
  console.error(`backend ${JSON.stringify(backendInfo())}`);
  const [rounds, steps] = [Number(values.rounds), Number(values.steps)];
  for (const name of values.case.split(',')) {
    const known = cases[name];
    if (!known) throw new RangeError(`--case must be among ${Object.keys(cases).join(', ')}, got ${name}.`);
    for (const dropout of values.dropout.split(',').map(Number)) {
      for (const workers of values.workers.split(',').map(Number)) {
        const setting = { ...known, dropout, workers, steps };
        await measure(name, setting, rounds, values.python.split(','));
      }
    }
  }
}

async function measure(name: string, setting: Setting, rounds: number, pythons: string[]): Promise<void> {
  const lengths = lengthsOf(setting);
  const rivals: Torch[] = [];
  for (const python of pythons) {
    const torch = await Torch.start(python, setting, lengths);
    if (torch) rivals.push(torch);
  }
  const ours = ourSteps(setting, lengths);
  const times: number[][][] = [[], ...rivals.map(() => [])];
  for (let round = 0; round < rounds; round++) {
    for (const [i, candidate] of [ours, ...rivals.map((rival) => () => rival.steps(setting.steps))].entries()) {
      times[i]?.push(await candidate());
    }
  }
  const [mine, ...others] = times.map((all) => ({ median: median(all.map(median)), min: Math.min(...all.flat()) }));
  if (!mine) return;
  const about = { bench: 'train', case: name, workers: setting.workers, dropout: setting.dropout };
  const figures = { ours_ms: digits(mine.median), ours_min_ms: digits(mine.min) };
  if (others.length === 0) console.log(JSON.stringify({ ...about, ...figures }));
  for (const [i, other] of others.entries()) {
    const rival = rivals[i] as Torch;
    const line = {
      ...about,
      rival: 'torch',
      version: rival.version,
      threads: rival.threads,
      ...figures,
      rival_ms: digits(other.median),
      rival_min_ms: digits(other.min),
      ratio: digits(other.median / mine.median),
      ratio_min: digits(other.min / mine.min),
      rows: lengths.reduce((sum, length) => sum + length, 0),
    };
    console.log(JSON.stringify(line));
    await rival.end();
  }
}

/** A round of ours: one `fit`, of whose steps the first ones warm up: every run starts its workers anew. */
function ourSteps({ loss, length, dropout, workers, steps }: Setting, lengths: number[]): () => Promise<number[]> {
  const warm = length > 50 || loss === 'cross-entropy' ? 8 : 30;
  const rng = new Rng(3);
  const items = new Catalog(Array.from({ length: network.items }, (_, i) => i));
  const rows = Array.from({ length: network.batch * (warm + steps) }, (_, user) =>
    Array.from({ length: (lengths[user % network.batch] as number) + 1 }, (_, time) => ({
      user,
      item: rng.fork(user).int(time, network.items),
      time,
    })),
  ).flat();
  const log = Interactions.from(rows, { catalog: items });
  const model = new SASRec({
    items,
    maxLength: length,
    dim: network.dim,
    layers: network.layers,
    heads: network.heads,
    dropout,
    positions: learnedFromStart(),
    block: transformerBlock({ hidden: network.dim, normFirst: true }),
  });
  return async () => {
    const times: number[] = [];
    let last = performance.now();
    const report = await model.fit(log, {
      loss: loss === 'bce' ? bce() : crossEntropy(),
      optimizer: adam(),
      epochs: 1,
      batchSize: network.batch,
      workers,
      onProgress({ step }) {
        const now = performance.now();
        if (step > warm) times.push(now - last);
        last = now;
      },
    });
    if (report.alone) throw new Error(`Only one thread could be measured: ${report.alone}.`);
    return times;
  };
}

/** A PyTorch process that trains when it is told to. */
class Torch {
  version = '';
  threads = 0;

  private readonly process: ChildProcess;
  private readonly lines: AsyncIterator<string>;

  private constructor(child: ChildProcess) {
    const reader = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    this.process = child;
    this.lines = reader[Symbol.asyncIterator]();
  }

  static async start(python: string, setting: Setting, lengths: number[]): Promise<Torch | undefined> {
    const threads = String(setting.workers);
    const env = { ...process.env, OPENBLAS_NUM_THREADS: threads, OMP_NUM_THREADS: threads, MKL_NUM_THREADS: threads };
    const script = new URL('./train_torch.py', import.meta.url).pathname;
    const child = spawn(python, ['-W', 'ignore', script], { env, stdio: ['pipe', 'pipe', 'ignore'] });
    child.on('error', () => {});
    const torch = new Torch(child);
    const { loss, length, dropout, workers } = setting;
    torch.tell(
      JSON.stringify({ ...network, loss: loss === 'bce' ? 'bce' : 'ce', length, dropout, lengths, threads: workers }),
    );
    const { value } = await torch.lines.next();
    if (!value) {
      console.error(
        `Without ${python} and its torch: Debian's python3-torch with libopenblas0-pthread, or pip install torch.`,
      );
      return undefined;
    }
    const { referenceBlas, ...about } = JSON.parse(value);
    if (referenceBlas) {
      child.kill();
      throw new Error(
        `${python} has PyTorch on the reference BLAS, which is no rival: apt-get install libopenblas0-pthread.`,
      );
    }
    return Object.assign(torch, about);
  }

  tell(line: string): void {
    this.process.stdin?.write(`${line}\n`, () => {});
  }

  async steps(count: number): Promise<number[]> {
    this.tell(String(count));
    const { value } = await this.lines.next();
    return JSON.parse(value);
  }

  async end(): Promise<void> {
    const ended = once(this.process, 'exit');
    this.process.stdin?.end();
    await ended;
  }
}

/** One length a sequence of the batch: all the same, or of a geometric tail with the given mean. */
function lengthsOf({ length, mean }: Case): number[] {
  const rng = new Rng(1);
  return Array.from({ length: network.batch }, (_, i) => {
    if (mean === undefined) return length;
    return Math.max(1, Math.min(length, Math.round(-Math.log(1 - rng.uniform(i)) * mean)));
  });
}
