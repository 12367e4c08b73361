/** Public data sets as recipes use them: read, cut into training, validation and test, and described. */
import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  type Candidates,
  Catalog,
  categorical,
  everyNext,
  givenCandidates,
  type Holdout,
  Interactions,
  lastFraction,
  leaveLastOut,
  multiValued,
  numeric,
  type Ragged,
  readHistories,
  readInteractions,
  type Split,
} from 'seqrec';

/** A data set, cut. */
export interface DataSet extends Pick<Split, 'train' | 'test'> {
  /** What selects the model; without it the last epoch is measured, as in protocols that have no such part. */
  readonly validation?: Holdout | undefined;
  /** The training and the validation part together. */
  readonly whole?: Interactions | undefined;
  /** What the targets of the test compete with, if the data say so. @defaultValue what the recipe says */
  readonly candidates?: Candidates | undefined;
  /** What it is and how it was cut, for the report. */
  readonly description: string;
}

/** Reads a data set from the directory that has the files. */
export type DataSource<D extends DataSet = DataSet> = (directory: string) => Promise<D>;

/** A data set with a part that selects the model. */
type Selected = DataSource<DataSet & Split>;

async function read(directory: string, file: string, items?: Interactions['items']): Promise<Interactions> {
  const path = join(directory, file);
  if (!existsSync(path)) {
    throw new Error(
      `There is no ${path}: pass the directory that has the file as --data; docs/results.md says where it comes from.`,
    );
  }
  return readInteractions(createReadStream(path), items ? { catalog: items, unknown: 'drop' } : {});
}

function sizes(log: Interactions): string {
  const { users, items, events } = log.describe();
  return `${users.toLocaleString('en')} users, ${items.toLocaleString('en')} items, ${events.toLocaleString('en')} events`;
}

/** One sequence a line, leave-last-out, changed before it is cut. */
function sequences(file: string, title: string, change = (log: Interactions) => log): Selected {
  return async (directory) => {
    const log = await read(directory, file);
    return { ...leaveLastOut(change(log)), description: `${title} (${file}): ${sizes(log)}; leave-last-out` };
  };
}

/** Every history with one more item, the same for all, before its first. */
function begun({ items, sequences }: Interactions): Interactions {
  const histories = Array.from({ length: sequences.count }, (_, user) =>
    ['the beginning', ...Array.from(sequences.items(user), (row) => items.id(row))].map((item) => ({ user, item })),
  );
  return Interactions.from(histories.flat());
}

export const lastfm = sequences('LastFM.seq.txt.gz', "LastFM, S3-Rec's file");
export const beauty = sequences('Beauty.seq.txt.gz', "Amazon Beauty, S3-Rec's file");
/** {@link beauty} in which first items are asked for, too, as windows that are empty ask in code that pads. */
export const beautyBegun = sequences(
  'Beauty.seq.txt.gz',
  "Amazon Beauty, S3-Rec's file, every history begun with one more item",
  begun,
);
export const ml1m = sequences('ml-1m.sasrec.seq.txt.gz', "MovieLens 1M, the file of SASRec's authors");
export const ml100k: Selected = async (directory) => {
  const log = await read(directory, 'ml-100k.inter.tsv.gz');
  return { ...leaveLastOut(log), description: `MovieLens 100K, all ratings as events: ${sizes(log)}; leave-last-out` };
};

/** {@link ml100k} with the genres and the year of every film and the age, gender and occupation of every user. */
export const ml100kFeatures: Selected = async (directory) => {
  const items = Catalog.from(
    (await table(directory, 'ml-100k.item.tsv.gz')).map(
      ({ item_id: item = '', release_year: year, class: genres }) => ({
        item,
        genres,
        year: Number(year) || undefined, // two films have none
      }),
    ),
    { features: { genres: multiValued({ separator: ' ' }), year: numeric({ buckets: 10 }) } },
  );
  const people = new Map((await table(directory, 'ml-100k.user.tsv.gz')).map((row) => [row.user_id, row]));
  const rows = (await table(directory, 'ml-100k.inter.tsv.gz')).map(
    ({ user_id: user = '', item_id: item = '', timestamp }) => {
      const { age, gender, occupation } = people.get(user) ?? {};
      return { user, item, time: Number(timestamp), age, gender, occupation };
    },
  );
  const user = { age: numeric({ buckets: 8 }), gender: categorical(), occupation: categorical() };
  const log = Interactions.from(rows, { catalog: items, features: { user } });
  const description = `MovieLens 100K, all ratings as events: ${sizes(log)}; leave-last-out, with features of items (genres, year) and users (age, gender, occupation)`;
  return { ...leaveLastOut(log), description };
};

