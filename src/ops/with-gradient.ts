/** How every op states its own gradient. */
import * as tf from '@tensorflow/tfjs-core';

/**
 * An op with its own gradient. `forward` runs off the tape; the tensors it hands to `save` come back, in that order, as
 * the arguments of `backward` after `dy`. `backward` returns the gradients of all `inputs`, computed at once: tfjs runs
 * what it gets in separate scopes, in which a tensor shared by two lazy gradients would be freed already.
 *
 * A tensor made in `forward` and not saved is freed before `backward` runs, so `backward` may close over host values
 * only. Without a tape nothing is saved.
 */
export function withGradient<Y extends tf.Tensor>(
  inputs: readonly tf.Tensor[],
  forward: (save: (...tensors: tf.Tensor[]) => void) => Y,
  // biome-ignore lint/suspicious/noExplicitAny: the op knows the shapes of what it saved
  backward: (dy: Y, ...saved: any[]) => tf.Tensor[],
): Y {
  // Without a tape, tfjs' records of the op are half of the time of a small one.
  if (!tf.engine().isTapeOn()) return tf.tidy(() => forward(() => {}));
  return tf.customGrad<Y>((...args) => {
    const keep = args.at(-1) as tf.GradSaveFunc;
    let wanted: tf.Tensor[] = [];
    const value = forward((...tensors) => {
      wanted = tensors;
    });
    // A variable outlives the backward pass and keeps its value until the optimizer runs: no copy.
    keep(wanted.filter((tensor) => !(tensor instanceof tf.Variable)));
    const variables = wanted.map((tensor) => (tensor instanceof tf.Variable ? tensor : undefined));
    const gradFunc = (dy: Y, kept: tf.Tensor[]) => {
      let next = 0;
      const saved = variables.map((variable) => variable ?? kept[next++]);
      return tf.tidy(() => backward(dy, ...saved));
    };
    return { value, gradFunc };
  })(...inputs);
}
