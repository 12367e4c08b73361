/** What every model of this library can do once it is trained: recommend, be measured, be saved and loaded. */
import { ready } from '../../backend/select.ts';
import { Module } from '../../core/module.ts';
import { type PartSource, partsFromJson, partsToJson } from '../../core/part.ts';
import { Ragged, range } from '../../core/ragged.ts';
import { checkBoolean, checkNumber, describe, refuseOthers } from '../../core/shape.ts';
import { Catalog, type ItemId } from '../../data/catalog.ts';
import type { UserId } from '../../data/event-collector.ts';
import { featureNames } from '../../data/features.ts';
import { type HistoryEvent, type RequestFeatures, readHistories } from '../../data/histories.ts';
import { chunkSize, type ExcludeOptions, type Scorer, type TopK } from '../../evaluation/scorer.ts';
import { topKOfScores } from '../../evaluation/top-k.ts';
import { FileFormatError } from '../../io/error.ts';
import { type ExpectedTensor, matchTensors } from '../../io/match-tensors.ts';
import { readModelFile, writeModelFile } from '../../io/model-file.ts';
import type { TensorData } from '../../io/safetensors.ts';
import { Explanation } from './explanation.ts';
import { listOf, type Recommendation } from './recommendation.ts';
import { type HistoryReader, Session, type SessionOptions } from './session.ts';

export interface RecommendOptions {
  /** The number of items wanted; fewer come back where the catalogue or the model has no more. @defaultValue 10 */
  k?: number | undefined;
  /** Leaves out the items of the history. @defaultValue true */
  excludeSeen?: boolean | undefined;
  /** More items to leave out, such as those not in stock. @defaultValue none */
  exclude?: Iterable<ItemId> | undefined;
  /**
   * What to do with ids of a history that the model does not know: leave them out, or throw. So with values of features:
   * what is left out counts as no value.
   *
   * @defaultValue 'drop'
   */
  unknown?: 'drop' | 'error' | undefined;
  /** What is known of the user and the moment; needed by models with features of users or of the context. */
  features?: RequestFeatures | undefined;
  /** Whose history it is, for models with a vector for each user; the others refuse it. @defaultValue no user */
  user?: UserId | undefined;
  /** Called with the ids that were left out, if any, and the number of the history that had them. */
  onUnknown?: ((ids: readonly ItemId[], history: number) => void) | undefined;
}

/** {@link RecommendOptions} for many histories: with features and a user for each of them. */
export interface RecommendManyOptions extends Omit<RecommendOptions, 'features' | 'user'> {
  features?: readonly RequestFeatures[] | undefined;
  users?: readonly (UserId | undefined)[] | undefined;
}

export interface ExplainOptions extends Omit<RecommendOptions, 'k'> {
  /** The item whose score is explained. @defaultValue the best recommendation */
  item?: ItemId | undefined;
}

export interface LoadOptions {
  /** The exported functions of parts in the file that are not defaults of the model, by name: `{ parts: { gbce } }`. */
  parts?: { readonly [name: string]: PartSource } | undefined;
}

/** A subclass of {@link Recommender}, as `load` uses it. */
export interface RecommenderClass<M extends Recommender> {
  new (options: never): M;
  readonly modelName: string;
  readonly parts: { readonly [name: string]: PartSource };
}

/**
 * The base of every model: {@link scores} is all that a subclass must compute; a faster `topK` and `ranks` may follow.
 *
 * A subclass takes one options object with the catalogue as `items`, names itself in `static modelName` (never the
 * class name, which bundlers change), and returns from {@link config} the options that make it again.
 *
 * @example
 * ```ts
 * class Favourite extends Recommender {
 *   static override readonly modelName: string = 'Favourite';
 *   readonly row: number;
 *   constructor({ items, row = 0 }: { items: Catalog; row?: number | undefined }) {
 *     super(items);
 *     this.row = row;
 *   }
 *   protected config() { return { row: this.row }; }
 *   async scores(histories: Ragged) {
 *     return new Float32Array(histories.count * this.catalog.size).map((_, i) => Number(i % this.catalog.size === this.row));
 *   }
 * }
 * ```
 */
export abstract class Recommender extends Module implements Scorer {
  /** The name in model files. */
  static readonly modelName: string = '';
  /** The URL of the module that exports the class, `import.meta.url`: training workers import it from there. */
  static readonly module: string | undefined;
  /** What makes the parts again that the model uses by default, by their names in a file. */
  static readonly parts: { readonly [name: string]: PartSource } = {};
  /** Whether the class reads the side features of its catalogue; one that does not refuses a catalogue with features. */
  static readonly readsFeatures: boolean = false;

  /** The items that the model knows. */
  readonly catalog: Catalog;

