/** BPR-max, the ranking loss of GRU4Rec's second paper. */
import * as tf from '@tensorflow/tfjs-core';
import { checkNumber, refuseOthers } from '../core/shape.ts';
import { uniform } from '../data/negatives/uniform.ts';
import type { Loss } from './loss.ts';
import { drawing, type NegativesOptions, overNegatives, shareOfNegatives } from './sampled.ts';

/** Options of {@link bprMax}: 256 negatives by default, drawn by `uniform()`. */
export interface BprMaxOptions extends NegativesOptions {
  /**
   * α of the ELU that scores pass: x where x > 0, else α (eˣ - 1), which keeps the regularisation of the negatives from
   * growing without end (`elu_param`); 0 leaves scores as they are. @defaultValue 0.5
   */
  elu?: number | undefined;
  /** λ (`bpreg`). @defaultValue 1 */
  regularization?: number | undefined;
  /** Leave out negatives that equal the target. @defaultValue false, as the authors' code */
  maskHits?: boolean | undefined;
}

/**
 * -ln Σ sⱼ σ(p - nⱼ) + λ Σ sⱼ nⱼ², where s is the softmax over the negatives: the hardest count most, so that many
 * negatives do not make the gradient vanish (Hidasi & Karatzoglou, CIKM 2018, section 4). Scores pass an ELU first. As in
 * the authors' code (hidasib/GRU4Rec_PyTorch_Official, `bpr_max_loss_with_elu`) 1e-24 is added inside the logarithm, and
 * gradients flow through s too. The paper's negatives are those of {@link inBatch} and `popularity` {@link mixed}.
 */
export function bprMax(options: BprMaxOptions = {}): Loss {
  const { negatives = 256, sampler = uniform(), elu = 0.5, regularization = 1, maskHits = false, ...others } = options;
  refuseOthers('bprMax', others, options);
  checkNumber('bprMax: elu', elu, { min: 0 });
  checkNumber('bprMax: regularization', regularization, { min: 0 });
  return {
    name: 'bprMax',
    options: { negatives, sampler, elu, regularization, maskHits },
    negatives: drawing('bprMax', negatives, sampler),
    forward: (states, output, targets) =>
      overNegatives(
        'bprMax',
        states,
        output,
        targets,
        ({ positive, negative, counts }) => {
          const [p, n] = [activated(positive, elu), activated(negative, elu)];
          // An ELU lifts the score with which a negative drops out.
          const share = shareOfNegatives(counts ? tf.sub(n.value, tf.mul(tf.sub(1, counts), 1e9)) : n.value, counts);
          const behind = tf.sigmoid(tf.sub(p.value, n.value));
          const won = tf.sum(tf.mul(share, behind), 1, true);
          const size = tf.square(n.value);
          const penalty = tf.sum(tf.mul(share, size), 1, true);
          const steepness = tf.mul(share, tf.mul(behind, tf.sub(1, behind)));
          const slope = tf.div(-1, tf.add(won, 1e-24));
          const byWon = tf.mul(slope, tf.sub(tf.mul(share, tf.sub(behind, won)), steepness));
          const byPenalty = tf.mul(share, tf.add(tf.sub(size, penalty), tf.mul(n.value, 2)));
          const loss = tf.add(tf.neg(tf.log(tf.add(won, 1e-24))), tf.mul(penalty, regularization));
          return {
            // Without any negative nothing is asked.
            loss: counts ? tf.mul(loss, tf.max(counts, 1, true)) : loss,
            positive: tf.mul(tf.mul(slope, tf.sum(steepness, 1, true)), p.slope),
            negative: tf.mul(tf.add(byWon, tf.mul(byPenalty, regularization)), n.slope),
          };
        },
        { maskHits },
      ),
  };
}

/** The ELU of scores and its derivative. */
function activated(x: tf.Tensor2D, alpha: number): { value: tf.Tensor2D; slope: tf.Tensor2D | number } {
  if (alpha === 0) return { value: x, slope: 1 };
  const raised = tf.mul(tf.exp(tf.minimum(x, 0)), alpha) as tf.Tensor2D;
  const above = tf.step(x);
  return {
    value: tf.add(tf.maximum(x, 0), tf.sub(raised, alpha)),
    slope: tf.add(above, tf.mul(raised, tf.sub(1, above))),
  };
}
