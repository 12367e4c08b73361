/** Optimizers, schedules and clipping against PyTorch's, and GRU4Rec's own, on given gradients. */
import * as tf from '@tensorflow/tfjs-core';
import {
  adagrad,
  adagradMomentum,
  adam,
  adamW,
  clipByGlobalNorm,
  cosine,
  type Gradient,
  linearSchedule,
  linearWarmup,
  type Optimizer,
  Parameter,
  rmsProp,
  type Schedule,
  sgd,
  stepDecay,
  zeros,
} from 'seqrec';
import type { Adapter, AdapterTable, GoldenCase } from '../case.ts';
import { numbers } from '../peer.ts';

const optimizers: Adapter = async (kase) => {
  for (const variant of kase.config.variants as string[]) {
    await run(kase, variant, kase.number('steps'));
  }
};

async function run(kase: GoldenCase, variant: string, steps: number): Promise<void> {
  const parameters = new Map<string, Parameter>();
  for (const key of kase.keys('state0/')) {
    const parameter = new Parameter(kase.shape(key), zeros);
    parameter.set(kase.floats(key));
    parameters.set(key.slice('state0/'.length), parameter);
  }
  const rate = schedule(variant, kase.floats(`out/${variant}/lr`));
  const optimizer = named(variant, rate).start(parameters);
  const rates = Array.from({ length: steps }, (_, step) => (typeof rate === 'number' ? rate : rate.at(step)));
  kase.compare(`out/${variant}/lr`, rates);

  const norms: number[] = [];
  for (let step = 0; step < steps; step++) {
    const given = new Map<string, Gradient>();
    for (const name of parameters.keys()) {
      const key = `grad_step${step}/${name}`;
      given.set(name, tf.tensor(kase.floats(key), [...kase.shape(key)]));
    }
    const { gradients, norm } = clipByGlobalNorm(given, setting(variant, /clip([\d.]+)/, Infinity));
    norms.push((await norm.data())[0] as number);
    optimizer.step(gradients);
    tf.dispose([norm, ...given.values(), ...gradients.values()] as tf.Tensor[]);
    for (const [name, parameter] of parameters) {
      kase.compare(`out/${variant}/step${step + 1}/${name}`, await numbers(() => tf.clone(parameter.value)));
    }
  }
  if (kase.has(`out/${variant}/gradnorm`)) kase.compare(`out/${variant}/gradnorm`, norms);
  optimizer.dispose();
  for (const parameter of parameters.values()) parameter.dispose();
}

/** The number that follows a word in the name of a variant. */
function setting(variant: string, pattern: RegExp, otherwise: number): number {
  const found = pattern.exec(variant)?.[1];
  return found === undefined ? otherwise : Number(found);
}

function named(variant: string, learningRate: number | Schedule): Optimizer {
  const momentum = setting(variant, /_mom([\d.]+)/, 0);
  // The variant that says only `wd` has 0.01.
  const weightDecay = setting(variant, /_wd([\d.]+)/, variant.endsWith('_wd') ? 0.01 : 0);
  const beta2 = setting(variant, /_b2_([\d.]+)/, 0.999);
  const epsilon = setting(variant, /_eps([\d.e-]+)/, 1e-8);
  const [family] = variant.split('_');
  if (family === 'adam') {
    return adam({ learningRate, beta2, epsilon, weightDecay, amsgrad: variant.includes('amsgrad') });
  }
  if (family === 'adamw') return adamW({ learningRate, ...(/_wd/.test(variant) ? { weightDecay } : {}) });
  if (family === 'sgd') return sgd({ learningRate, momentum, weightDecay, nesterov: variant.includes('nesterov') });
  if (family === 'adagrad') return adagrad({ learningRate });
  if (family === 'rmsprop') return rmsProp({ learningRate });
  if (variant.startsWith('gru4rec_adagradm')) return adagradMomentum({ learningRate, momentum });
  throw new Error(`The variant ${variant} has no optimizer of ours.`);
}

/** The schedule of a variant; what its name does not say (base rate, start factor, minimum) is read off the stored rates. */
function schedule(variant: string, stored: Float32Array): number | Schedule {
  const [first, last] = [stored[0] as number, stored.at(-1) as number];
  const warmCosine = /warm(\d+)cos(\d+)/.exec(variant);
  if (warmCosine) {
    const [steps, total] = [Number(warmCosine[1]), Number(warmCosine[2])];
    return linearWarmup({ steps, next: cosine({ learningRate: first * steps, steps: total - steps }) });
  }
  const falls = /_step(\d+)_([\d.]+)/.exec(variant);
  if (falls) return stepDecay({ learningRate: first, every: Number(falls[1]), factor: Number(falls[2]) });
  const period = setting(variant, /cosine_T(\d+)/, 0);
  if (period > 0) {
    // Of the fall from `first` to the minimum this much is left at the last stored step.
    const left = (1 + Math.cos((Math.PI * (stored.length - 1)) / period)) / 2;
    return cosine({ learningRate: first, steps: period, minimum: (last - first * left) / (1 - left) });
  }
  if (variant.includes('linear_warm')) {
    return linearSchedule({ learningRate: last, startFactor: first / last, endFactor: 1, steps: stored.length - 1 });
  }
  return first;
}

export const adapters: AdapterTable = [[/^optimizers$/, optimizers]];