  constructor(items: Catalog) {
    super();
    if (!(items instanceof Catalog)) {
      throw new TypeError(`items must be a Catalog, got ${describe(items)}: pass the items of your Interactions.`);
    }
    const { modelName, readsFeatures } = this.constructor as typeof Recommender;
    const features = featureNames(items.features);
    if (features.length > 0 && !readsFeatures) {
      throw new TypeError(
        `${modelName} reads no side features and was given ${features.join(', ')}: leave them out with log.withFeatures() or items.withFeatures().`,
      );
    }
    this.catalog = items;
  }

  /** Every option but the catalogue, with the defaults filled in: JSON values and parts. */
  protected abstract config(): object;

  abstract scores(histories: Ragged): Promise<Float32Array>;

  topK?(histories: Ragged, k: number, options?: ExcludeOptions): Promise<TopK>;

  ranks?(histories: Ragged, targets: Ragged, options?: ExcludeOptions): Promise<Int32Array>;

  /**
   * The best next items after `history`, best first. Equal scores come in the order of the catalogue, unless the model
   * defines another.
   *
   * An empty history, or one of unknown items only, is answered by models that have an answer to it (Popularity); the
   * others say what they do.
   *
   * @param history oldest first: item ids, or events `{ item, …features }` where the model reads features of events
   */
  async recommend(history: Iterable<ItemId | HistoryEvent>, options: RecommendOptions = {}): Promise<Recommendation[]> {
    refuseOthers('recommend', {}, options);
    const [list] = await this.recommendMany([history], ofOne(options));
    return list as Recommendation[];
  }

  /** {@link recommend} for many histories at once, in bounded memory. */
  async recommendMany(
    histories: Iterable<Iterable<ItemId | HistoryEvent>>,
    options: RecommendManyOptions = {},
  ): Promise<Recommendation[][]> {
    const { k: most = 10, excludeSeen = true, exclude = [], unknown, onUnknown, features, users, ...others } = options;
    refuseOthers('recommend', others, options);
    checkBoolean('excludeSeen', excludeSeen);
    const { catalog } = this;
    const k = Math.min(checkNumber('k', most, { min: 1, integer: true }), catalog.size);
    const known = this.readHistories(histories, { unknown, onUnknown, features, users });
    const unwanted = catalog.rows(exclude).rows;
    const out: Recommendation[][] = [];
    const step = chunkSize(catalog.size, MAX_HISTORIES, MAX_BYTES);
    for (let from = 0; from < known.count; from += step) {
      const chunk =
        known.count <= step ? known : known.take(range(Math.min(step, known.count - from)).map((i) => from + i));
      const best = await this.#best(chunk, k, excludedRows(excludeSeen ? chunk : undefined, unwanted, chunk.count));
      for (let b = 0; b < chunk.count; b++) out.push(listOf(catalog, best, b * k, k));
    }
    return out;
  }

  /** Raw histories as {@link scores} reads them. */
  protected readHistories(histories: Iterable<Iterable<ItemId | HistoryEvent>>, options: RecommendManyOptions): Ragged {
    const { features, unknown, users, onUnknown } = options;
    const { histories: known, unknown: left } = readHistories(this.catalog, histories, { features, unknown });
    left.forEach((ids, number) => {
      if (ids.length > 0) onUnknown?.(ids, number);
    });
    return users ? this.addressed(known, users, { unknown }) : known;
  }

  /**
   * Histories with the column `user`, for models that have a vector for each user: one user a history, undefined where
   * there is none.
   */
  protected addressed(
    _histories: Ragged,
    _users: readonly (UserId | undefined)[],
    _options: Pick<RecommendOptions, 'unknown'>,
  ): Ragged {
    const { modelName } = this.constructor as typeof Recommender;
    throw new TypeError(`This ${modelName} has no vectors of users: leave out the user.`);
  }

