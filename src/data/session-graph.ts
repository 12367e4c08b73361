/** Sessions as graphs of items, the input of SR-GNN. */
import type { Ragged } from '../core/ragged.ts';
import { refuseOthers } from '../core/shape.ts';
import type { Edges } from '../ops/neighbor-sums.ts';

export interface SessionGraphOptions {
  /** The order of a session's nodes: by first appearance, or by catalogue row as the authors' code. @defaultValue 'appearance' */
  nodes?: 'appearance' | 'row' | undefined;
  /**
   * Whether a step that a session takes n times has the weight n before weights are normalised; else 1, as the authors'
   * code. The paper's text counts. @defaultValue false
   */
  counted?: boolean | undefined;
}

/** The graphs of all sessions of a batch, side by side. */
export interface SessionGraph {
  /** `[M]` the catalogue row of each node; a session has a node for each item that occurs in it. */
  readonly item: Int32Array;
  /** `[B + 1]` the first node of each session. */
  readonly offsets: Int32Array;
  /** `[N]` the node of each event. */
  readonly nodeOf: Int32Array;
  /** From each item to the one after it; the weights that enter a node have the sum 1. */
  readonly incoming: Edges;
  /** From each item to the one before it, along the steps backwards; the weights that enter a node have the sum 1. */
  readonly outgoing: Edges;
}

/**
 * The session graphs of Wu et al. (AAAI 2019, section 3.2): a node for each item of a session and an edge for each step
 * from one event to the next. For `neighborSums` and `GatedGraph`, `[incoming, outgoing]` are the matrices Aᵢₙ and Aₒᵤₜ of
 * the authors' code (CRIPAC-DIG/SR-GNN, `utils.py`). Made in one walk over the events, in time linear in them.
 */
export function sessionGraph(sessions: Ragged, options: SessionGraphOptions = {}): SessionGraph {
  const { nodes = 'appearance', counted = false, ...others } = options;
  refuseOthers('sessionGraph', others, options);
  const item: number[] = [];
  const offsets = new Int32Array(sessions.count + 1);
  const nodeOf = new Int32Array(sessions.rows);
  const from: number[] = [];
  const to: number[] = [];
  const times: number[] = [];
  for (let b = 0; b < sessions.count; b++) {
    const items = sessions.items(b);
    const first = item.length;
    const distinct = new Set(items);
    item.push(...(nodes === 'row' ? [...distinct].sort((a, c) => a - c) : distinct));
    offsets[b + 1] = item.length;
    const node = new Map<number, number>();
    for (let i = first; i < item.length; i++) node.set(item[i] as number, i);
    const edge = new Map<number, number>();
    for (let t = 0; t < items.length; t++) {
      const here = node.get(items[t] as number) as number;
      nodeOf[(sessions.offsets[b] as number) + t] = here;
      if (t === 0) continue;
      const before = node.get(items[t - 1] as number) as number;
      const key = (before - first) * distinct.size + here - first;
      const known = edge.get(key);
      if (known === undefined) {
        edge.set(key, from.length);
        from.push(before);
        to.push(here);
        times.push(1);
      } else if (counted) times[known] = (times[known] as number) + 1;
    }
  }
  const [tails, heads] = [Int32Array.from(from), Int32Array.from(to)];
  return {
    item: Int32Array.from(item),
    offsets,
    nodeOf,
    incoming: { from: tails, to: heads, weights: shares(times, heads, item.length) },
    outgoing: { from: heads, to: tails, weights: shares(times, tails, item.length) },
  };
}

/** Each edge's part of what enters its node. */
function shares(times: readonly number[], to: Int32Array, nodes: number): Float32Array {
  const totals = new Float64Array(nodes);
  for (let e = 0; e < to.length; e++)
    totals[to[e] as number] = (totals[to[e] as number] as number) + (times[e] as number);
  return Float32Array.from(times, (n, e) => n / (totals[to[e] as number] as number));
}