/**
 * The protocol of Dive into Deep Learning (`split_data_ml100k`, `evaluate_ranking`): a user's latest rating is the target, of
 * several at that time the first of the file; all others are learned from, and nothing selects the model. The book's
 * candidates are all films the user has not rated; earlier editions took those with ids up to 943 only.
 */
export const ml100kBook: DataSource = async (directory) => {
  const log = await read(directory, 'ml-100k.inter.tsv.gz');
  const { sequences } = log;
  const held = Array.from({ length: log.count }, (_, b) => {
    const time = sequences.time?.subarray(sequences.offsets[b], sequences.offsets[b + 1]) as Float64Array;
    return time.indexOf(time.at(-1) as number);
  });
  const part = (keep: (place: number, b: number) => boolean) =>
    sequences.select(
      [...held.keys()],
      held.map((_, b) => Int32Array.from(sequences.items(b).keys()).filter((place) => keep(place, b))),
    );
  const histories = part((place, b) => place !== held[b]);
  return {
    train: new Interactions(log.items, log.users, histories),
    test: {
      catalog: log.items,
      users: log.users,
      histories,
      targets: part((place, b) => place === held[b]),
      protocol: "the latest event of every user, as Dive into Deep Learning's 'seq-aware' split",
    },
    description: `MovieLens 100K, all ratings as events: ${sizes(log)}; the latest event of every user for testing, the others for training`,
  };
};

/**
 * The protocol of Caser: the first 80 % of every user's events are learned from, all the others are the targets, and nothing
 * selects the model (`train.txt` and `test.txt` of graytowne/caser_pytorch).
 */
export const ml1mCaser: DataSource = async (directory) => {
  const log = await read(directory, 'ml-1m.sasrec.seq.txt.gz');
  const { test } = lastFraction(log, { test: 0.2 });
  return {
    train: new Interactions(log.items, log.users, test.histories),
    test,
    description: `MovieLens 1M, the file of SASRec's authors (ml-1m.sasrec.seq.txt.gz): ${sizes(log)}; the first 80 % of each user's events for training`,
  };
};

/** LastFM with the 99 items that S3-Rec's authors drew for every user: the targets compete with them alone. */
export const lastfm99: DataSource = async (directory) => {
  const data = await lastfm(directory);
  const lists = (await linesOf(directory, 'LastFM.neg99.txt.gz')).map((line) => line.split(' '));
  const { histories } = readHistories(data.test.catalog, lists, { unknown: 'error' });
  return { ...data, candidates: givenCandidates(histories, "the 99 items of S3-Rec's LastFM_sample.txt") };
};

/**
 * Sessions for training and sessions for testing, each in its file. Of the training sessions those that `forValidation`
 * names select the model, which then has not learned from them.
 */
async function sessions(
  directory: string,
  files: { train: string; test: string },
  title: string,
  forValidation: (log: Interactions) => (b: number) => boolean,
  share = 1,
): Promise<DataSet & { readonly whole: Interactions }> {
  const all = latest(await read(directory, files.train), share);
  const held = forValidation(all);
  const part = (of: boolean) => choose(all, (b) => held(b) === of);
  const test = await read(directory, files.test, all.items);
  const measured = everyNext(test);
  return {
    train: part(false),
    whole: all,
    validation: { ...everyNext(part(true)), protocol: 'every beginning of a validation session' },
    test: { ...measured, protocol: 'every beginning of a test session, as SR-GNN and session-rec' },
    description: `${title}: ${sizes(all)} for training and validation; ${measured.targets.rows.toLocaleString('en')} test positions, events of unknown items left out`,
  };
}

