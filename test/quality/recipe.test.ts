/** Recipes: what they report, and that a run goes on where it was stopped. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { adam, evaluate, hitRate, Interactions, leaveLastOut, ndcg, Popularity, SASRec, syntheticShop } from 'seqrec';
import { afterAll, expect, test } from 'vitest';
import { type Recipe, runRecipe, type SeedResult } from './recipe.ts';
import { protocolOf, sectionOf, tableOf } from './report.ts';

const cache = mkdtempSync(join(tmpdir(), 'seqrec-quality-'));
afterAll(() => rmSync(cache, { recursive: true }));

const recipe: Recipe = {
  section: 'The shop',
  label: 'SASRec',
  data: async () => ({ ...leaveLastOut(syntheticShop({ users: 60 }).log), description: 'A small shop' }),
  model: (items) => new SASRec({ items, maxLength: 8, dim: 8, layers: 1 }),
  fit: { epochs: 2, batchSize: 16, optimizer: adam({ learningRate: 0.01 }) },
  metrics: [ndcg(10), hitRate(10)],
  published: [{ source: 'Another', values: { 'HR@10': 0.5 } }],
};
const options = { name: 'shop', data: '.', seeds: 2, cache };

test('a recipe reports baselines, mean and spread, what others report, and is run once', async () => {
  const steps: number[] = [];
  const result = await runRecipe(recipe, { ...options, onProgress: (seed) => void steps.push(seed) });
  expect(new Set(steps)).toEqual(new Set([42, 43]));
  expect(Object.keys(result.baselines)).toEqual(['Popularity', 'Markov chain', '5-step Markov']);
  const table = tableOf(result).split('\n');
  expect(table[0]).toMatch(/^\|\s+\|\s+NDCG@10 \|\s+HR@10 \|$/);
  expect(table.find((line) => line.includes('**SASRec**, mean of 2 seeds'))).toMatch(/0\.\d{4} ± 0\.\d{4} \|/);
  expect(table.at(-1)).toMatch(/^\| Another\s+\|\s+– \|\s+0\.5000 \|$/);
  expect(protocolOf(result)).toMatch(
    /leave-last-out test; ranked among all \d+ items without the items of the history/,
  );
  expect(sectionOf('The shop', [result])).toContain('npm run quality -- shop --seeds 2');

  steps.length = 0;
  const again = await runRecipe(recipe, { ...options, onProgress: (seed) => void steps.push(seed) });
  expect(steps).toEqual([]);
  expect(again.seeds.map(({ metrics }) => metrics)).toEqual(result.seeds.map(({ metrics }) => metrics));

  // Other settings are another run.
  await runRecipe(
    { ...recipe, fit: { ...recipe.fit, epochs: 1 } },
    { ...options, seeds: 1, onProgress: (seed) => void steps.push(seed) },
  );
  expect(steps.length).toBeGreaterThan(0);
});

test('a run that was stopped ends as one that was not', async () => {
  const whole = await runRecipe(recipe, { ...options, name: 'whole', seeds: 1 });
  const abort = new AbortController();
  const stopped = runRecipe(recipe, {
    ...options,
    name: 'stopped',
    seeds: 1,
    signal: abort.signal,
    onProgress: (_, { epoch, step }) => epoch === 1 && step === 2 && abort.abort(new Error('enough')),
  });
  await expect(stopped).rejects.toThrow('enough');
  expect(readdirSync(join(cache, 'stopped'))).toEqual(['42.checkpoint']);
  const resumed = await runRecipe(recipe, { ...options, name: 'stopped', seeds: 1 });
  expect(resumed.seeds[0]?.metrics).toEqual(whole.seeds[0]?.metrics);
  expect(readdirSync(join(cache, 'stopped'))).toEqual(['42.json']);
});

test('a refit learns from both parts for the chosen number of epochs', async () => {
  const { log } = syntheticShop({ users: 60 });
  const parts = leaveLastOut(log);
  const whole = new Interactions(log.items, log.users, parts.test.histories);
  const data = async () => ({ ...parts, whole, description: 'A small shop' });
  const refit = await runRecipe({ ...recipe, data, refit: true }, { ...options, name: 'refit', seeds: 1 });
  const [{ best, metrics }] = refit.seeds as [SeedResult];
  using model = recipe.model(parts.test.catalog, await data()) as SASRec;
  await model.fit(whole, { ...recipe.fit, epochs: best, seed: 42 });
  expect((await evaluate(model, parts.test, { metrics: recipe.metrics })).metrics).toEqual(metrics);
  const popular = new Popularity({ items: log.items });
  await popular.fit(whole);
  const popularity = await evaluate(popular, parts.test, { metrics: recipe.metrics });
  expect(refit.baselines.Popularity).toEqual(popularity.metrics);
  expect(readdirSync(join(cache, 'refit'))).toEqual(['42.json']);
  await expect(runRecipe({ ...recipe, refit: true }, { ...options, name: 'no whole', seeds: 1 })).rejects.toThrow(
    'The recipe no whole refits, but its data have no validation part or no whole.',
  );
});

test('a model that counts has no epochs', async () => {
  const { fit: _, ...rest } = recipe;
  const result = await runRecipe(
    { ...rest, label: 'Popularity', model: (items) => new Popularity({ items }) },
    { ...options, name: 'popularity', seeds: 1 },
  );
  expect(result.seeds[0]?.metrics).toEqual(result.baselines.Popularity);
  expect(protocolOf(result)).toContain('fitted in');
});
