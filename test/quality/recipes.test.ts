/** Every recipe makes a model that learns a little and answers, on a small shop in place of its data. */
import { readdirSync } from 'node:fs';
import { Catalog, CountingModel, categorical, Interactions, leaveLastOut, multiValued, syntheticShop } from 'seqrec';
import { beforeAll, expect, test } from 'vitest';
import { use } from '../support/backends.ts';
import type { Recipe } from './recipe.ts';

const names = readdirSync(new URL('recipes', import.meta.url)).map((file) => file.replace(/\.ts$/, ''));
const shop = syntheticShop({ users: 20 });
const catalog = Catalog.from(
  shop.items.map(({ id, category }) => ({ item: id, category: [category] })),
  { features: { category: multiValued() } },
);
const featured = Interactions.from(
  shop.rows.map((row) => ({ ...row, group: String(row.user).length })),
  { catalog, features: { user: { group: categorical() } } },
);

beforeAll(() => use('wasm'));

test.each(names)('%s', async (name) => {
  const { recipe } = (await import(`./recipes/${name}.ts`)) as { recipe: Recipe };
  const log = name.endsWith('-features') ? featured : shop.log;
  const data = { ...leaveLastOut(log), description: 'A small shop' };
  using model = recipe.model(log.items, data);
  if (model instanceof CountingModel) await model.fit(data.train);
  else {
    const report = await model.fit(data.train, {
      ...recipe.fit,
      epochs: 1,
      batchSize: 64,
      validation: data.validation,
    });
    expect(report.epochs[0]?.loss).toBeGreaterThan(0);
  }
  const known = recipe.metrics.map(({ key }) => key);
  for (const { source, values } of recipe.published ?? []) {
    expect(known, source).toEqual(expect.arrayContaining(Object.keys(values)));
  }
  expect(await model.scores(data.test.histories.take([0, 1]))).toHaveLength(2 * log.items.size);
});
