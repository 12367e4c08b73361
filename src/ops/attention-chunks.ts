/** How attention over ragged rows is cut into blocks: whole consecutive sequences, each block with a 0/1 mask. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';

/** Consecutive sequences and their rows: `queries` rows from `query` on, `keys` rows from `key` on. */
export interface Chunk {
  readonly first: number;
  readonly end: number;
  readonly query: number;
  readonly queries: number;
  readonly key: number;
  readonly keys: number;
}

/** The chunk of the sequences first … end-1. */
export function chunkOf(queries: Layout, keys: Layout, first: number, end: number): Chunk {
  const query = queries.offsets[first] as number;
  const key = keys.offsets[first] as number;
  const rows = (layout: Layout, from: number) => (layout.offsets[end] as number) - from;
  return { first, end, query, queries: rows(queries, query), key, keys: rows(keys, key) };
}

/** Chunks of at most `rows` queries and `rows` keys, or of one longer sequence. */
export function chunksOf(queries: Layout, keys: Layout, rows: number): Chunk[] {
  const chunks: Chunk[] = [];
  for (let first = 0; first < queries.count; ) {
    let chunk = chunkOf(queries, keys, first, first + 1);
    while (chunk.end < queries.count) {
      const longer = chunkOf(queries, keys, first, chunk.end + 1);
      if (longer.queries > rows || longer.keys > rows) break;
      chunk = longer;
    }
    chunks.push(chunk);
    first = chunk.end;
  }
  return chunks;
}

/** Calls `visit` with the row of every query in the chunk and of every key that it sees. */
export function forEachPair(
  { first, end }: Chunk,
  queries: Layout,
  keys: Layout,
  causal: boolean,
  visit: (query: number, key: number) => void,
): void {
  for (let b = first; b < end; b++) {
    const keyBegin = keys.offsets[b] as number;
    const keyEnd = keys.offsets[b + 1] as number;
    // Positions ascend within a sequence, so the keys a causal query sees are the first ones.
    const firstUnseen = keyBegin - (keys.starts[b] as number) + 1;
    for (let query = queries.offsets[b] as number; query < (queries.offsets[b + 1] as number); query++) {
      const stop = causal ? Math.min(keyEnd, firstUnseen + (queries.positions[query] as number)) : keyEnd;
      for (let key = keyBegin; key < stop; key++) visit(query, key);
    }
  }
}

/** The mask of a chunk `[queries, keys]`: 1 where the query sees the key. */
export function chunkMask(chunk: Chunk, queries: Layout, keys: Layout, causal: boolean): tf.Tensor2D {
  const mask = new Float32Array(chunk.queries * chunk.keys);
  forEachPair(chunk, queries, keys, causal, (query, key) => {
    mask[(query - chunk.query) * chunk.keys + key - chunk.key] = 1;
  });
  return tf.tensor2d(mask, [chunk.queries, chunk.keys]);
}

/** The masks of `chunksOf(queries, keys, rows)`, made once for a pair of layouts and freed with the queries' one. */
export function chunkMasks(chunks: readonly Chunk[], queries: Layout, keys: Layout, causal: boolean): tf.Tensor2D[] {
  const make = () => chunks.map((chunk) => chunkMask(chunk, queries, keys, causal));
  return queries.memo(memoKey(keys, causal ? 'causal' : 'full'), make) as tf.Tensor2D[];
}

/** An object that stands for the pair of `of` and `name` in the memo of a layout. */
export function memoKey(of: object, name: string): object {
  const known = IDENTITIES.get(of) ?? new Map<string, object>();
  IDENTITIES.set(of, known);
  const key = known.get(name) ?? {};
  known.set(name, key);
  return key;
}

// Identities only: what is memoised belongs to a layout.
const IDENTITIES = new WeakMap<object, Map<string, object>>();
