/** Why does the model recommend this? A table and a picture. Run it with `npm run example -- explain`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { adam, leaveLastOut, SASRec, syntheticShop } from 'seqrec';

const { log } = syntheticShop({ users: 400, items: 120, seed: 1 });
const { train, test } = leaveLastOut(log);

using model = new SASRec({ items: log.items, maxLength: 20, dim: 32, heads: 2 });
await model.fit(train, { epochs: 12, batchSize: 32, optimizer: adam({ learningRate: 0.003 }) });

const history = [...test.histories.items(3)].map((row) => log.items.id(row));
const why = await model.explain(history); // of the best recommendation; { item } for another
console.log(String(why));

await mkdir('.cache', { recursive: true });
await writeFile('.cache/explanation.svg', why.toSVG());
console.log('The picture is in .cache/explanation.svg.');
