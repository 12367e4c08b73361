/** References of the optimizers: one weight, one gradient a step, in float64, as PyTorch's documentation writes them. */

/** Moves a weight by a gradient; keeps its memory between calls. `rate` is the learning rate of the step. */
export type Rule = (weight: number, gradient: number, rate: number) => number;

export function adam({ beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, l2 = 0, decay = 0, amsgrad = false }): Rule {
  let [m, v, max, t] = [0, 0, 0, 0];
  return (weight, gradient, rate) => {
    const g = gradient + l2 * weight;
    t += 1;
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    max = Math.max(max, v);
    const first = m / (1 - beta1 ** t);
    const second = (amsgrad ? max : v) / (1 - beta2 ** t);
    return weight * (1 - rate * decay) - (rate * first) / (Math.sqrt(second) + epsilon);
  };
}

export function sparseAdam({ beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }): Rule & { skip: () => void } {
  let [m, v, t] = [0, 0, 0];
  const rule = (weight: number, gradient: number, rate: number) => {
    t += 1;
    m = beta1 * m + (1 - beta1) * gradient;
    v = beta2 * v + (1 - beta2) * gradient ** 2;
    return weight - ((rate * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t)) * (m / (Math.sqrt(v) + epsilon));
  };
  /** A step that did not read this weight: only time passes. */
  return Object.assign(rule, { skip: () => void (t += 1) });
}

export function sgd({ momentum = 0, nesterov = false, l2 = 0 }): Rule {
  let buffer: number | undefined;
  return (weight, gradient, rate) => {
    const g = gradient + l2 * weight;
    if (momentum === 0) return weight - rate * g;
    buffer = buffer === undefined ? g : momentum * buffer + g;
    return weight - rate * (nesterov ? g + momentum * buffer : buffer);
  };
}

export function adagrad({ epsilon = 1e-10, start = 0, l2 = 0 }): Rule {
  let sum = start;
  return (weight, gradient, rate) => {
    const g = gradient + l2 * weight;
    sum += g * g;
    return weight - (rate * g) / (Math.sqrt(sum) + epsilon);
  };
}

export function adagradMomentum({ epsilon = 1e-6, momentum = 0 }): Rule {
  let [sum, velocity] = [0, 0];
  return (weight, gradient, rate) => {
    sum += gradient ** 2;
    velocity = momentum * velocity - (rate * gradient) / Math.sqrt(sum + epsilon);
    return weight + velocity;
  };
}

export function rmsProp({ alpha = 0.99, epsilon = 1e-8, momentum = 0, l2 = 0 }): Rule {
  let [v, buffer] = [0, 0];
  return (weight, gradient, rate) => {
    const g = gradient + l2 * weight;
    v = alpha * v + (1 - alpha) * g * g;
    buffer = momentum * buffer + g / (Math.sqrt(v) + epsilon);
    return weight - rate * buffer;
  };
}
