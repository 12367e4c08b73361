/** The base of every network: a subclass declares its blocks and writes `encode`. */
import * as tf from '@tensorflow/tfjs-core';
import { checkDevice, ready } from '../../backend/select.ts';
import type { Continued } from '../../blocks/block.ts';
import type { Output } from '../../blocks/output-head.ts';
import { batchLayout } from '../../core/batch-layout.ts';
import type { Layout } from '../../core/layout.ts';
import type { PartOption } from '../../core/part.ts';
import { Ragged, range } from '../../core/ragged.ts';
import type { Rng } from '../../core/rng.ts';
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import type { Catalog } from '../../data/catalog.ts';
import type { Interactions } from '../../data/interactions.ts';
import { badScores, ranksOfScores } from '../../evaluation/rank.ts';
import { chunkSize, type ExcludeOptions, type TopK } from '../../evaluation/scorer.ts';
import { topKOfScores } from '../../evaluation/top-k.ts';
import { selectRows } from '../../ops/gather-rows.ts';
import { bestItems, hasFusedScores, itemScores, targetRanks } from '../../ops/item-scores.ts';
import { checkRows } from '../../ops/rows.ts';
import type { FitOptions } from '../../training/fit-options.ts';
import type { FitReport } from '../../training/fit-report.ts';
import type { FitDefaults, Trainable } from '../../training/trainable.ts';
import { Recommender } from './recommender.ts';
import { RecordedRequests, read } from './recorded-requests.ts';
import type { HistoryReader } from './session.ts';
import { type EventStream, StreamedHistory } from './streamed-history.ts';

export interface SequenceModelOptions {
  /** The items that can be recommended. */
  items: Catalog;
  /** The most events of a history that are read; older ones are left out. @defaultValue 50 */
  maxLength?: number | undefined;
}

/** The most histories that are scored at once. */
const SCORING_BATCH = 128;
/** The most bytes of scores at once, where they are held. */
const MAX_BYTES = 64 * 2 ** 20;
/** The most events that are encoded at once, but at least one history. */
const ENCODING_ROWS = 2048;
/**
 * Where requests are recorded, a history of fewer events is answered sooner as a whole than by a pass of one event, which
 * is not recorded. In milliseconds on one core: SASRec of width 64 needs 0.35 for 100 events, 0.61 for 200 and 0.67 for one
 * after others, of width 128 1.01, 2.02 and 0.94; GRU4Rec of width 100 0.25 for 20, 0.95 for 100 and 0.26 for one.
 */
const RECORDED_EVENTS = { blocks: 128, recurrent: 16 };

/**
 * A network that reads histories. A subclass declares blocks as fields and writes {@link encode} and {@link output};
 * `fit`, `scores`, `recommend`, `save`, `load` and `dispose` are inherited. A subclass with options of its own takes them
 * before it passes on the others, which are refused if they are unknown, and adds them to {@link config}, so that a file can
 * make it again.
 */
export abstract class SequenceModel extends Recommender implements Trainable {
  readonly maxLength: number;
  readonly #requests = new RecordedRequests();
  #fitting = false;

  constructor({ items, maxLength = 50, ...others }: SequenceModelOptions) {
    super(items);
    refuseOthers(new.target.modelName || new.target.name, others);
    this.maxLength = checkNumber('maxLength', maxLength, { min: 1, integer: true });
  }

  /**
   * The states of all events, or of those that are asked for.
   *
   * @param events  the batch's columns on the host
   * @param layout  the same batch on the device; on WebGPU its `capacity` is above the number of events, so lengthen
   *                columns by `layout.pad`
   * @param rng     turns dropout on
   * @param queries the events whose states are wanted, if not all: the last of each history, when the model serves and
   *                when an objective asks no others. A network that can computes only these (its last block takes them as `queries`) and returns
   *                `[queries.capacity, D]`; others ignore it and return all.
   * @returns `[capacity, D]`
   */
  abstract encode(events: Ragged, layout: Layout, rng?: Rng, queries?: Layout): tf.Tensor2D;

