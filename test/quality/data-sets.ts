/** Public data sets as recipes use them: read, cut into training, validation and test, and described. */
import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { everyNext, type Holdout, Interactions, leaveLastOut, type Ragged, readInteractions, type Split } from 'seqrec';

/** A data set, cut. */
export interface DataSet extends Split {
  /** What it is and how it was cut, for the report. */
  readonly description: string;
}

/** Reads a data set from the directory that has the files. */
export type DataSource = (directory: string) => Promise<DataSet>;

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

/** One sequence a line, leave-last-out. */
function sequences(file: string, title: string): DataSource {
  return async (directory) => {
    const log = await read(directory, file);
    return { ...leaveLastOut(log), description: `${title} (${file}): ${sizes(log)}; leave-last-out` };
  };
}

export const lastfm = sequences('LastFM.seq.txt.gz', "LastFM, S3-Rec's file");
export const beauty = sequences('Beauty.seq.txt.gz', "Amazon Beauty, S3-Rec's file");
export const ml1m = sequences('ml-1m.sasrec.seq.txt.gz', "MovieLens 1M, the file of SASRec's authors");
export const ml100k: DataSource = async (directory) => {
  const log = await read(directory, 'ml-100k.inter.tsv.gz');
  return { ...leaveLastOut(log), description: `MovieLens 100K, all ratings as events: ${sizes(log)}; leave-last-out` };
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
): Promise<DataSet> {
  const all = await read(directory, files.train);
  const held = forValidation(all);
  const part = (of: boolean) => {
    const which = Array.from({ length: all.count }, (_, b) => b).filter((b) => held(b) === of);
    return new Interactions(all.items, all.users, all.sequences.take(which));
  };
  const test = await read(directory, files.test, all.items);
  const measured = everyNext(test);
  return {
    train: part(false),
    validation: { ...everyNext(part(true)), protocol: 'every next event of the validation sessions' },
    test: { ...measured, protocol: 'every next event of the test sessions' },
    description: `${title}: ${sizes(all)} for training and validation; ${measured.targets.rows.toLocaleString('en')} test positions, events of unknown items left out`,
  };
}

export const diginetica: DataSource = (directory) =>
  sessions(
    directory,
    { train: 'diginetica.train.txt.gz', test: 'diginetica.test.txt.gz' },
    'Diginetica in the protocol of SR-GNN (every beginning of a test session; every tenth training session validates)',
    () => (b) => b % 10 === 9,
  );

/** A text file of the data. */
async function linesOf(directory: string, file: string): Promise<string[]> {
  const path = join(directory, file);
  if (!existsSync(path)) throw new Error(`There is no ${path}: pass the directory that has the files as --data.`);
  const bytes = await readFile(path);
  return gunzipSync(bytes).toString().trim().split('\n');
}

export const rsc15: DataSource = async (directory) => {
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
  const train = await read(directory, 'rsc15-100k.train_full.tsv.gz');
  return { ...cut, train, description: `${cut.description}; learned from both` };
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
