/** What a TypeScript application sees of the published declarations. */
import { Interactions, leaveLastOut, type Recommendation, ready, type SASRec } from 'seqrec';
import { SASRec as Same } from 'seqrec/core';
import { configureWasm } from 'seqrec/wasm';

export async function next(): Promise<readonly Recommendation[]> {
  configureWasm({ paths: '/wasm/' });
  const { name }: { name: string } = await ready();
  const log = Interactions.from([{ user: name, item: 'a', time: 1 }]);
  const { train } = leaveLastOut(log);
  using model: SASRec = new Same({ items: log.items, maxLength: 4, dim: 8 });
  await model.fit(train, { epochs: 1 });
  return await model.recommend(['a'], { k: 1 });
}
