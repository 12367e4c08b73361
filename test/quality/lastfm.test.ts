/** The baselines on LastFM (S3-Rec's file): figures that were computed by other code, in Python, on the same split. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { evaluate, hitRate, Interactions, leaveLastOut, MultiStepMarkov, ndcg } from 'seqrec';
import { expect, test } from 'vitest';

// Its licence forbids to pass the data on: it lies beside the repository where development and CI have it.
const file = fileURLToPath(new URL('../../../shared/data/LastFM.seq.txt.gz', import.meta.url));
if (!existsSync(file)) console.warn(`The LastFM baselines are skipped: there is no ${file}.`);

const metrics = [hitRate(5), hitRate(10), hitRate(20), ndcg(5), ndcg(10), ndcg(20)];

test.skipIf(!existsSync(file)).each([
  // The other code breaks the remaining ties at random, we break them against the model: hence the last digit.
  { steps: 1, expected: [0.0294, 0.0422, 0.0697, 0.0193, 0.0235, 0.0304], within: 0.0011 },
  { steps: 5, expected: [0.0367, 0.0532, 0.0771, 0.0236, 0.0289, 0.035], within: 0.00015 },
])('Markov over $steps steps', async ({ steps, expected, within }) => {
  const rows = gunzipSync(readFileSync(file))
    .toString()
    .trim()
    .split('\n')
    .flatMap((line, user) => line.split(' ').map((item) => ({ user, item })));
  const log = Interactions.from(rows);
  const { train, test } = leaveLastOut(log);
  const model = new MultiStepMarkov({ items: log.items, steps });
  await model.fit(train);
  const report = await evaluate(model, test, { metrics });
  const values = metrics.map(({ key }) => report.metrics[key]);
  for (const [i, value] of values.entries()) {
    expect(Math.abs(value - (expected[i] as number)), `${values}`).toBeLessThan(within);
  }
  expect(values[1]).toBeCloseTo(expected[1] as number, 4);
  expect(values[4]).toBeCloseTo(expected[4] as number, 4);
});