  async #best(histories: Ragged, k: number, exclude: Ragged | undefined): Promise<TopK> {
    if (this.topK) return this.topK(histories, k, { exclude });
    return topKOfScores(await this.scores(histories), this.catalog.size, k, exclude);
  }

  /**
   * A history that grows, see {@link Session}.
   *
   * @example
   * ```ts
   * using session = await model.session();
   * await session.push('sku-9');
   * const next = await session.recommend({ k: 10 });
   * ```
   */
  async session(options: SessionOptions = {}): Promise<Session> {
    const { unknown, onUnknown } = options;
    await ready();
    return new Session(
      {
        catalog: this.catalog,
        window: this.window,
        reader: this.reader(),
        read: (events, request) => this.readHistories([events], { ...ofOne(request), unknown, onUnknown }),
      },
      options,
    );
  }

  /**
   * Which events of `history` drove a recommendation: what an event contributes is the score of the item less its score
   * for the same history without the event. That is a comparison of answers, so any model can be explained, and what an
   * event does only together with others counts for each of them. Models with attention also tell its weights.
   *
   * Only events that the model reads are left out, the most recent `maxLength` of a network. A single event has
   * contributed the whole score where the model has no answer to an empty history.
   *
   * @throws RangeError for an unknown `item`, and if there is none and the model recommends nothing
   *
   * @example
   * ```ts
   * const why = await model.explain(['sku-17', 'sku-3'], { item: 'sku-9' });
   * why.events; // [{ item: 'sku-17', contribution: 0.41, attention: 0.22 }, …]
   * ```
   */
  async explain(history: Iterable<ItemId | HistoryEvent>, options: ExplainOptions = {}): Promise<Explanation> {
    const { catalog } = this;
    const { item: id, excludeSeen, exclude, unknown, onUnknown, features, user, ...others } = options;
    refuseOthers('explain', others, options);
    const whole = this.readHistories([history], ofOne({ unknown, onUnknown, features, user }));
    const item = id === undefined ? await this.#bestRow(whole, { excludeSeen, exclude }) : catalog.row(id);
    if (item < 0) throw new RangeError(catalog.explainUnknown(id as ItemId));
    const read = whole.last(this.window);
    const [score] = (await this.scoresOf(read, item)) as unknown as [number];
    const places = range(read.rows);
    const without = read.select(
      new Int32Array(read.rows),
      Array.from(places, (left) => places.filter((i) => i !== left)),
    );
    const rest = await this.scoresOf(without, item).catch((error) => {
      // The one history without events is beyond many models.
      if (read.rows === 1 && error instanceof RangeError) return [0];
      throw error;
    });
    const attention = read.rows > 0 ? await this.attentionTo(read) : undefined;
    const events = Array.from(rest, (other, i) => ({
      item: catalog.id(read.item[i] as number),
      contribution: score - other,
      ...(attention && { attention: attention[i] as number }),
    }));
    return new Explanation(catalog, catalog.id(item), score, events);
  }

  /** The row of the best item after a history. */
  async #bestRow(history: Ragged, { excludeSeen = true, exclude = [] }: ExplainOptions): Promise<number> {
    const unwanted = excludedRows(excludeSeen ? history : undefined, this.catalog.rows(exclude).rows, 1);
    const [row] = (await this.#best(history, 1, unwanted)).items as Int32Array & [number];
    if (row >= 0) return row;
    throw new RangeError('The model recommends nothing after this history: name the item to explain as { item }.');
  }

  /** The score of one item, a row of the catalogue, after each history; by default from all {@link scores}. */
  protected async scoresOf(histories: Ragged, item: number): Promise<Float32Array> {
    const step = chunkSize(this.catalog.size, MAX_HISTORIES, MAX_BYTES);
    const out = new Float32Array(histories.count);
    for (let from = 0; from < out.length; from += step) {
      const chunk = histories.take(range(Math.min(step, out.length - from)).map((i) => from + i));
      const scores = await this.scores(chunk);
      for (let b = 0; b < chunk.count; b++) out[from + b] = scores[b * this.catalog.size + item] as number;
    }
    return out;
  }

  /**
   * How the model spreads its attention over the events of one history, where it has any; for {@link explain}.
   *
   * @defaultValue undefined
   */
  protected async attentionTo(_history: Ragged): Promise<Float32Array | undefined> {
    return undefined;
  }

  /** The most events of a history that {@link scores} reads. @defaultValue all */
  protected get window(): number {
    return Infinity;
  }

  /** What answers for a session. By default every answer is computed afresh. */
  protected reader(): HistoryReader {
    return {
      topK: (history, _events, k, exclude) => this.#best(history, k, exclude),
      dispose() {},
    };
  }

  /**
   * The model as a safetensors file: arrays, options and catalogue, no code.
   *
   * @example
   * ```ts
   * await writeFile('model.safetensors', await model.save());
   * ```
   */
  async save(): Promise<Uint8Array<ArrayBuffer>> {
    const { modelName, name } = this.constructor as { modelName?: string; name: string } & typeof Recommender;
    if (!modelName || !Object.hasOwn(this.constructor, 'modelName')) {
      throw new Error(`The class ${name} must name itself in 'static modelName' to be saved.`);
    }
    const config = partsToJson(this.config());
    const stored: unknown = JSON.parse(JSON.stringify(config));
    const lost = firstDifference(config, stored, 'config');
    if (lost)
      throw new Error(
        `The option ${lost} of ${modelName} cannot be stored as JSON: use finite numbers, texts and parts.`,
      );
    return writeModelFile({
      model: modelName,
      config: stored,
      items: this.catalog.toJSON(),
      tensors: await this.state(),
    });
  }

  /**
   * The model that a file holds. Sizes are checked before anything is made, and every missing, unknown or misshapen
   * array is listed.
   *
   * @throws FileFormatError when the file is damaged, holds another model, or does not fit this one
   *
   * @example
   * ```ts
   * const model = await MarkovChain.load(await readFile('model.safetensors'));
   * ```
   */
  static async load<M extends Recommender>(
    this: RecommenderClass<M>,
    file: Uint8Array,
    options: LoadOptions = {},
  ): Promise<M> {
    const { parts = {}, ...others } = options;
    refuseOthers('load', others, options);
    // biome-ignore lint/complexity/noThisInStatic: the subclass that load is called on
    const { modelName, parts: defaults } = this;
    const { model: stored, config, items, tensors } = readModelFile(file);
    if (stored !== modelName) throw new FileFormatError(`The file holds a ${stored}; use ${stored}.load.`);
    let model: M;
    try {
      const made = partsFromJson(config, { ...defaults, ...parts }) as object;
      model = new this({ ...made, items: Catalog.fromJSON(items) } as never);
    } catch (error) {
      throw new FileFormatError(`The file makes no ${modelName}: ${(error as Error).message}`, { cause: error });
    }
    // An option that this version ignores would give other numbers without a word.
    const unused = firstDifference(config, partsToJson(model.config()), 'config');
    if (unused) {
      throw new FileFormatError(
        `The file has the option ${unused}, which this ${modelName} does not take: update seqrec.`,
      );
    }
    try {
      await model.restore(tensors);
    } catch (error) {
      model.dispose();
      throw error;
    }
    return model;
  }

  /** The arrays of the file; by default the parameters by their paths. */
  protected async state(): Promise<Map<string, TensorData>> {
    const out = new Map<string, TensorData>();
    for (const [path, parameter] of this.parameters()) {
      out.set(path, { dtype: 'F32', shape: parameter.shape, data: await parameter.data() });
    }
    return out;
  }

  /** The inverse of {@link state}. @throws FileFormatError when the arrays are not those of this model */
  protected async restore(tensors: ReadonlyMap<string, TensorData>): Promise<void> {
    const parameters = this.parameters();
    const expected = new Map<string, ExpectedTensor>();
    for (const [path, { shape }] of parameters) expected.set(path, { dtype: 'F32', shape });
    matchTensors(tensors, expected, `this ${(this.constructor as typeof Recommender).modelName}`);
    await ready();
    for (const [path, parameter] of parameters) parameter.set(tensors.get(path)?.data as Float32Array);
  }

  /**
   * For models without an answer to an empty history.
   *
   * @throws RangeError if one of `histories` is empty
   */
  protected requireEvents(histories: Ragged): void {
    let empty = 0;
    for (let b = 0; b < histories.count; b++) if (histories.length(b) === 0) empty++;
    if (empty === 0) return;
    const { modelName } = this.constructor as typeof Recommender;
    throw new RangeError(
      `Every history must have at least one item that the model knows, got ${empty} of ${histories.count} without: ${modelName} has no answer to these, Popularity has.`,
    );
  }
}

