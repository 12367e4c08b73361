import { HorizontalConvolution, type HorizontalConvolutionOptions, relu, tanh, VerticalConvolution } from 'seqrec';
import { expect, test } from 'vitest';
import '../../../src/backend/gradients.ts';
import * as reference from '../../reference/convolution.ts';
import { checkOp, normals, onEachBackend, tensor } from '../ops/check.ts';
import { useTensors, weightsOf } from './with-weights.ts';

const ofRelu = (x: number) => Math.max(x, 0);
const identity = (x: number) => x;

onEachBackend(() => {
  test.each<[count: number, HorizontalConvolutionOptions]>([
    [3, { length: 5, dim: 4, filters: 2 }],
    [2, { length: 1, dim: 3, filters: 5 }],
    [1, { length: 6, dim: 1, filters: 3, heights: [2, 5] }],
    [4, { length: 3, dim: 7, filters: 1, heights: [3, 1], activation: tanh }],
  ])('horizontal: %i windows, %j', async (count, options) => {
    const { length, dim, activation = relu } = options;
    const make = () => new HorizontalConvolution(options);
    const weights = weightsOf(make());
    const heights = make().heights;
    await checkOp(
      [normals([count, length, dim]), ...weights.values()],
      (windows, ...tensors) => useTensors(make(), weights.keys(), tensors).forward(windows),
      (windows, ...values) => {
        const filters = heights.map((height, i) => ({
          height,
          weight: values[2 * i] as Float64Array,
          bias: values[2 * i + 1] as Float64Array,
        }));
        const it = { length, dim, activation: activation === tanh ? Math.tanh : ofRelu };
        return reference.horizontal(windows as Float64Array, filters, it);
      },
    );
  });

  test.each([
    // windows, events, width, filters
    [3, 5, 4, 2, undefined],
    [1, 1, 1, 1, undefined],
    [4, 3, 7, 5, relu],
  ] as const)('vertical: %i windows of %i × %i, %i filters', async (count, length, dim, filters, activation) => {
    const make = () => new VerticalConvolution({ length, filters, activation });
    const weights = weightsOf(make());
    await checkOp(
      [normals([count, length, dim]), ...weights.values()],
      (windows, ...tensors) => useTensors(make(), weights.keys(), tensors).forward(windows),
      (windows, weight, bias) =>
        reference.vertical(windows as Float64Array, weight as Float64Array, bias as Float64Array, {
          length,
          dim,
          activation: activation ? ofRelu : identity,
        }),
    );
  });

  test('say what does not fit', () => {
    expect(() => new HorizontalConvolution({ length: 3, dim: 2, heights: [4] })).toThrow(
      'A height must be an integer at least 1 and at most 3, got 4.',
    );
    expect(() => new VerticalConvolution({ length: 0 })).toThrow('length must be an integer at least 1, got 0.');
    const windows = tensor<import('@tensorflow/tfjs-core').Tensor3D>(normals([2, 4, 3]));
    expect(() => new HorizontalConvolution({ length: 3, dim: 3 }).init(1).forward(windows)).toThrow(
      'The windows of HorizontalConvolution must have the shape [any, 3, 3], got [2, 4, 3].',
    );
    expect(() => new VerticalConvolution({ length: 3 }).init(1).forward(windows)).toThrow(
      'The windows of VerticalConvolution must have the shape [any, 3, any], got [2, 4, 3].',
    );
  });
});
