/**
 * An epoch of every network: `npm run bench -- epoch [--data FILE] [--model PATTERN] [--windows 50,200] [--seconds 15]`.
 *
 * Each model learns as its authors trained it (its defaults) at width 64, on one thread, from the file's sequences
 * without their last two events. The steps of an epoch cost the same, in a random order, so a part of them tells the
 * whole: after `--seconds` a model stops, and `share` says how much of the epoch that was. Windows are `maxLength`:
 * where work goes with events and not with the window, `of_first_window` stays near 1 on data of short histories.
 */
import { createReadStream } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  BERT4Rec,
  BSARec,
  BST,
  Caser,
  CORE,
  type FitProgress,
  FOSSIL,
  FPMC,
  GRU4Rec,
  HSTU,
  type Interactions,
  LightSANs,
  LinRec,
  leaveLastOut,
  NARM,
  readInteractions,
  ready,
  SASRec,
  type SequenceModel,
  SRGNN,
} from 'seqrec';
import { digits } from './abab.ts';

type Make = (log: Interactions, maxLength: number) => SequenceModel;

const dim = 64;
const models: { readonly [name: string]: Make } = {
  FPMC: (log) => new FPMC({ items: log.items, users: log.users, dim }),
  FOSSIL: ({ items, users }, maxLength) => new FOSSIL({ items, users, maxLength, dim }),
  GRU4Rec: ({ items }, maxLength) => new GRU4Rec({ items, maxLength, hidden: dim }),
  SASRec: ({ items }, maxLength) => new SASRec({ items, maxLength, dim }),
  HSTU: ({ items }, maxLength) => new HSTU({ items, maxLength, dim }),
  BERT4Rec: ({ items }, maxLength) => new BERT4Rec({ items, maxLength, dim }),
  Caser: ({ items, users }) => new Caser({ items, users, dim }),
  NARM: ({ items }, maxLength) => new NARM({ items, maxLength, dim }),
  CORE: ({ items }, maxLength) => new CORE({ items, maxLength, dim }),
  'SR-GNN': ({ items }, maxLength) => new SRGNN({ items, maxLength, dim }),
  LightSANs: ({ items }, maxLength) => new LightSANs({ items, maxLength, dim }),
  LinRec: ({ items }, maxLength) => new LinRec({ items, maxLength, dim }),
  BSARec: ({ items }, maxLength) => new BSARec({ items, maxLength, dim }),
  BST: ({ items }, maxLength) => new BST({ items, maxLength, dim }),
};

export async function run(options: string[]): Promise<void> {
  const { values } = parseArgs({
    args: options,
    options: {
      data: { type: 'string', default: '../shared/data/Beauty.seq.txt.gz' },
      model: { type: 'string', default: '' },
      windows: { type: 'string', default: '50,200' },
      seconds: { type: 'string', default: '15' },
    },
  });
  await ready();
  const log = await readInteractions(createReadStream(values.data));
  const { train } = leaveLastOut(log);
  for (const [name, make] of Object.entries(models)) {
    if (!name.includes(values.model)) continue;
    let first: number | undefined;
    for (const window of values.windows.split(',').map(Number)) {
      using model = make(log, window);
      const { share, seconds } = await partOfEpoch(model, train, Number(values.seconds));
      first ??= seconds;
      console.log(
        JSON.stringify({
          bench: 'epoch',
          case: name,
          window,
          seconds_per_epoch: digits(seconds),
          of_first_window: digits(seconds / first),
          share: digits(share),
        }),
      );
    }
  }
}

/** Trains until so many seconds are over, and tells how long the epoch takes in all. */
async function partOfEpoch(model: SequenceModel, train: Interactions, atMost: number) {
  const abort = new AbortController();
  let began: { at: number; step: number } | undefined;
  let [share, seconds] = [0, 0];
  const onProgress = ({ phase, step, steps }: FitProgress) => {
    if (phase !== 'train' || abort.signal.aborted) return;
    const now = performance.now();
    // The first steps compile.
    began ??= { at: now, step };
    const elapsed = (now - began.at) / 1000;
    share = step / steps;
    seconds = step > began.step ? (elapsed / (step - began.step)) * steps : 0;
    if (elapsed > atMost) abort.abort();
  };
  await model.fit(train, { epochs: 1, signal: abort.signal, onProgress }).catch((error: unknown) => {
    if (!abort.signal.aborted) throw error;
  });
  return { share, seconds };
}
