import * as tf from '@tensorflow/tfjs-core';
import {
  Catalog,
  fanInUniform,
  initializeMatrices,
  Module,
  normal,
  ones,
  Parameter,
  Rng,
  SASRec,
  truncatedNormal,
  uniformInit,
  xavierNormal,
  xavierUniform,
  zeros,
} from 'seqrec';
import { describe, expect, test } from 'vitest';

class Layer extends Module {
  readonly weight = new Parameter([2, 3], normal(1));
  readonly bias = new Parameter([3], zeros);
}

class Stack extends Module {
  readonly layers: Layer[];
  readonly named = { first: new Layer() };
  readonly tied: Parameter;
  readonly #secret = new Layer();
  readonly size = 3;

  constructor(count: number) {
    super();
    this.layers = Array.from({ length: count }, () => new Layer());
    this.tied = (this.layers[0] as Layer).weight;
  }

  secret() {
    return this.#secret;
  }
}

describe('Module', () => {
  test('names parameters by their path, tied ones once, private ones not', () => {
    const model = new Stack(2);
    expect([...model.parameters().keys()]).toEqual([
      'layers.0.weight',
      'layers.0.bias',
      'layers.1.weight',
      'layers.1.bias',
      'named.first.weight',
      'named.first.bias',
    ]);
    expect([...model.secret().parameters().keys()]).toEqual(['weight', 'bias']);
  });

  test('adding a layer does not change the initial values of the others', async () => {
    const [small, large] = [new Stack(1).init(5), new Stack(4).init(5)];
    const values = (model: Stack) => model.parameters().get('layers.0.weight')?.data();
    expect(await values(small)).toEqual(await values(large));
    expect(await values(small)).not.toEqual(await values(new Stack(1).init(6)));
    expect(await values(large)).not.toEqual(await large.parameters().get('layers.1.weight')?.data());
  });

  test('init keeps values that are there', async () => {
    const layer = new Layer();
    layer.bias.set(Float32Array.of(1, 2, 3));
    layer.init(1);
    expect(await layer.bias.data()).toEqual(Float32Array.of(1, 2, 3));
  });

  test('dispose frees everything, also by `using`', () => {
    const before = tf.memory().numTensors;
    {
      using model = new Stack(3).init(1);
      expect(tf.memory().numTensors).toBeGreaterThan(before);
      model.init(2);
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  test('summary lists paths, shapes and counts', () => {
    const summary = new Stack(1).summary();
    expect(summary.parameters).toBe(18);
    expect(summary.rows[0]).toEqual({ path: 'layers.0.weight', shape: [2, 3], parameters: 6 });
    expect(String(summary)).toContain('layers.0.weight     [2, 3]       6');
    expect(String(summary)).toContain('total');
  });

  test('refuses collections that hide parameters, and cycles', () => {
    class Hidden extends Module {
      readonly layers = new Map([['a', new Layer()]]);
      readonly harmless = new Map([['a', 1]]);
    }
    expect(() => new Hidden().parameters()).toThrow('layers is a Map with parameters: use an array or a plain object.');
    class Loop extends Module {
      inner: { self?: Loop } = {};
    }
    const loop = new Loop();
    loop.inner.self = loop;
    expect(() => loop.parameters()).toThrow('inner.self leads back to a module above it');
  });
});

describe('Parameter', () => {
  test('says what to do before it has values and when sizes do not fit', () => {
    const parameter = new Parameter([2, 2], ones);
    expect(() => parameter.value).toThrow('This [2, 2] parameter has no values yet: call init(seed), fit or load');
    const gone = new Parameter([2], ones);
    gone.set(Float32Array.of(1, 2));
    gone.dispose();
    expect(() => gone.value).toThrow('This [2] parameter was disposed of with the model that owns it: await what');
    expect(() => parameter.set(new Float32Array(3))).toThrow('A parameter of shape [2, 2] takes 4 values, got 3.');
    expect(() => new Parameter([0, 2], ones)).toThrow("A parameter's shape must be positive integers, got [0, 2].");
  });

  test('copies what it is given, keeps its variable and leaks nothing', async () => {
    const before = tf.memory().numTensors;
    const parameter = new Parameter([2], zeros);
    const data = Float32Array.of(1, 2);
    parameter.set(data);
    const variable = parameter.value;
    data[0] = 9;
    expect(await parameter.data()).toEqual(Float32Array.of(1, 2));
    parameter.set(Float32Array.of(3, 4));
    expect(parameter.value).toBe(variable);
    expect(await parameter.data()).toEqual(Float32Array.of(3, 4));
    tf.tidy(() => parameter.set(Float32Array.of(5, 6)));
    expect(await parameter.data()).toEqual(Float32Array.of(5, 6));
    parameter.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('initializers', () => {
  const draw = (init: typeof zeros, shape: number[]) => {
    const out = new Float32Array(shape.reduce((a, b) => a * b, 1));
    init(out, shape, new Rng(4));
    return out;
  };
  const std = (values: Float32Array) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);

  test('have the spread they name', () => {
    expect(std(draw(normal(0.02), [100, 100]))).toBeCloseTo(0.02, 3);
    expect(std(draw(xavierNormal, [300, 100]))).toBeCloseTo(Math.sqrt(2 / 400), 3);
    const uniform = draw(xavierUniform, [300, 100]);
    expect(Math.max(...uniform)).toBeLessThan(Math.sqrt(6 / 400));
    expect(Math.max(...uniform)).toBeGreaterThan(0.95 * Math.sqrt(6 / 400));
    for (const [init, limit] of [
      [fanInUniform, 0.1],
      [uniformInit(3), 3],
    ] as const) {
      // biome-ignore format: one line
      const values = draw(init, [300, 100]);
      expect(Math.max(...values)).toBeCloseTo(limit, 2);
      expect(std(values)).toBeCloseTo(limit / Math.sqrt(3), 2);
    }
    const truncated = draw(truncatedNormal(0.5), [100, 100]);
    expect(Math.max(...truncated.map(Math.abs))).toBeLessThanOrEqual(1);
    expect(std(truncated)).toBeCloseTo(0.5 * 0.8796, 2); // the spread of a normal cut at two deviations
  });

  test('can be replaced for all matrices of a module, or for some', async () => {
    using model = new SASRec({ items: Catalog.from([{ item: 'a' }, { item: 'b' }]), dim: 32, layers: 1 });
    expect(() => initializeMatrices(model, 0.02 as never)).toThrow(
      'init must be an initializer such as normal(0.02), got 0.02.',
    );
    initializeMatrices(model, normal(0.02));
    initializeMatrices(model, zeros, (path) => path.startsWith('positions'));
    model.init(1);
    const values = async (path: string) => (await model.parameters().get(path)?.value.data()) as Float32Array;
    expect(std(await values('items.weight'))).toBeCloseTo(0.02, 2);
    expect(std(await values('blocks.0.attention.query.weight'))).toBeCloseTo(0.02, 3);
    expect(std(await values('positions.weight'))).toBe(0);
    expect([...(await values('norm.weight'))]).toEqual(new Array(32).fill(1));
  });
});
