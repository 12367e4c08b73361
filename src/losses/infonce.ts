/** InfoNCE: two views of the same thing must be more alike than views of different things. */
import type * as tf from '@tensorflow/tfjs-core';
import { functionPart, type Part } from '../core/part.ts';
import { checkNumber, refuseOthers } from '../core/shape.ts';
import { contrastiveLoss } from '../ops/contrastive-loss.ts';
import { normalizeRows } from '../ops/normalize-rows.ts';
import type { Loss } from './loss.ts';

/** How alike two states are: their product after this has been done to both. */
export type Similarity = ((states: tf.Tensor2D) => tf.Tensor2D) & Part;

/** The product of two states. */
export const dotSimilarity: Similarity = functionPart('dotSimilarity', (states: tf.Tensor2D) => states);

/** The cosine of the angle between two states. */
export const cosineSimilarity: Similarity = functionPart('cosineSimilarity', normalizeRows);

/** Options of {@link infoNCE}. */
export interface InfoNCEOptions {
  /** @defaultValue dotSimilarity */
  similarity?: Similarity | undefined;
  /** Divides the similarities. @defaultValue 1 */
  temperature?: number | undefined;
  /** Only the first view of each pair is asked, and told from second views only. @defaultValue false */
  oneWay?: boolean | undefined;
  /** Views whose target is the same item are not told from each other: they are false negatives. @defaultValue false */
  maskSameItem?: boolean | undefined;
}

/**
 * -ln of the other view's share in the softmax of similarity / temperature (van den Oord et al., 2018). States come as
 * pairs: rows 2i and 2i + 1 are two views of one sequence. Each of the 2B views is told from the 2B − 2 views of others, in
 * both directions, as SimCLR, CL4SRec and DuoRec do (RuihongQiu/DuoRec, `info_nce`), with the product and temperature 1
 * of that code by default. `oneWay` is the form with B candidates (CLIP's one half, WarpRec's `InfoNCELoss`); give the
 * second views the weight 0 then. The authors do not mask false negatives; WarpRec's DuoRec does.
 */
export function infoNCE(options: InfoNCEOptions = {}): Loss {
  const { similarity = dotSimilarity, temperature = 1, oneWay = false, maskSameItem = false, ...others } = options;
  refuseOthers('infoNCE', others, options);
  checkNumber('infoNCE: temperature', temperature, { above: 0 });
  return {
    name: 'infoNCE',
    options: { similarity, temperature, oneWay, maskSameItem },
    coupled: true,
    forward(states, _output, { item, weight }) {
      if (states.shape[0] % 2 !== 0) {
        throw new RangeError(`infoNCE takes two views of each sequence, got ${states.shape[0]} states.`);
      }
      const partner = Int32Array.from({ length: states.shape[0] }, (_, row) => row ^ 1);
      const weights = oneWay ? weight.map((w, row) => (row % 2 ? 0 : w)) : weight;
      const counts = (row: number, other: number) =>
        !(oneWay && row % 2 === other % 2) && !(maskSameItem && item[row] === item[other]);
      return contrastiveLoss(similarity(states), { partner, weights, temperature, counts });
    },
  };
}
