/** The shortest way from interactions to recommendations. Run it with `npm run example -- quickstart`. */
import { evaluate, hitRate, leaveLastOut, ndcg, SASRec, syntheticShop } from 'seqrec';

// Any iterable of { user, item, time } will do: Interactions.from(rows). Here a seeded, synthetic shop.
const { log } = syntheticShop({ users: 300, items: 100, seed: 1 });
const { train, validation, test } = leaveLastOut(log);

using model = new SASRec({ items: log.items, maxLength: 20, dim: 32, heads: 2 });
const report = await model.fit(train, {
  epochs: 5,
  validation,
  onProgress: ({ phase, epoch, loss }) =>
    phase === 'validate' && console.log(`epoch ${epoch}  loss ${loss.toFixed(3)}`),
});
console.log(String(report));

console.log(String(await evaluate(model, test, { metrics: [hitRate(10), ndcg(10)] })));

const history = log.items.ids.slice(0, 3);
console.log('after', history, 'comes', await model.recommend(history, { k: 3 }));

const file = await model.save(); // a safetensors file: parameters, options and catalogue
using served = await SASRec.load(file);
console.log('reloaded:', await served.recommend(history, { k: 3 }));
