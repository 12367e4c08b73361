import fc from 'fast-check';
import { Rng } from 'seqrec';
import { describe, expect, test } from 'vitest';

describe('Rng', () => {
  test('gives these numbers on every platform', () => {
    const rng = new Rng(42).fork('dropout').fork(3);
    expect(Array.from({ length: 4 }, (_, i) => rng.uint32(i))).toEqual(PINNED.integers);
    expect(Array.from(rng.normals(new Float64Array(4)))).toEqual(PINNED.normals);
  });

  test('is a key: using it does not change it', () => {
    const rng = new Rng(7);
    const first = rng.uniform(5);
    rng.normals(new Float32Array(100));
    rng.fork('x');
    expect(rng.uniform(5)).toBe(first);
  });

  test('different names, seeds and orders of forks give different streams', () => {
    const root = new Rng(1);
    const streams = [
      root,
      root.fork('a'),
      root.fork('b'),
      root.fork('ab'),
      root.fork('a').fork('b'),
      root.fork('b').fork('a'),
      root.fork(1),
      root.fork('1'),
      root.fork('#1').fork('x'),
      root.fork(12),
      root.fork(1).fork(2),
      new Rng(2),
      new Rng(2 ** 32 + 1),
    ];
    expect(new Set(streams.map((rng) => rng.uint32(0))).size).toBe(streams.length);
  });

  test('uniform and normal draws have the moments they should', () => {
    const n = 200_000;
    const mean = (values: Float64Array) => values.reduce((sum, x) => sum + x, 0) / n;
    const u = new Rng(3).uniforms(new Float64Array(n));
    expect(mean(u)).toBeCloseTo(0.5, 2);
    expect(mean(u.map((x) => x * x))).toBeCloseTo(1 / 3, 2);
    const z = new Rng(3).normals(new Float64Array(n));
    expect(mean(z)).toBeCloseTo(0, 1);
    expect(mean(z.map((x) => x * x))).toBeCloseTo(1, 1);
    expect(mean(z.map((x) => x ** 4))).toBeCloseTo(3, 0);
    expect(z.filter((x) => Math.abs(x) > 1.96).length / n).toBeCloseTo(0.05, 2);
  });

  test('neighbouring draws, forks and seeds are not correlated', () => {
    const n = 50_000;
    const correlation = (a: (i: number) => number, b: (i: number) => number) => {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += (a(i) - 0.5) * (b(i) - 0.5);
      return (12 * sum) / n;
    };
    const rng = new Rng(9);
    const limit = 5 / Math.sqrt(n);
    expect(
      Math.abs(
        correlation(
          (i) => rng.uniform(i),
          (i) => rng.uniform(i + 1),
        ),
      ),
    ).toBeLessThan(limit);
    expect(
      Math.abs(
        correlation(
          (i) => rng.fork(i).uniform(0),
          (i) => rng.fork(i + 1).uniform(0),
        ),
      ),
    ).toBeLessThan(limit);
    expect(
      Math.abs(
        correlation(
          (i) => new Rng(i).uniform(0),
          (i) => new Rng(i + 1).uniform(0),
        ),
      ),
    ).toBeLessThan(limit);
  });

  test('a permutation holds every number once and every order is possible', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(), (n, seed) => {
        const order = new Rng(seed).permutation(n);
        expect([...order].sort((a, b) => a - b)).toEqual([...Array(n).keys()]);
      }),
    );
    const orders = new Set(Array.from({ length: 200 }, (_, seed) => new Rng(seed).permutation(3).join()));
    expect(orders.size).toBe(6);
  });

  test.each([-1, 0.5, Number.NaN, 2 ** 53])('refuses the seed %s', (seed) => {
    expect(() => new Rng(seed)).toThrow(/seed must be an integer from 0 to 2\^53 - 1/);
  });
});

// Pinned so that a change of the stream cannot pass unnoticed: models trained with a seed would change.
const PINNED = {
  integers: [301382511, 3080314991, 274171529, 2541261513],
  normals: [-0.34578110302055665, 0.17472252427017881, -0.6636412820513872, 0.13950011027076373],
};
