/** Models and a loss of an application, as its workers import them. */
import * as tf from '@tensorflow/tfjs-core';
import { crossEntropy, type Layout, type Loss, type Ragged, type Rng, SASRec } from 'seqrec';

/** Says where it is. */
export class Doubled extends SASRec {
  static override readonly modelName: string = 'Doubled';
  static override readonly module: string | undefined = import.meta.url;
  override encode(events: Ragged, layout: Layout, rng?: Rng): tf.Tensor2D {
    return tf.mul(super.encode(events, layout, rng), 2);
  }
}

/** Does not say where it is. */
export class Nowhere extends Doubled {
  static override readonly modelName = 'Nowhere';
  static override readonly module = undefined;
}

/** A loss with a module. */
export function halved(): Loss {
  const { forward } = crossEntropy();
  return {
    name: 'halved',
    options: {},
    module: import.meta.url,
    forward: (...args) => tf.mul(forward(...args), 0.5),
  };
}