  /**
   * Of a recurrent network: what {@link encode} gives for the events after others, from the states `[B, H]` of every layer
   * that the call for these left in `after`. Training in session-parallel steps and sessions use it. @defaultValue none
   */
  encodeFrom?(events: Ragged, layout: Layout, before?: readonly tf.Tensor2D[], rng?: Rng, queries?: Layout): Continued;

  /**
   * What states are scored against.
   *
   * @param rng turns dropout on, for models that drop parts of it
   */
  abstract output(rng?: Rng): Output;

  /** What a state knows of its sequence, see {@link Trainable}. @defaultValue 'past' */
  get reads(): 'past' | 'all' | 'last' {
    return 'past';
  }

  /** The row of [MASK] in the model's own table, if it has one. @defaultValue none */
  get mask(): number | undefined {
    return undefined;
  }

  /** How `fit` trains this model unless told otherwise, after the authors' code. @defaultValue those of {@link FitOptions} */
  get defaults(): FitDefaults {
    return {};
  }

  /**
   * What the network reads to answer for histories; the state of each sequence's last row is scored. BERT4Rec appends
   * [MASK]. @defaultValue the histories themselves
   *
   * @param histories the most recent `maxLength` events of each
   */
  protected asked(histories: Ragged): Ragged {
    return histories;
  }

  override config(): { readonly [option: string]: PartOption } {
    return { maxLength: this.maxLength };
  }

  /**
   * Whether {@link encode} does the same for all histories of one length but for the items that it looks up: it takes no
   * decision by the items and keeps no state. Where the backend can, single requests are then answered by repeating the
   * calls of kernels that one of them made, which takes a third of the time.
   *
   * @defaultValue false
   */
  protected get recordable(): boolean {
    return false;
  }

  /**
   * How sessions go on from the events before; undefined if every answer needs the whole history.
   *
   * @defaultValue by {@link encodeFrom}, undefined without it
   */
  protected stream(): EventStream | undefined {
    return this.encodeFrom && ((events, layout, before) => this.encodeFrom?.(events, layout, before) as Continued);
  }

  /**
   * The attention of the last event's state over one history, as {@link asked} gives it, for {@link explain}.
   *
   * @returns `[N]`, the share of each event; undefined if the network has none
   *
   * @defaultValue undefined
   */
  protected attentionOf(_events: Ragged, _layout: Layout): tf.Tensor1D | undefined {
    return undefined;
  }

  protected override async attentionTo(history: Ragged): Promise<Float32Array | undefined> {
    await ready();
    const asked = this.asked(history);
    using layout = batchLayout(asked);
    const weights = tf.tidy(() => this.attentionOf(asked, layout));
    if (!weights) return undefined;
    const [shares] = (await read([weights])) as [Float32Array];
    // [MASK] is no event; events that it pushed out have no share.
    const events = asked.rows - (asked.item.at(-1) === this.mask ? 1 : 0);
    const out = new Float32Array(history.rows);
    out.set(shares.subarray(0, events), history.rows - events);
    return out;
  }

  protected override get window(): number {
    return this.maxLength;
  }

  protected override reader(): HistoryReader {
    const stream = this.stream();
    if (!stream) return super.reader();
    return new StreamedHistory({
      stream,
      parameters: [...this.parameters().values()],
      soonerAfresh: (events) =>
        events < RECORDED_EVENTS[this.encodeFrom ? 'recurrent' : 'blocks'] && this.recordable && hasFusedScores(),
      best: (state, k, exclude) => this.#bestOf(state, k, exclude),
      afresh: (history, k, exclude) => this.topK(history, k, { exclude }),
    });
  }

  override dispose(): void {
    this.#requests.clear();
    super.dispose();
  }

