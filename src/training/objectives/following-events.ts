/** The questions of objectives that ask at the last input alone. */
import { type Ragged, range } from '../../core/ragged.ts';
import type { Batch } from './objective.ts';

/** The last `targets` events of each example, but never its first, are asked for at the last event before them. */
export function followingEvents(examples: Ragged, targets: number): Batch {
  const all = range(examples.count);
  const split = (length: number) => Math.max(1, length - targets);
  const inputs = examples.slice(all, () => 0, split);
  const asked = examples.slice(all, split);
  const row = new Int32Array(asked.rows);
  const sequence = new Int32Array(asked.rows);
  for (const b of all) {
    const [from, to] = [asked.offsets[b] as number, asked.offsets[b + 1] as number];
    row.fill((inputs.offsets[b + 1] as number) - 1, from, to);
    sequence.fill(b, from, to);
  }
  return { inputs, targets: { row, sequence, item: asked.item, weight: new Float32Array(asked.rows).fill(1) } };
}
