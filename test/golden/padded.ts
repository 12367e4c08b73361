/** The peers' padded windows `[B, L]` read as ragged sequences. */
import * as tf from '@tensorflow/tfjs-core';
import { Catalog, type Embedding, Layout, Ragged, withGradient } from 'seqrec';
import type { CompareOptions, GoldenCase } from './case.ts';

/** A padded batch without (some of) its pads. */
export interface Window {
  readonly events: Ragged;
  /** `[N]` where each row lies in the window: sequence · L + slot. */
  readonly slots: Int32Array;
  /** `[B]` the slot of each sequence's first row. */
  readonly starts: Int32Array;
  /** Slots of all sequences together, B · L. */
  readonly size: number;
}

/**
 * Reading *drop*: pads are left out; slot numbers can stay positions through `starts`.
 *
 * @param options `slots`: only so many of the first slots are read
 */
export function dropPads(kase: GoldenCase, key: string, pad: number, options: { slots?: number } = {}): Window {
  return window(kase, key, (id) => id !== pad, options.slots);
}

/** Reading *token*: all slots are ordinary rows. */
export function allSlots(kase: GoldenCase, key: string): Window {
  return window(kase, key, () => true);
}

function window(kase: GoldenCase, key: string, keep: (id: number) => boolean, length = kase.size(key, 1)): Window {
  const [count, stored] = [kase.size(key, 0), kase.size(key, 1)];
  const ids = kase.ints(key).filter((_, i) => i % stored < length);
  const sequences = Array.from({ length: count }, (_, b) =>
    Array.from({ length }, (_, slot) => b * length + slot).filter((slot) => keep(ids[slot] as number)),
  );
  for (const slots of sequences) {
    const [first, last] = [slots[0], slots.at(-1)];
    if (first === undefined || last === undefined || last - first + 1 !== slots.length) {
      throw new Error(`${kase.name}: a sequence of ${key} is empty or has pads between its events.`);
    }
  }
  return {
    events: Ragged.from(sequences.map((slots) => slots.map((slot) => ids[slot] as number))),
    slots: Int32Array.from(sequences.flat()),
    starts: Int32Array.from(sequences, ([first], b) => (first as number) - b * length),
    size: ids.length,
  };
}

/** Some slots of a window. */
export interface Slots {
  readonly rows: Int32Array;
  readonly layout: Layout;
}

/** The slots of which `holds` is true, which are one run in each sequence. */
export function slotsWhere(ids: Int32Array, length: number, holds: (id: number) => boolean): Slots {
  const rows = Int32Array.from(ids.keys()).filter((slot) => holds(ids[slot] as number));
  const count = ids.length / length;
  const offsets = new Int32Array(count + 1);
  const starts = new Int32Array(count);
  for (let b = 0; b < count; b++) {
    const own = rows.filter((slot) => Math.floor(slot / length) === b);
    offsets[b + 1] = (offsets[b] as number) + own.length;
    starts[b] = (own[0] ?? b * length) - b * length;
  }
  return { rows, layout: new Layout(offsets, { starts }) };
}

/** Cuts the gradient of lookups of the row `pad`, as PyTorch's `padding_idx`; what else reads the table keeps its own. */
export function cutLookups(items: Embedding, pad: number): void {
  const look = items.forward.bind(items);
  items.forward = (rows, { scale = 1, plus } = {}) => {
    const real = Float32Array.from(rows as Int32Array, (row) => (row === pad ? 0 : 1));
    const x = look(rows, { scale });
    const cut = withGradient(
      [x],
      () => tf.clone(x),
      (dy: tf.Tensor2D) => [tf.mul(dy, tf.tensor2d(real, [real.length, 1]))],
    );
    return plus ? tf.add(cut, plus) : cut;
  };
}

/** The same window with other item numbers. */
export function renumber(from: Window, row: (id: number) => number): Window {
  return { ...from, events: new Ragged(from.events.offsets, { item: from.events.item.map(row) }) };
}

/** The values at the rows of a window, from a tensor `[B, L]`. */
export function at<T extends Int32Array | Float32Array>(values: T, { slots }: Window): T {
  const out = new (values.constructor as new (n: number) => T)(slots.length);
  slots.forEach((slot, i) => {
    out[i] = values[slot] as number;
  });
  return out;
}

/** Compares rows of a window `[N, D]` with a stored `[B, L, D]`; slots that were dropped are an exception. */
export function compareRows(kase: GoldenCase, key: string, rows: ArrayLike<number>, { slots, size }: Window): void {
  const width = rows.length / slots.length;
  const spread = new Float32Array(size * width);
  slots.forEach((slot, i) => {
    for (let d = 0; d < width; d++) spread[slot * width + d] = rows[i * width + d] as number;
  });
  kase.compare(key, spread, keepSlots(new Set(slots), size, width));
}

/**
 * Compares attention weights, one `[H, T, T]` a sequence, with a stored `[sequences, H, L, L]` (or their mean over heads
 * `[sequences, L, L]`): queries at dropped slots are an exception, weights on dropped keys must be zero.
 */
export async function compareAttention(
  kase: GoldenCase,
  key: string,
  weights: () => tf.Tensor3D[],
  { slots, starts, events, size }: Window,
): Promise<void> {
  const shape = kase.shape(key);
  const [sequences, length] = [shape[0] as number, shape.at(-1) as number];
  const heads = shape.length === 4 ? (shape[1] as number) : 1;
  const maps = tf.tidy(() => weights().map((map) => (shape.length === 4 ? map : tf.mean(map, 0))));
  const out = new Float32Array(sequences * heads * length * length);
  for (let b = 0; b < sequences; b++) {
    const values = await (maps[b] as tf.Tensor).data();
    const [T, start] = [events.length(b), starts[b] as number];
    for (let h = 0; h < heads; h++) {
      for (let q = 0; q < T; q++) {
        const to = ((b * heads + h) * length + start + q) * length + start;
        out.set(values.subarray((h * T + q) * T, (h * T + q + 1) * T), to);
      }
    }
  }
  tf.dispose(maps);
  const kept = new Set(slots);
  const slotOf = (element: number) =>
    Math.floor(element / (heads * length * length)) * length + (Math.floor(element / length) % length);
  const where = { keep: (element: number) => kept.has(slotOf(element)), why: 'pad slots of a drop case' };
  kase.compare(key, out, slots.length === size ? {} : { where });
}

/** A catalogue of the numbers 0 … n-1: peers' ids are rows already. */
export function catalog(n: number): Catalog {
  return new Catalog(Array.from({ length: n }, (_, i) => i));
}

/** A layout that lives as long as `use`. */
export async function withLayout<T>(of: Window, use: (layout: Layout) => Promise<T>, starts?: Int32Array): Promise<T> {
  const layout = new Layout(of.events, { starts });
  try {
    return await use(layout);
  } finally {
    layout.dispose();
  }
}

function keepSlots(kept: ReadonlySet<number>, size: number, width: number): CompareOptions {
  if (kept.size === size) return {};
  return { where: { keep: (element) => kept.has(Math.floor(element / width)), why: 'pad slots of a drop case' } };
}

/** The last row of each sequence of a window. */
export function lastRows({ events }: Window): Int32Array {
  return events.offsets.subarray(1).map((end) => end - 1);
}
