/** STAN: scores of every item, in the forms of session-rec and of the paper (WarpRec). */
import {
  exponentialDecay,
  Interactions,
  noDecay,
  paperForm,
  Ragged,
  STAN,
  type STANOptions,
  sharingAny,
  sharingLast,
} from 'seqrec';
import type { Adapter, AdapterTable, GoldenCase } from '../case.ts';
import { catalog } from '../padded.ts';

const sessionRec: Adapter = async (kase) => {
  const { config } = kase;
  const decay = (name: string, scale: number) => {
    const given = config[name] === undefined ? scale : (config[name] as number | null);
    return given === null ? noDecay() : exponentialDecay({ scale: given });
  };
  const position = decay('lambda_spw', 1.02);
  const options: Partial<STANOptions> = {
    k: kase.number('k'),
    sample: (config.sample_size as number | undefined) ?? 5000,
    position,
    recency: kase.number('lambda_snh_days') * 24 * 3600,
    proximity: decay('lambda_inh', 2.05),
  };
  const histories = queries(kase, () => kase.ints('in/query_time')[0] as number);
  // Without reminders the items of the query score 0: they are excluded.
  const exclude = config.remind === false ? histories : undefined;
  for (const [key, source] of [
    ['f64/out/scores_stepwise', sharingAny()],
    ['f64/out/scores_skip', sharingLast()],
  ] as const) {
    kase.compare(key, await scores(kase, { ...options, source }, histories, exclude));
  }
  for (const key of kase.keys('f64/out/w1_len')) {
    const length = kase.size(key, 0);
    kase.compare(
      key,
      Array.from({ length }, (_, i) => position.weight(length - i, length)),
    );
  }
};

const warpRec: Adapter = async (kase) => {
  const options: Partial<STANOptions> = {
    k: kase.number('k'),
    sample: 2 ** 30,
    position: exponentialDecay({ scale: kase.number('lambda_1') }),
    recency: kase.number('lambda_2'),
    proximity: exponentialDecay({ scale: kase.number('lambda_3') }),
    form: paperForm(),
  };
  const users = kase.ints('in/query_user');
  const times = kase.ints('in/query_timestamp');
  kase.compare(
    'out/scores',
    await scores(
      kase,
      options,
      queries(kase, (b) => times[b] as number),
    ),
  );
  const own = sessions(kase).sequences.take(users);
  kase.compare('out/scores_own_history', await scores(kase, options, own));
};

/** The scores of all items, from lists as long as the catalogue. */
async function scores(
  kase: GoldenCase,
  options: Partial<STANOptions>,
  histories: Ragged,
  exclude?: Ragged,
): Promise<Float64Array> {
  const log = sessions(kase);
  const model = new STAN({ ...options, items: log.items });
  await model.fit(log);
  const width = log.items.size;
  const lists = await model.topK(histories, width, { exclude });
  const out = new Float64Array(histories.count * width);
  lists.items.forEach((row, i) => {
    if (row >= 0) out[Math.floor(i / width) * width + row] = lists.scores[i] as number;
  });
  return out;
}

function sessions(kase: GoldenCase): Interactions {
  const offsets = kase.ints('in/session_offsets');
  const time = Float64Array.from(kase.ints('in/session_times'));
  const users = Array.from({ length: offsets.length - 1 }, (_, b) => b);
  const events = { item: kase.ints('in/session_items'), time };
  return new Interactions(catalog(kase.number('nItems')), users, new Ragged(offsets, events));
}

/** The queries; the time of each stands at all its events. */
function queries(kase: GoldenCase, timeOf: (query: number) => number): Ragged {
  const offsets = kase.ints('in/query_offsets');
  const time = new Float64Array(offsets.at(-1) as number);
  for (let b = 0; b + 1 < offsets.length; b++) time.fill(timeOf(b), offsets[b], offsets[b + 1]);
  return new Ragged(offsets, { item: kase.ints('in/query_items'), time });
}

export const adapters: AdapterTable = [
  [/^stan_warprec/, warpRec],
  [/^stan/, sessionRec],
];
