/** Dropout, with the masks of `dropoutMask` made on the way, and what may be added after it. */
import type { DropoutAttributes, DropoutInputs } from '../kernel-calls.ts';
import type { WasmKernel } from '../wasm-kernels.ts';

interface Functions {
  dropout(
    x: number,
    plus: number,
    rows: number,
    spare: number,
    columns: number,
    sequences: number,
    positions: number,
    firstSequence: number,
    low: number,
    high: number,
    threshold: number,
    scale: number,
    y: number,
    scratch: number,
  ): void;
}

export const dropoutKernels: readonly WasmKernel[] = [
  {
    name: 'SeqrecDropout',
    run({ inputs, attrs }, wasm) {
      const { x, plus, sequences, positions } = inputs as unknown as DropoutInputs;
      const { rows, firstSequence, key, threshold, scale } = attrs as unknown as DropoutAttributes;
      const [capacity, columns] = x.shape as [number, number];
      const y = wasm.output(x.shape);
      const scratch = wasm.scratch(4 * 24);
      const { dropout } = wasm.functions<Functions>();
      const [from, added, to] = [wasm.address(x), plus ? wasm.address(plus) : 0, wasm.address(y)];
      const ofSequences = sequences ? wasm.indices(sequences) : 0;
      const ofPositions = positions ? wasm.indices(positions) : 0;
      const [low, high] = key;
      // biome-ignore format: tensors, then the mask
      dropout(from, added, rows, capacity - rows, columns, ofSequences, ofPositions,
        firstSequence, low, high, threshold, scale, to, scratch);
      return y;
    },
  },
];
