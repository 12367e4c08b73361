/** Initial values of parameters. */
import type { Module } from './module.ts';
import type { Initializer } from './parameter.ts';
import { describe } from './shape.ts';

export const zeros: Initializer = (out) => {
  out.fill(0);
};

export const ones: Initializer = (out) => {
  out.fill(1);
};

/** Normal with standard deviation `std` around 0. */
export function normal(std: number): Initializer {
  return (out, _shape, rng) => {
    rng.normals(out, 0, std);
  };
}

/** Normal with standard deviation `std` around 0, redrawn beyond two standard deviations (as BERT's and TensorFlow's). */
export function truncatedNormal(std: number): Initializer {
  return (out, _shape, rng) => {
    rng.normals(out, 0, 1);
    for (let round = 0, pending = true; pending; round++) {
      const again = rng.fork(round).normals(new Float32Array(out.length), 0, 1);
      pending = false;
      for (let i = 0; i < out.length; i++) {
        if (Math.abs(out[i] as number) <= 2) continue;
        out[i] = again[i] as number;
        pending ||= Math.abs(out[i] as number) > 2;
      }
    }
    for (let i = 0; i < out.length; i++) out[i] = (out[i] as number) * std;
  };
}

/** Uniform in [-limit, limit). */
export function uniformInit(limit: number): Initializer {
  return (out, _shape, rng) => {
    rng.uniforms(out, -limit, limit);
  };
}

/** Glorot / Xavier uniform: ±√(6 / (fan in + fan out)) over the last two axes (Glorot & Bengio, 2010). */
export const xavierUniform: Initializer = (out, shape, rng) => {
  const [fanOut, fanIn] = fans(shape);
  rng.uniforms(out, -Math.sqrt(6 / (fanIn + fanOut)), Math.sqrt(6 / (fanIn + fanOut)));
};

/** Glorot / Xavier normal: standard deviation √(2 / (fan in + fan out)) over the last two axes. */
export const xavierNormal: Initializer = (out, shape, rng) => {
  const [fanOut, fanIn] = fans(shape);
  rng.normals(out, 0, Math.sqrt(2 / (fanIn + fanOut)));
};

/** Uniform in ±1/√(fan in) of the last axis, the default of the weights of PyTorch's Linear. */
export const fanInUniform: Initializer = (out, shape, rng) => {
  const [, fanIn] = fans(shape);
  rng.uniforms(out, -1 / Math.sqrt(fanIn), 1 / Math.sqrt(fanIn));
};

/**
 * Has every parameter of two or more axes begin with `init`, tables and weights alike, as `model.apply(init_weights)` in
 * PyTorch; biases, the weights of norms and values that are there already stay what they are.
 *
 * @param where which of them, by their paths. @defaultValue all
 * @throws TypeError when `init` is no initializer
 *
 * @example
 * ```ts
 * initializeMatrices(model, normal(0.02));
 * await model.fit(train);
 * ```
 */
export function initializeMatrices(module: Module, init: Initializer, where = (_path: string) => true): void {
  if (typeof init !== 'function') {
    throw new TypeError(`init must be an initializer such as normal(0.02), got ${describe(init)}.`);
  }
  for (const [path, parameter] of module.parameters()) {
    if (parameter.shape.length > 1 && where(path)) parameter.init = init;
  }
}

function fans(shape: readonly number[]): [fanOut: number, fanIn: number] {
  return [shape.at(-2) ?? 1, shape.at(-1) ?? 1];
}
