/** The examples, run as a user runs them: on the built package, in a process of their own. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = async (name: string, ...options: string[]) =>
  (await promisify(execFile)(process.execPath, [`examples/${name}.ts`, ...options], { cwd: root })).stdout;

test('quickstart trains, evaluates, recommends and reloads', async () => {
  const out = await run('quickstart');
  expect(out).toMatch(/5 epochs in \d+\.\d s/);
  expect(out).toMatch(/NDCG@10/);
  const answers = [...out.matchAll(/score: ([\d.-]+)/g)].map(([, score]) => score);
  expect(answers).toHaveLength(6);
  expect(answers.slice(0, 3)).toEqual(answers.slice(3)); // the reloaded model answers the same
});

test('custom-model fits in 45 lines, is trained and saved', async () => {
  const lines = (await readFile(`${root}/examples/custom-model.ts`, 'utf8')).trimEnd().split('\n');
  expect(lines.length).toBeLessThan(45);
  const out = await run('custom-model');
  expect(out).toMatch(/gate\.weight +\[32, 64\] +2,048/);
  expect(out).toMatch(/8 epochs in .* loss [0-4]\.\d+/);
  expect(out).toMatch(/saved and reloaded: \[\s+\{ item: '.*', score: [\d.-]+ \}/);
});

test('explain prints a table and draws', async () => {
  const out = await run('explain');
  expect(out).toMatch(/ has a score of [\d.]+; its events contribute\n +-?[\d.]+ {2}attention [\d.]+ {2}\w+/);
  expect(await readFile(`${root}/.cache/explanation.svg`, 'utf8')).toMatch(/^<svg .*<\/svg>\n$/s);
});

test('the demo prints its table, reloads and ends with JSON', async () => {
  const out = await run(
    'demo',
    '--epochs',
    '1',
    '--dim',
    '8',
    '--loss',
    'gbce',
    '--save',
    '.cache/test/m.safetensors',
    '--json',
  );
  expect(out).toContain('reloaded: the same recommendations.');
  const figures = JSON.parse(out.trimEnd().split('\n').at(-1) as string);
  expect(Object.keys(figures.metrics)).toEqual([
    'Popularity',
    'Markov chain',
    '1-step Markov',
    '5-step Markov',
    'SASRec (gbce)',
  ]);
  for (const values of Object.values(figures.metrics) as Record<string, number>[]) {
    expect(values['NDCG@10']).toBeGreaterThan(0);
    expect(values['HR@10']).toBeLessThan(1);
  }
});

test('the demo says what is wrong with a bad file or option', async () => {
  await expect(run('demo', '--data', 'no-such-file.csv')).rejects.toThrow('no-such-file.csv');
  await expect(run('demo', '--epochs', 'many')).rejects.toThrow('expected a whole number');
  await expect(run('demo', '--data', 'LICENSE')).rejects.toThrow('The layout of the data must be given as { format }');
});

test('the demo takes other models', async () => {
  const out = await run('demo', '--model', 'vsknn', '--save', '.cache/test/n.safetensors');
  expect(out).toMatch(/^VSKNN +0\.\d{4}/m);
  expect(out).toContain('reloaded: the same recommendations.');
});
