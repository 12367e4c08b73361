/** Cross-entropy over the whole catalogue. */
import * as tf from '@tensorflow/tfjs-core';
import { tensorOf } from '../core/parameter.ts';
import { checkNumber, refuseOthers } from '../core/shape.ts';
import { softmaxCrossEntropy } from '../ops/cross-entropy.ts';
import type { Loss } from './loss.ts';

/** Options of {@link crossEntropy}. */
export interface CrossEntropyOptions {
  /** ε: the share of the target that is spread over all V items, the target included, as in PyTorch. @defaultValue 0 */
  labelSmoothing?: number | undefined;
}

/**
 * -ln softmax(scores)[target] over all items: no sampling and no bias from it, and for small and middling catalogues the
 * best loss known for SASRec (Klenitskiy & Vasilev, 2023). The scores of all items exist only a few targets at a time.
 */
export function crossEntropy(options: CrossEntropyOptions = {}): Loss {
  const { labelSmoothing = 0, ...others } = options;
  refuseOthers('crossEntropy', others, options);
  checkNumber('crossEntropy: labelSmoothing', labelSmoothing, { min: 0, max: 1 });
  return {
    name: 'crossEntropy',
    options: { labelSmoothing },
    forward(states, { weight, bias, scale = 1 }, { item, weight: weights }) {
      // The op adds the bias to the scaled product, an output scales the sum.
      const scaled = bias && (scale === 1 ? bias : tf.mul(tensorOf(bias), scale));
      return softmaxCrossEntropy(states, weight, item, { bias: scaled, scale, weights, labelSmoothing });
    },
  };
}