  /** Trains the network; see {@link FitOptions}. One call at a time. */
  async fit(data: Interactions, options: FitOptions = {}): Promise<FitReport> {
    if (this.#fitting) throw new Error('This model is being fitted already: await the first fit before the next.');
    this.#fitting = true;
    try {
      const { fit } = await import('../../training/fit.ts'); // keeps training out of serving bundles
      return await fit(this, data, options);
    } finally {
      this.#fitting = false;
    }
  }

  /**
   * The scores of every item as the next one.
   *
   * @param histories at least one event each; only the most recent `maxLength` are read
   * @returns `[B · V]`, row-major
   */
  override async scores(histories: Ragged): Promise<Float32Array> {
    const width = this.catalog.size;
    const out = new Float32Array(histories.count * width);
    const step = chunkSize(width, SCORING_BATCH, MAX_BYTES);
    await this.#inChunks(histories, step, async (states, from) => out.set(await this.#scoresOf(states), from * width));
    return out;
  }

  /** The best `k` items of each history, without holding all scores where the backend has a kernel for it. */
  override async topK(histories: Ragged, k: number, { exclude }: ExcludeOptions = {}): Promise<TopK> {
    checkNumber('k', k, { min: 1, integer: true });
    this.#checkLists('exclude', exclude, histories);
    if (histories.count === 1 && this.recordable && hasOnlyItems(histories)) return this.#answer(histories, k, exclude);
    const out = { items: new Int32Array(histories.count * k), scores: new Float32Array(histories.count * k) };
    await this.#inChunks(histories, SCORING_BATCH, async (states, from, which) => {
      const { items, scores } = await this.#bestOf(states, k, exclude?.take(which));
      out.items.set(items, from * k);
      out.scores.set(scores, from * k);
    });
    return out;
  }

  /** The rank of every target, without holding all scores where the backend has a kernel for it. */
  override async ranks(histories: Ragged, targets: Ragged, { exclude }: ExcludeOptions = {}): Promise<Int32Array> {
    this.#checkLists('targets', targets, histories);
    this.#checkLists('exclude', exclude, histories);
    const out = new Int32Array(targets.rows);
    await this.#inChunks(histories, SCORING_BATCH, async (states, from, which) => {
      const ranks = await this.#ranksOf(states, targets.take(which), exclude?.take(which));
      out.set(ranks, targets.offsets[from]);
    });
    return out;
  }

  /** Kernels write where such rows say. */
  #checkLists(name: string, lists: Ragged | undefined, histories: Ragged): void {
    if (!lists) return;
    checkRows(lists.item, this.catalog.size, name);
    if (lists.count === histories.count) return;
    throw new RangeError(
      `${name} must have one sequence for each of the ${histories.count} histories, got ${lists.count}.`,
    );
  }

  /** {@link topK} of one history, which is recorded. */
  async #answer(history: Ragged, k: number, exclude: Ragged | undefined): Promise<TopK> {
    this.requireEvents(history);
    await ready();
    checkRows(history.item, this.catalog.size, 'A history');
    const recent = this.asked(history.last(this.maxLength));
    if (!hasFusedScores()) {
      const states = this.#lastStates(recent);
      return this.#bestOf(states, k, exclude).finally(() => states.dispose());
    }
    const without = exclude && lengthened(exclude);
    const inputs = [recent.item, ...(without ? [without.item, without.offsets] : [])];
    const values = await this.#requests.answer(`${recent.rows} ${without?.rows} ${k}`, inputs, () =>
      tf.tidy(() => bestItems(this.#encodeLast(recent), this.output(), k, without)),
    );
    return checked(values, k);
  }

  async #scoresOf(states: tf.Tensor2D): Promise<Float32Array> {
    const [scores] = await read(tf.tidy(() => [itemScores(states, this.output())]));
    return scores as Float32Array;
  }

  async #bestOf(states: tf.Tensor2D, k: number, exclude?: Ragged): Promise<TopK> {
    if (!hasFusedScores()) return topKOfScores(await this.#scoresOf(states), this.catalog.size, k, exclude);
    return checked(await read(tf.tidy(() => bestItems(states, this.output(), k, exclude))), k);
  }

  async #ranksOf(states: tf.Tensor2D, targets: Ragged, exclude?: Ragged): Promise<Int32Array> {
    if (!hasFusedScores()) return ranksOfScores(await this.#scoresOf(states), this.catalog.size, targets, exclude);
    const others = exclude && without(exclude, targets);
    const [ranks] = (await read(tf.tidy(() => [targetRanks(states, this.output(), targets, others)]))) as [Int32Array];
    for (let b = 0; b < targets.count; b++) {
      for (let t = targets.offsets[b] as number; t < (targets.offsets[b + 1] as number); t++) {
        if ((ranks[t] as number) < 0) throw badScores(b, -1 - (ranks[t] as number));
      }
    }
    return ranks;
  }

  /** Calls `visit` with the states `[b, D]` of `most` histories at a time, the number of the first and all their numbers. */
  async #inChunks(
    histories: Ragged,
    most: number,
    visit: (states: tf.Tensor2D, from: number, which: Int32Array) => Promise<void>,
  ): Promise<void> {
    this.requireEvents(histories);
    await ready();
    const recent = this.asked(histories.last(this.maxLength));
    const all = range(recent.count);
    const step = hasFusedScores() ? most : chunkSize(this.catalog.size, most, MAX_BYTES);
    for (let from = 0; from < recent.count; from += step) {
      const which = all.subarray(from, from + step);
      const states = this.#lastStates(recent.take(which));
      try {
        await visit(states, from, which);
        checkDevice();
      } finally {
        states.dispose();
      }
    }
  }

  /** The state of each history's last event `[B, D]`, from a few histories at a time, so that they stay in the caches. */
  #lastStates(histories: Ragged): tf.Tensor2D {
    return tf.tidy(() => {
      const parts: tf.Tensor2D[] = [];
      for (let first = 0, end = 0; first < histories.count; first = end) {
        while (end < histories.count && (end === first || rowsOf(histories, first, end + 1) <= ENCODING_ROWS)) end++;
        const whole = end - first === histories.count;
        parts.push(this.#encodeLast(whole ? histories : histories.take(range(end - first).map((i) => first + i))));
      }
      return parts.length === 1 ? (parts[0] as tf.Tensor2D) : tf.concat(parts);
    });
  }

  #encodeLast(histories: Ragged): tf.Tensor2D {
    using layout = batchLayout(histories);
    using last = layout.last();
    return tf.tidy(() => {
      const states = this.encode(histories, layout, undefined, last);
      return states.shape[0] === last.capacity ? states : selectRows(states, layout, last);
    });
  }
}

