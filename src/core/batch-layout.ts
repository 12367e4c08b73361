/** The layout of a batch that a model is to compute. */
import { rowsCapacity } from '../backend/buckets.ts';
import { Layout, type LayoutOptions } from './layout.ts';
import type { Ragged } from './ragged.ts';

/** The layout of a batch, with the capacity that suits the active backend, see {@link rowsCapacity}. */
export function batchLayout(of: Ragged, options: Omit<LayoutOptions, 'capacity'> = {}): Layout {
  return new Layout(of, { ...options, capacity: rowsCapacity(of.rows) });
}
