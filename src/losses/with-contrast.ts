/** A loss and, beside it, a comparison of views. */
import * as tf from '@tensorflow/tfjs-core';
import { checkPart } from '../core/part.ts';
import { checkNumber, refuseOthers } from '../core/shape.ts';
import { sliceNegatives } from '../data/negatives/sampler.ts';
import { crossEntropy } from './cross-entropy.ts';
import { infoNCE } from './infonce.ts';
import type { Loss } from './loss.ts';

/** Options of {@link withContrast}. */
export interface WithContrastOptions {
  /** Of the questions. @defaultValue crossEntropy() */
  loss?: Loss | undefined;
  /** Of the views, which come in pairs. @defaultValue infoNCE() */
  contrast?: Loss | undefined;
  /** What the contrast is multiplied by. @defaultValue 0.1 */
  weight?: number | undefined;
}

/**
 * The mean of `loss` over the questions plus `weight` times the mean of `contrast` over the views that the objective
 * {@link contrastive} adds: the loss of CL4SRec and DuoRec (λ = 0.1 in RuihongQiu/DuoRec).
 */
export function withContrast(options: WithContrastOptions = {}): Loss {
  const { loss = crossEntropy(), contrast = infoNCE(), weight: share = 0.1, ...others } = options;
  refuseOthers('withContrast', others, options);
  checkPart('withContrast: loss', loss, 'forward');
  checkPart('withContrast: contrast', contrast, 'forward');
  checkNumber('withContrast: weight', share, { min: 0 });
  return {
    name: 'withContrast',
    options: { loss, contrast, weight: share },
    negatives: loss.negatives,
    coupled: true,
    contrasts: true,
    forward(states, output, { item, weight, label, negatives, views = 0 }) {
      if (views === 0) throw new Error('withContrast compares views: use the objective contrastive().');
      const asked = item.length - views;
      const total = (weights: Float32Array) => weights.reduce((sum, w) => sum + w, 0);
      const [ofQuestions, ofViews] = [weight.subarray(0, asked), weight.subarray(asked)];
      const width = states.shape[1];
      const main = loss.forward(tf.slice(states, [0, 0], [asked, width]), output, {
        item: item.subarray(0, asked),
        weight: ofQuestions,
        label: label?.subarray(0, asked),
        negatives: negatives && sliceNegatives(negatives, 0, asked),
      });
      const pairs = { item: item.subarray(asked), weight: ofViews };
      const beside = contrast.forward(tf.slice(states, [asked, 0], [views, width]), output, pairs);
      // The training loop divides by the weight of all.
      const all = total(weight);
      return tf.add(tf.mul(main, all / total(ofQuestions)), tf.mul(beside, (share * all) / total(ofViews)));
    },
  };
}