/** What `bestItems` gives, or its error. */
function checked(values: readonly (Int32Array | Float32Array)[], k: number): TopK {
  const [items, scores] = values as [Int32Array, Float32Array];
  for (let i = 0; i < items.length; i += k) {
    if ((items[i] as number) < -1) throw badScores(i / k, -2 - (items[i] as number));
  }
  return { items, scores };
}

function hasOnlyItems({ events, sequences }: Ragged): boolean {
  return Object.keys(events).length === 1 && Object.keys(sequences).length === 0;
}

/** The one list repeats its first row up to a multiple of 32 rows, so that there are few sizes. */
function lengthened(list: Ragged): Ragged | undefined {
  if (list.rows === 0) return undefined;
  const rows = new Int32Array(Math.ceil(list.rows / 32) * 32).fill(list.item[0] as number);
  rows.set(list.item);
  return new Ragged(Int32Array.of(0, rows.length), { item: rows });
}

function rowsOf({ offsets }: Ragged, first: number, end: number): number {
  return (offsets[end] as number) - (offsets[first] as number);
}

/** Each sequence without the rows of the same sequence of `targets`. */
function without(lists: Ragged, targets: Ragged): Ragged {
  const own = Array.from({ length: targets.count }, (_, b) => targets.items(b));
  if (!own.some((items, b) => lists.items(b).some((row) => items.includes(row)))) return lists;
  return Ragged.from(own.map((items, b) => lists.items(b).filter((row) => !items.includes(row))));
}
