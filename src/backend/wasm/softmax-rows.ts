/** The rows of a softmax cross-entropy. */
import type * as tf from '@tensorflow/tfjs-core';
import type { WasmKernel } from '../wasm-kernels.ts';

interface Functions {
  softmaxRows(
    logits: number,
    targets: number,
    weights: number,
    rows: number,
    items: number,
    smoothing: number,
    gradient: number,
    loss: number,
  ): void;
}

export const softmaxRowsKernels: readonly WasmKernel[] = [
  {
    /** The loss and the gradient by the logits. The gradient stands in the memory of the logits, which it overwrites. */
    name: 'SeqrecSoftmaxRows',
    run({ inputs, attrs, backend }, wasm) {
      const { logits, targets, weights } = inputs as Record<'logits' | 'targets' | 'weights', tf.TensorInfo>;
      const { labelSmoothing, wanted } = attrs as { labelSmoothing: number; wanted: boolean };
      const [rows, items] = logits.shape as [number, number];
      const loss = wasm.output([]);
      const [from, to] = [wasm.address(logits), wasm.address(loss)];
      const { softmaxRows } = wasm.functions<Functions>();
      const gradient = wanted ? 1 : 0;
      softmaxRows(from, wasm.indices(targets), wasm.address(weights), rows, items, labelSmoothing, gradient, to);
      (backend as tf.KernelBackend).incRef(logits.dataId);
      return [loss, { dataId: logits.dataId, shape: logits.shape, dtype: logits.dtype }];
    },
  },
];
