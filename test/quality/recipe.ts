/**
 * A recipe: one model on one data set, trained, selected on validation and measured once on test, for several seeds.
 *
 * What a seed has given is kept, as is the checkpoint of a run under way, so that a run that was killed goes on.
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Catalog,
  CountingModel,
  type EvaluateOptions,
  evaluate,
  type FitOptions,
  type FitProgress,
  MarkovChain,
  type Metric,
  MultiStepMarkov,
  type Part,
  Popularity,
  type Recommender,
  type Report,
  type SequenceModel,
} from 'seqrec';
import type { DataSet, DataSource } from './data-sets.ts';

export interface Recipe {
  /** Of the section in docs/results.md. */
  readonly section: string;
  /** Of the model's row. */
  readonly label: string;
  readonly data: DataSource;
  readonly model: (items: Catalog, data: DataSet) => SequenceModel | CountingModel;
  /** How a network is trained; `earlyStopping` on the first of `metrics` unless it says otherwise or nothing validates. */
  readonly fit?: Omit<
    FitOptions,
    'seed' | 'validation' | 'metrics' | 'signal' | 'onProgress' | 'checkpoint' | 'resume'
  >;
  /** What is reported; the first selects the model. */
  readonly metrics: readonly Metric[];
  /**
   * Measures a second network, which learns from training and validation part together for the number of epochs that
   * validation has chosen for the first. @defaultValue false
   */
  readonly refit?: boolean | undefined;
  readonly evaluation?: Omit<EvaluateOptions<Metric>, 'metrics'>;
  /** What others report for this data and protocol. */
  readonly published?: readonly { readonly source: string; readonly values: { readonly [metric: string]: number } }[];
  /** What a reader must know. */
  readonly remarks?: string;
}

/** What one seed has given. */
export interface SeedResult {
  readonly seed: number;
  readonly metrics: { readonly [metric: string]: number };
  /** Epochs that were trained; 1 of a model that counts. */
  readonly epochs: number;
  /** The epoch whose weights were measured, if validation chose one. */
  readonly best?: number | undefined;
  readonly seconds: number;
  readonly secondsPerEpoch: number;
}

/** What a recipe has given; what docs/results.md is made of. */
export interface RecipeResult {
  readonly recipe: string;
  readonly section: string;
  readonly label: string;
  readonly data: string;
  readonly protocol: Report['protocol'];
  readonly metrics: readonly string[];
  readonly baselines: { readonly [label: string]: { readonly [metric: string]: number } };
  readonly seeds: readonly SeedResult[];
  /** What the seeds were trained with: a result of other settings is not used again. */
  readonly settings: string;
  readonly published: NonNullable<Recipe['published']>;
  readonly remarks?: string | undefined;
}

export interface RunOptions {
  /** Its name, for the files. */
  readonly name: string;
  /** The directory of the data. */
  readonly data: string;
  readonly seeds: number;
  /** Where results and checkpoints are kept. */
  readonly cache: string;
  readonly workers?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((seed: number, progress: FitProgress) => void) | undefined;
  readonly log?: ((line: string) => void) | undefined;
}

/** Trains and measures `options.seeds` seeds, 42 and those after it. */
export async function runRecipe(recipe: Recipe, options: RunOptions): Promise<RecipeResult> {
  const { name, cache, signal, log } = options;
  const data = await recipe.data(options.data);
  if (recipe.refit && !(data.validation && data.whole)) {
    throw new Error(`The recipe ${name} refits, but its data have no validation part or no whole.`);
  }
  log?.(data.description);
  const directory = join(cache, name);
  await mkdir(directory, { recursive: true });
  const { candidates = recipe.evaluation?.candidates } = data;
  const measure = (model: Recommender) =>
    evaluate(model, data.test, { ...recipe.evaluation, candidates, metrics: recipe.metrics, signal });

  const baselines: Record<string, RecipeResult['baselines'][string]> = {};
  // What the measured model has learned from.
  const plain = ((recipe.refit && data.whole) || data.train).withFeatures();
  const catalog = plain.items;
  let protocol: Report['protocol'] | undefined;
  for (const [label, model] of Object.entries({
    Popularity: new Popularity({ items: catalog }),
    'Markov chain': new MarkovChain({ items: catalog }),
    '5-step Markov': new MultiStepMarkov({ items: catalog, steps: 5 }),
  })) {
    await model.fit(plain);
    const report = await measure(model);
    baselines[label] = report.metrics;
    protocol = report.protocol;
    log?.(`${label}: ${recipe.metrics.map(({ key }) => `${key} ${report.metrics[key]?.toFixed(4)}`).join(', ')}`);
  }
  const seeds: SeedResult[] = [];
  const settings = describeSettings(recipe, data);
  for (let seed = 42; seed < 42 + options.seeds; seed++) {
    const kept = join(directory, `${seed}.json`);
    const found = await readJson<SeedResult & { settings: string }>(kept);
    if (found?.settings === settings) {
      seeds.push(found);
      log?.(`seed ${seed}: measured before`);
      continue;
    }
    const result = await runSeed(recipe, data, seed, options, measure);
    await writeFile(`${kept}.new`, JSON.stringify({ ...result, settings }));
    await rename(`${kept}.new`, kept);
    seeds.push(result);
  }
  return {
    recipe: name,
    section: recipe.section,
    label: recipe.label,
    data: data.description,
    protocol: protocol as Report['protocol'],
    metrics: recipe.metrics.map(({ key }) => key),
    baselines,
    seeds,
    settings,
    published: recipe.published ?? [],
    remarks: recipe.remarks,
  };
}

