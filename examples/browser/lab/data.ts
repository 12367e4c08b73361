/** The data of a run: read, counted, split, and what simple models make of them. */
import {
  hitRate,
  type Interactions,
  leaveLastOut,
  MarkovChain,
  mrr,
  ndcg,
  Popularity,
  type Report,
  readInteractions,
  type Split,
  syntheticShop,
} from 'seqrec';
import type { Facts, Item, Source } from '../messages.ts';
import type { Tell } from '../worker.ts';

export const metrics = [hitRate(10), ndcg(10), mrr()];

export interface Data {
  log: Interactions;
  split: Split;
  facts: Facts;
}

let opened: { source: Source; data: Data } | undefined;

/** Reads `source`, once for several trainings. */
export async function openData(source: Source, tell: Tell): Promise<Data> {
  if (opened && isSame(opened.source, source)) return opened.data;
  const log = source === 'shop' ? syntheticShop({ users: 1000 }).log : await readFile(source, tell);
  const { users, items, events, length } = log.describe();
  const facts = { users, items, events, median: length.median, suggested: length.suggested };
  const data = { log, split: leaveLastOut(log), facts };
  opened = { source, data };
  return data;
}

/** Every message from the page brings another object for the same file. */
function isSame(a: Source, b: Source): boolean {
  if (a === 'shop' || b === 'shop') return a === b;
  return a.name === b.name && a.size === b.size && a.lastModified === b.lastModified;
}

function readFile(file: File, tell: Tell): Promise<Interactions> {
  return readInteractions(file.stream(), {
    onProgress: ({ bytes, events }) =>
      tell({
        news: 'reading',
        text: `Reading ${file.name}: ${Math.round((100 * bytes) / file.size)} %, ${events.toLocaleString('en')} events`,
      }),
  });
}

/** Models that need no training, to be measured beside. */
export async function baselines({ log: { items }, split }: Data): Promise<Record<string, Popularity | MarkovChain>> {
  const models = { Popularity: new Popularity({ items }), 'Markov chain': new MarkovChain({ items }) };
  for (const model of Object.values(models)) await model.fit(split.train);
  return models;
}

/** How a report came about, in words. */
export function protocolInWords({ protocol }: Report, seed: number): string {
  const { users, split, candidates, excludeSeen, ties } = protocol;
  const seen = excludeSeen ? 'without those of the history' : 'with those of the history';
  return `${users.toLocaleString('en')} users, ${split}: the last event of each, ranked among ${candidates} ${seen}; ties count ${ties}; seed ${seed}.`;
}

/** The items, those with most events first. */
export function byFame({ items, sequences }: Interactions): Item[] {
  const counts = new Int32Array(items.size);
  for (const row of sequences.item) counts[row] = (counts[row] as number) + 1;
  const rows = [...counts.keys()].sort((a, b) => (counts[b] as number) - (counts[a] as number));
  return rows.map((row) => ({ id: items.id(row), name: items.name(row) }));
}
