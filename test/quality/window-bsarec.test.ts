import * as tf from '@tensorflow/tfjs';
import { BSARec, type Catalog, Layout, type Ragged, syntheticShop } from 'seqrec';
import { beforeAll, expect, test } from 'vitest';
import { use } from '../support/backends.ts';
import { WindowBSARec } from './window-bsarec.ts';

beforeAll(() => use('cpu'));

test('is BSARec where histories fill the window, and where they do not, reads the empty slots', async () => {
  const { log } = syntheticShop({ users: 30, seed: 1 });
  const own = await lastStates(BSARec, log.items, log.sequences);
  const theirs = await lastStates(WindowBSARec, log.items, log.sequences);
  const full = own.map((_, b) => log.sequences.length(b) >= LENGTH);
  expect(new Set(full).size).toBe(2);
  full.forEach((fills, b) => {
    const difference = Math.max(...(own[b] as number[]).map((x, d) => Math.abs(x - (theirs[b]?.[d] as number))));
    if (fills) expect(difference).toBeLessThan(1e-5);
    else expect(difference).toBeGreaterThan(1e-3);
  });
});

test('the states of last events alone are those of all', async () => {
  const { log } = syntheticShop({ users: 30, seed: 1 });
  const all = await lastStates(WindowBSARec, log.items, log.sequences);
  const alone = await lastStates(WindowBSARec, log.items, log.sequences, true);
  all.forEach((state, b) => {
    state.forEach((x, d) => {
      expect(alone[b]?.[d]).toBeCloseTo(x, 5);
    });
  });
});

const LENGTH = 15;

/** @param alone whether the model is asked for no others */
async function lastStates(Model: typeof BSARec, items: Catalog, sequences: Ragged, alone = false): Promise<number[][]> {
  using model = new Model({ items, maxLength: LENGTH, dim: 8, heads: 2 }).init(3);
  const histories = sequences.last(LENGTH);
  using layout = new Layout(histories);
  const states = tf.tidy(() =>
    alone
      ? model.encode(histories, layout, undefined, layout.last())
      : tf.gather(model.encode(histories, layout), Array.from(layout.lastRows())),
  );
  const values = (await states.array()) as number[][];
  states.dispose();
  return values;
}
