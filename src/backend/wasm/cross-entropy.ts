/** Softmax cross-entropy and its gradients. */
import type { CrossEntropyInputs } from '../kernel-calls.ts';
import type { WasmKernel } from '../wasm-kernels.ts';

interface Functions {
  crossEntropyScratch(rows: number, items: number, dim: number, wanted: number): number;
  crossEntropy(
    states: number,
    table: number,
    bias: number,
    targets: number,
    weights: number,
    rows: number,
    items: number,
    dim: number,
    scale: number,
    smoothing: number,
    wanted: number,
    loss: number,
    dStates: number,
    dTable: number,
    dBias: number,
    scratch: number,
  ): void;
}

export const crossEntropyKernels: readonly WasmKernel[] = [
  {
    /** The loss and, if wanted, the gradients by states, table and bias. */
    name: 'SeqrecCrossEntropy',
    run({ inputs, attrs }, wasm) {
      const { states, table, bias, targets, weights } = inputs as unknown as CrossEntropyInputs;
      const { scale, labelSmoothing, wanted } = attrs as { scale: number; labelSmoothing: number; wanted: boolean };
      const [rows, dim] = states.shape as [number, number];
      const items = table.shape[0] as number;
      const { crossEntropy, crossEntropyScratch } = wasm.functions<Functions>();
      const loss = wasm.output([]);
      const gradients = wanted ? [states, table, ...(bias ? [bias] : [])].map(({ shape }) => wasm.output(shape)) : [];
      const scratch = wasm.scratch(crossEntropyScratch(rows, items, dim, Number(wanted)) >>> 0);
      const [dStates = 0, dTable = 0, dBias = 0] = gradients.map(wasm.address);
      crossEntropy(
        wasm.address(states),
        wasm.address(table),
        bias ? wasm.address(bias) : 0,
        wasm.indices(targets),
        wasm.address(weights),
        rows,
        items,
        dim,
        scale,
        labelSmoothing,
        Number(wanted),
        wasm.address(loss),
        dStates,
        dTable,
        dBias,
        scratch,
      );
      return [loss, ...gradients];
    },
  },
];
