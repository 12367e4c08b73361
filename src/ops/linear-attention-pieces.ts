/** How linear attention is cut: what lies close together goes pair by pair, what lies far off through a running sum. */
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../core/layout.ts';
import { chunksOf, memoKey } from './attention-chunks.ts';

/** Which keys of its sequence a query sees: those at its position and before, or at its position and after. */
export type Sight = 'past' | 'future';

/**
 * A run of queries. They see `keys` keys from `key` on pair by pair, by a mask, and those further off through the running
 * sum: it begins `anew` with a sequence, and `more` keys from `from` on are added to it for this piece and the next ones.
 */
export interface Piece {
  readonly query: number;
  readonly queries: number;
  readonly key: number;
  readonly keys: number;
  readonly anew: boolean;
  readonly from: number;
  readonly more: number;
}

/** Rows of a piece: with more, the pairs would cost more than the sums. */
export const ROWS = 128;

/** The pieces of two layouts of the same sequences: whole short sequences together, long ones cut. */
export function piecesOf(queries: Layout, keys: Layout, sight: Sight): Piece[] {
  return chunksOf(queries, keys, ROWS).flatMap(({ first: b, query, queries: count, key, keys: length }) => {
    if (count <= ROWS && length <= ROWS) {
      return [{ query, queries: count, key, keys: length, anew: true, from: key, more: 0 }];
    }
    // Positions ascend by one: where among the keys a query stands, one place further where it sees its own position.
    const place = (row: number) => {
      const own = key + (queries.positions[row] as number) - (keys.starts[b] as number) + (sight === 'past' ? 1 : 0);
      return Math.min(key + length, Math.max(key, own));
    };
    const starts = Array.from({ length: Math.ceil(count / ROWS) }, (_, i) => query + i * ROWS);
    if (sight === 'future') starts.reverse();
    let edge = sight === 'future' ? key + length : key; // of what the running sum holds
    return starts.map((row, i) => {
      const size = Math.min(ROWS, query + count - row);
      const [first, last] = [place(row), place(row + size - 1)];
      const next = sight === 'past' ? first : last;
      const from = Math.min(edge, next);
      const more = Math.abs(next - edge);
      edge = next;
      return { query: row, queries: size, key: first, keys: last - first, anew: i === 0, from, more };
    });
  });
}

/** For each piece 1 where a query sees a key of the piece; made once for a pair of layouts and freed with the queries' one. */
export function pieceMasks(pieces: readonly Piece[], queries: Layout, keys: Layout, sight: Sight): tf.Tensor2D[] {
  const make = () => pieces.map((piece) => maskOf(piece, queries, keys, sight));
  return queries.memo(memoKey(keys, `pieces, ${sight}`), make) as tf.Tensor2D[];
}

function maskOf(piece: Piece, queries: Layout, keys: Layout, sight: Sight): tf.Tensor2D {
  const mask = new Float32Array(piece.queries * piece.keys);
  for (let i = 0, at = 0; i < piece.queries; i++) {
    const [sequence, position] = [queries.sequences[piece.query + i], queries.positions[piece.query + i] as number];
    for (let key = piece.key; key < piece.key + piece.keys; key++, at++) {
      if (keys.sequences[key] !== sequence) continue;
      const ahead = (keys.positions[key] as number) - position;
      if (sight === 'past' ? ahead <= 0 : ahead >= 0) mask[at] = 1;
    }
  }
  return tf.tensor2d(mask, [piece.queries, piece.keys]);
}
