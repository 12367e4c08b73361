/**
 * `npm run quality -- RECIPE`: trains and measures a recipe of `test/quality/recipes`. With `--record` the result goes to
 * `docs/results/`, and docs/results.md is made anew from all that is there.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SingleBar } from 'cli-progress';
import { Command, InvalidArgumentError } from 'commander';
import type { FitProgress } from 'seqrec';
import { type Recipe, type RecipeResult, runRecipe } from './recipe.ts';
import { protocolOf, sectionOf, tableOf } from './report.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const names = readdirSync(here('recipes')).map((file) => file.replace(/\.ts$/, ''));
const results = here('../../docs/results');

const program = new Command('npm run quality --')
  .description(
    `Trains a model on public data, selects on validation and measures once on test.\nRecipes: ${names.join(', ')}`,
  )
  .argument('[recipe]', 'which one; without it docs/results.md is made from the recorded results')
  .option('--data <directory>', 'where the data files are', '../shared/data')
  .option('--seeds <n>', 'how many seeds, from 42 on', count, 3)
  .option('--workers <n>', 'threads that share the training', count, 1)
  .option('--cache <directory>', 'where results and checkpoints of unfinished runs are kept', '.cache/quality')
  .option('--record', 'keep the result in docs/results and make docs/results.md anew')
  .parse();
const options = program.opts();
const [name] = program.args;

if (name === undefined) await writeResults();
else {
  if (!names.includes(name)) program.error(`There is no recipe ${name}; there are: ${names.join(', ')}.`);
  const { recipe } = (await import(`./recipes/${name}.ts`)) as { recipe: Recipe };
  const abort = new AbortController();
  process.once('SIGINT', () => abort.abort(new Error('Stopped by Ctrl-C; the same command goes on.')));
  const bar = progressBar();
  const result = await runRecipe(recipe, {
    name,
    data: options.data,
    seeds: options.seeds,
    cache: options.cache,
    workers: options.workers,
    signal: abort.signal,
    onProgress: bar.update,
    log: (line) => {
      bar.stop();
      console.log(line);
    },
  }).catch((error: Error): never => {
    bar.stop();
    return program.error(error.message);
  });
  console.log(`\n${tableOf(result)}\n\n${protocolOf(result)}\n`);
  if (options.record) {
    await mkdir(results, { recursive: true });
    await writeFile(join(results, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
    await writeResults();
  }
  console.log(JSON.stringify(result));
}

/** docs/results.md: what stands before the first table stays, the tables are those of docs/results. */
async function writeResults(): Promise<void> {
  const file = here('../../docs/results.md');
  const mark = '<!-- made by `npm run quality` from docs/results -->';
  const [before = ''] = readFileSync(file, 'utf8').split(mark);
  const all = readdirSync(results)
    .filter((entry) => entry.endsWith('.json'))
    .sort()
    .map((entry) => JSON.parse(readFileSync(join(results, entry), 'utf8')) as RecipeResult);
  const titles = [...new Set(all.map(({ section }) => section))];
  const text = titles
    .map((title) =>
      sectionOf(
        title,
        all.filter(({ section }) => section === title),
      ),
    )
    .join('\n\n');
  await writeFile(file, `${before.trimEnd()}\n\n${mark}\n\n${text}\n`);
  console.log(`docs/results.md is made of ${all.length} results.`);
}

function progressBar() {
  const format = 'seed {seed}, epoch {epoch}/{epochs} [{bar}]  loss {loss}  {validation}  {left} left at most';
  const bar = new SingleBar({ format, noTTYOutput: true, notTTYSchedule: 30_000, hideCursor: true, barsize: 20 });
  let validation = '';
  let started = false;
  return {
    update(seed: number, p: FitProgress) {
      if (p.validation)
        validation = Object.entries(p.validation)
          .map(([key, value]) => `${key} ${value.toFixed(4)}`)
          .join(' ');
      const minutes = Math.ceil(p.remainingSeconds / 60);
      const values = {
        seed,
        epoch: p.epoch,
        epochs: p.epochs,
        loss: p.loss.toFixed(4),
        validation,
        left: `${minutes} min`,
      };
      if (!started) bar.start(p.epochs * p.steps, 0, values);
      started = true;
      bar.update((p.epoch - 1) * p.steps + p.step, values);
    },
    stop() {
      if (started) bar.stop();
      started = false;
    },
  };
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number from 1.');
  return value;
}