/** The last `share` of the sessions of a file that is in the order of time. */
function latest(log: Interactions, share: number): Interactions {
  return choose(log, (b) => b >= Math.round(log.count * (1 - share)));
}

function choose(log: Interactions, which: (b: number) => boolean): Interactions {
  const chosen = Array.from({ length: log.count }, (_, b) => b).filter(which);
  return new Interactions(log.items, log.users, log.sequences.take(chosen));
}

const digineticaOf = (what: string, share: number) => (directory: string) =>
  sessions(
    directory,
    { train: 'diginetica.train.txt.gz', test: 'diginetica.test.txt.gz' },
    `${what} in the protocol of SR-GNN (every beginning of a test session; every tenth training session validates)`,
    () => (b) => b % 10 === 9,
    share,
  );

export const diginetica = digineticaOf('Diginetica', 1);
/** {@link diginetica} with the latest quarter of the training sessions, and all test sessions. */
export const digineticaQuarter = digineticaOf('The latest quarter of the sessions of Diginetica', 1 / 4);

/** {@link diginetica} for models that are not trained: they know the validation sessions, too. */
export const digineticaWhole: DataSource = async (directory) => {
  const cut = await diginetica(directory);
  return { ...cut, train: cut.whole, description: `${cut.description}; learned from both` };
};

/** A file of tab-separated columns with a header. */
async function table(directory: string, file: string): Promise<{ [column: string]: string }[]> {
  const [header = [], ...rows] = (await linesOf(directory, file)).map((line) => line.split('\t'));
  return rows.map((row) => Object.fromEntries(header.map((column, i) => [column, row[i] ?? ''])));
}

/** A text file of the data. */
async function linesOf(directory: string, file: string): Promise<string[]> {
  const path = join(directory, file);
  if (!existsSync(path)) throw new Error(`There is no ${path}: pass the directory that has the files as --data.`);
  const bytes = await readFile(path);
  return gunzipSync(bytes).toString().trim().split('\n');
}

export const rsc15 = async (directory: string) => {
  const chosen = new Set(await linesOf(directory, 'rsc15-100k.valid-sessions.txt.gz'));
  return sessions(
    directory,
    { train: 'rsc15-100k.train_full.tsv.gz', test: 'rsc15-100k.test.tsv.gz' },
    'RSC15, the sample of 100,000 events of session-rec with its own validation sessions',
    (log) => (b) => chosen.has(String(log.user(b))),
  );
};

/** The positions of the test for which session-rec ships the lists of its own GRU4Rec. */
export const rsc15Shipped: DataSource = async (directory) => {
  const data = await rsc15(directory);
  const { train, test } = data;
  const log = await read(directory, 'rsc15-100k.test.tsv.gz', train.items);
  const sessionOf = new Map(Array.from({ length: log.count }, (_, b) => [String(log.user(b)), b]));
  const lists = (await linesOf(directory, 'rsc15-100k.recs-gru4rec.csv.gz')).slice(1).map((line) => line.split(';', 2));
  const which = lists.map(([session]) => sessionOf.get(session as string) as number);
  const at = lists.map(([, position]) => Number(position) + 1);
  const place = (shift: number) => (_length: number, _b: number, i: number) => (at[i] as number) + shift;
  return {
    ...data,
    test: {
      ...test,
      histories: log.sequences.slice(which, () => 0, place(0)),
      targets: log.sequences.slice(which, place(0), place(1)),
      protocol: 'the positions of the shipped lists',
    },
  };
};

/** {@link rsc15} for models that are not trained: they know the validation sessions, too, as in session-rec. */
export const rsc15Whole: DataSource = async (directory) => {
  const cut = await rsc15(directory);
  return { ...cut, train: cut.whole, description: `${cut.description}; learned from both` };
};

/** Only every `n`-th history of a holdout, where all would take too long to validate on. */
export function everyNth(holdout: Holdout, n: number): Holdout {
  const which = Array.from({ length: Math.ceil(holdout.histories.count / n) }, (_, i) => i * n);
  const take = (of: Ragged) => of.take(which);
  return {
    ...holdout,
    histories: take(holdout.histories),
    targets: take(holdout.targets),
    protocol: `${holdout.protocol}, one in ${n}`,
  };
}
