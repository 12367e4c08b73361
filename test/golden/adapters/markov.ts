/** Markov chains of several orders: lists, probabilities and the table of transitions. */
import { Interactions, type ItemId, MarkovChain } from 'seqrec';
import type { Adapter, AdapterTable, GoldenCase } from '../case.ts';

const markov: Adapter = async (kase) => {
  const train = sequences(kase, 'train');
  const queries = sequences(kase, 'query');
  // The items of the queries come last, so that unknown ones are in the catalogue, too.
  const rows = [...train, ...queries].flatMap((list, user) => list.map((item) => ({ user, item })));
  const { items } = Interactions.from(rows);
  const log = Interactions.from(
    rows.filter(({ user }) => user < train.length),
    { catalog: items },
  );
  const model = new MarkovChain({ items, order: kase.number('order') });
  await model.fit(log);

  const k = kase.size('out/top_items', 1);
  const lists = await model.recommendMany(queries, { k, excludeSeen: false });
  const padded = <T>(value: (entry: { item: ItemId; score: number }) => T, none: T) =>
    lists.flatMap((list) => [...list.map(value), ...Array<T>(k - list.length).fill(none)]);
  kase.compare(
    'out/top_items',
    padded(({ item }) => Number(item), -1),
  );
  kase.compare(
    'out/top_probs',
    padded(({ score }) => score, 0),
  );

  // The peer lists its contexts in ascending order.
  const transitions = model.transitions().sort((a, b) => ascending(a.context, b.context));
  kase.compare(
    'out/transition_context',
    transitions.flatMap(({ context }) => context.map(Number)),
  );
  kase.compare(
    'out/transition_next',
    transitions.map(({ next }) => Number(next)),
  );
  kase.compare(
    'out/transition_count',
    transitions.map(({ count }) => count),
  );
  kase.compare(
    'out/context_count',
    transitions.map(({ count, probability }) => count / probability),
  );
  for (const key of kase.keys('out/example_'))
    kase.except(key, "the training data of the document's example are not stored");
};

function sequences(kase: GoldenCase, name: string): number[][] {
  const [items, offsets] = [kase.ints(`in/${name}_items`), kase.ints(`in/${name}_offsets`)];
  return Array.from(offsets.subarray(1), (end, b) => [...items.subarray(offsets[b], end)]);
}

function ascending(a: readonly ItemId[], b: readonly ItemId[]): number {
  const at = a.findIndex((item, i) => item !== b[i]);
  return at < 0 ? 0 : Number(a[at]) - Number(b[at]);
}

export const adapters: AdapterTable = [[/^markov/, markov]];