async function runSeed(
  recipe: Recipe,
  data: DataSet,
  seed: number,
  { name, cache, workers, signal, onProgress, log }: RunOptions,
  measure: (model: Recommender) => Promise<Report>,
): Promise<SeedResult> {
  const model = recipe.model(data.test.catalog, data);
  const began = performance.now();
  try {
    if (model instanceof CountingModel) {
      await model.fit(data.train);
      const seconds = (performance.now() - began) / 1000;
      return { seed, metrics: (await measure(model)).metrics, epochs: 1, seconds, secondsPerEpoch: seconds };
    }
    const metric = recipe.metrics[0] as Metric;
    const { excludeSeen = true } = recipe.evaluation ?? {};
    const { earlyStopping = { metric, patience: 10 }, ...fit } = recipe.fit ?? {};
    const train = async (network: SequenceModel, kept: string, more: FitOptions, on = data.train) => {
      const report = await network.fit(on, {
        ...(workers === undefined ? {} : { workers }),
        ...fit,
        ...more,
        excludeSeen,
        seed,
        checkpoint: { file: join(cache, name, kept) },
        resume: true,
        signal,
        onProgress: (progress) => onProgress?.(seed, progress),
      });
      log?.(`seed ${seed}: ${report}`);
      return report;
    };
    const files = [`${seed}.checkpoint`, `${seed}.refit.checkpoint`] as const;
    const { validation, whole } = data;
    const report = await train(model, files[0], validation ? { validation, earlyStopping } : {});
    const trained = report.epochs.reduce((sum, epoch) => sum + epoch.seconds, 0);
    using second = recipe.refit ? (recipe.model(data.test.catalog, data) as SequenceModel) : undefined;
    const again = second && (await train(second, files[1], { epochs: report.best?.epoch }, whole));
    const { metrics } = await measure(second ?? model);
    for (const file of files) await rm(join(cache, name, file), { force: true });
    return {
      seed,
      metrics,
      epochs: report.epochs.length,
      best: report.best?.epoch,
      seconds: report.seconds + (again?.seconds ?? 0),
      secondsPerEpoch: trained / report.epochs.length,
    };
  } finally {
    model.dispose();
  }
}

function describeSettings({ model: make, fit, refit, evaluation, metrics }: Recipe, data: DataSet): string {
  const model = make(data.test.catalog, data);
  const { modelName } = model.constructor as typeof Recommender;
  const config = (model as unknown as { config(): object }).config();
  model.dispose();
  return JSON.stringify(
    { data: data.description, modelName, config, fit, refit, evaluation, metrics: metrics.map(({ key }) => key) },
    plain,
  );
}

/** Parts by name and options, functions left out, and of long lists, such as all users, how long they are. */
function plain(_key: string, value: unknown): unknown {
  if (Array.isArray(value) && value.length > 20) return `${value.length} values`;
  if (typeof value === 'function') return isNamed(value) ? value.name : undefined;
  return value;
}

function isNamed(value: unknown): value is Part {
  return typeof (value as Partial<Part>).options === 'object';
}

async function readJson<T>(file: string): Promise<T | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as T);
}
