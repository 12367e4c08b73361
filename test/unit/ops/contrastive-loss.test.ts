import { contrastiveLoss, normalizeRows } from 'seqrec';
import { expect, test } from 'vitest';
import { checkOp, normals, onEachBackend, tensor } from './check.ts';

onEachBackend(() => {
  test.each([
    [0, 3],
    [1, 1],
    [5, 7],
    [3, 16],
  ])('%i rows of %i have length 1', async (rows, width) => {
    await checkOp([normals([rows, width], 3, 2)], normalizeRows, (x) => normalized(x as Float64Array, width));
  });

  test('a row of zeros stays one', async () => {
    expect([...(await normalizeRows(tensor({ shape: [1, 3], data: new Float32Array(3) })).data())]).toEqual([0, 0, 0]);
  });

  test.each([
    [0, 3, 1],
    [2, 5, 1],
    [4, 1, 0.3],
    [10, 7, 2],
  ])('%i rows of width %i at temperature %f', async (count, width, temperature) => {
    const partner = Int32Array.from({ length: count }, (_, i) => i ^ 1);
    const weights = Float32Array.from({ length: count }, (_, i) => (i % 3) / 2);
    for (const counts of [undefined, (row: number, other: number) => (row + other) % 3 !== 0]) {
      await checkOp(
        [normals([count, width], 1)],
        (x) => contrastiveLoss(x, { partner, weights, temperature, counts }),
        (x) => {
          const values = x as Float64Array;
          const score = (a: number, b: number) => {
            let sum = 0;
            for (let j = 0; j < width; j++)
              sum += (values[a * width + j] as number) * (values[b * width + j] as number);
            return sum / temperature;
          };
          let loss = 0;
          for (let row = 0; row < count; row++) {
            let total = Math.exp(score(row, row ^ 1));
            for (let other = 0; other < count; other++) {
              if (other !== row && other !== (row ^ 1) && (!counts || counts(row, other))) {
                total += Math.exp(score(row, other));
              }
            }
            loss += (weights[row] as number) * (Math.log(total) - score(row, row ^ 1));
          }
          return Float64Array.of(loss);
        },
      );
    }
  });

  test('products that no exponential holds are finite', async () => {
    const x = normals([6, 4], 2, 100);
    const [loss] = await contrastiveLoss(tensor(x), { partner: Int32Array.of(1, 0, 3, 2, 5, 4) }).data();
    expect(Number.isFinite(loss)).toBe(true);
  });

  test('names what does not fit', () => {
    const x = tensor(normals([4, 2]));
    expect(() => contrastiveLoss(x, { partner: Int32Array.of(1, 0) })).toThrow(
      'a partner and a weight for each of the 4',
    );
    expect(() => contrastiveLoss(x, { partner: Int32Array.of(1, 2, 3, 0) })).toThrow('got 1 for row 0');
    expect(() => contrastiveLoss(x, { partner: Int32Array.of(1, 0, 3, 2), temperature: 0 })).toThrow('greater than 0');
  });
});

function normalized(x: Float64Array, width: number): Float64Array {
  return x.map((value, i) => {
    const row = x.subarray(i - (i % width), i - (i % width) + width);
    return value / Math.sqrt(row.reduce((sum, v) => sum + v * v, 0));
  });
}
