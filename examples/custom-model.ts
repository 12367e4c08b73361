/** A network of one's own from public blocks, trained and saved. Run it with `npm run example -- custom-model`. */
import * as tf from '@tensorflow/tfjs-core';
import {
  dropout,
  Embedding,
  evaluate,
  type Layout,
  Linear,
  leaveLastOut,
  ndcg,
  type Ragged,
  type Rng,
  SequenceModel,
  syntheticShop,
  TransformerBlock,
} from 'seqrec';

/** Attention for long-range taste, mixed by a learned gate with the last event itself. */
class GatedRec extends SequenceModel {
  static override readonly modelName = 'GatedRec';
  readonly items = new Embedding(this.catalog.size, 32);
  readonly block = new TransformerBlock({ dim: 32, heads: 2, normFirst: true });
  readonly gate = new Linear(64, 32);

  override encode(events: Ragged, layout: Layout, rng?: Rng): tf.Tensor2D {
    const x = dropout(this.items.forward(layout.pad(events.item)), 0.2, rng?.fork('input'), layout); // [N, 32]
    const taste = this.block.forward(x, layout, rng?.fork('block'));
    const gate = tf.sigmoid(this.gate.forward(tf.concat([x, taste], 1)));
    return tf.add(x, tf.mul(gate, tf.sub(taste, x)));
  }

  override output() {
    return { weight: this.items.weight };
  }
}

const { log } = syntheticShop({ users: 300, items: 120, seed: 2 });
const { train, test } = leaveLastOut(log);
using model = new GatedRec({ items: log.items, maxLength: 20 });
console.log(String(model.summary()));
console.log(String(await model.fit(train, { epochs: 8, batchSize: 32 })));
console.log(String(await evaluate(model, test, { metrics: [ndcg(10)] })));
using again = await GatedRec.load(await model.save());
console.log('saved and reloaded:', await again.recommend(log.items.ids.slice(0, 2), { k: 3 }));