/** The options of many histories for the one. */
export function ofOne({ features, user, ...options }: RecommendOptions): RecommendManyOptions {
  return { ...options, features: features && [features], ...(user !== undefined && { users: [user] }) };
}

/** The most histories and the most bytes of scores at once. */
const MAX_HISTORIES = 1024;
const MAX_BYTES = 64 * 2 ** 20;

function excludedRows(seen: Ragged | undefined, unwanted: Int32Array, count: number): Ragged | undefined {
  if (unwanted.length === 0) return seen;
  return Ragged.from(Array.from({ length: count }, (_, b) => [...(seen?.items(b) ?? []), ...unwanted]));
}

/** The path of the first value of `stored` that `made` does not have; `made` may have more. */
function firstDifference(stored: unknown, made: unknown, path: string): string | undefined {
  if (stored === null || typeof stored !== 'object')
    return Object.is(stored, made) ? undefined : `${path} (${describe(stored)})`;
  if (made === null || typeof made !== 'object' || Array.isArray(stored) !== Array.isArray(made)) return path;
  if (Array.isArray(stored) && stored.length !== (made as unknown[]).length) return path;
  for (const [key, value] of Object.entries(stored)) {
    if (!Object.hasOwn(made, key)) return `${path}.${key}`;
    const found = firstDifference(value, (made as Record<string, unknown>)[key], `${path}.${key}`);
    if (found) return found;
  }
  return undefined;
}
