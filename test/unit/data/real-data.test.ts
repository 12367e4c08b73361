/** Published counts of real data sets; they lie beside the checkout, since their licences forbid passing them on. */
import { createReadStream, existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { kCore, readInteractions } from 'seqrec';
import { describe, expect, it } from 'vitest';

const folder = fileURLToPath(new URL('../../../../shared/data/', import.meta.url));
const reason = existsSync(folder) ? '' : ' (skipped: no ../shared/data beside the checkout)';

describe.skipIf(reason !== '')(`real data${reason}`, () => {
  // S3-Rec, BSARec and GroupLens publish these counts; the last column is ours
  it.each([
    ['Beauty.seq.txt.gz', { users: 22_363, items: 12_101, events: 198_502, repeats: 0 }],
    ['LastFM.seq.txt.gz', { users: 1_090, items: 3_646, events: 52_551, repeats: 0 }],
    ['ml-100k.inter.tsv.gz', { users: 943, items: 1_682, events: 100_000, repeats: 0 }],
    ['rsc15-100k.test.tsv.gz', { users: 3_416, items: 1_771, events: 13_568, repeats: 3_475 }],
  ])('%s', async (file, expected) => {
    const log = await readInteractions(createReadStream(folder + file));
    expect(log.describe()).toMatchObject(expected);
    expect(log.sequences.time !== undefined).toBe(file.includes('.tsv'));
  });

  it('the 5-core of MovieLens 100K', async () => {
    const log = await readInteractions(createReadStream(`${folder}ml-100k.inter.tsv.gz`));
    expect(kCore(log, 5).describe()).toMatchObject({ users: 943, items: 1_349, events: 99_287 });
  });
});
