/** Gated recurrent units and their gradients. */
import type * as tf from '@tensorflow/tfjs-core';
import type { WasmKernel } from '../wasm-kernels.ts';

interface Functions {
  gruForwardScratch(width: number): number;
  gruForward(
    x: number,
    weight: number,
    bias: number,
    initial: number,
    rows: number,
    counts: number,
    steps: number,
    order: number,
    count: number,
    width: number,
    before: number,
    states: number,
    gates: number,
    previous: number,
    keep: number,
    scratch: number,
  ): void;
  gruBackwardScratch(count: number, width: number): number;
  gruBackward(
    dy: number,
    weight: number,
    rows: number,
    total: number,
    counts: number,
    steps: number,
    order: number,
    count: number,
    width: number,
    before: number,
    gates: number,
    previous: number,
    dx: number,
    dWeight: number,
    dBias: number,
    dInitial: number,
    scratch: number,
  ): void;
  clear(address: number, bytes: number): void;
}

interface Inputs {
  readonly x: tf.TensorInfo;
  readonly weight: tf.TensorInfo;
  readonly bias?: tf.TensorInfo;
  readonly initial?: tf.TensorInfo;
  readonly rows: tf.TensorInfo;
  readonly counts: tf.TensorInfo;
  readonly order: tf.TensorInfo;
}

interface GradientInputs extends Omit<Inputs, 'x' | 'bias' | 'initial'> {
  readonly dy: tf.TensorInfo;
  readonly gates: tf.TensorInfo;
  readonly previous: tf.TensorInfo;
}

export const gruKernels: readonly WasmKernel[] = [
  {
    /** The states and, if `recording`, what the gradients need: `gates` and `previous`. */
    name: 'SeqrecGru',
    run({ inputs, attrs, backend }, wasm) {
      const { x, weight, bias, initial, rows, counts, order } = inputs as unknown as Inputs;
      const { before, recording } = attrs as unknown as { before: boolean; recording: boolean };
      const { gruForward, gruForwardScratch, clear } = wasm.functions<Functions>();
      const [capacity, width, wide] = [x.shape[0] as number, weight.shape[1] as number, paddedWidth(weight)];
      const [total, steps, count] = [rows, counts, order].map(({ shape }) => shape[0]) as [number, number, number];
      const states = wasm.output([capacity, width]);
      const gates = wasm.output([recording ? total : count, 4 * wide]);
      const previous = wasm.output([recording ? total + count : 2 * count, wide]);
      const scratch = wasm.scratch(gruForwardScratch(width));
      const to = wasm.address(states);
      clear(to + 4 * total * width, 4 * (capacity - total) * width);
      gruForward(
        wasm.address(x),
        wasm.address(weight),
        bias ? wasm.address(bias) : 0,
        initial ? wasm.address(initial) : 0,
        wasm.indices(rows),
        wasm.indices(counts),
        steps,
        wasm.indices(order),
        count,
        width,
        Number(before),
        to,
        wasm.address(gates),
        wasm.address(previous),
        Number(recording),
        scratch,
      );
      if (recording) return [states, gates, previous];
      for (const { dataId } of [gates, previous]) (backend as tf.KernelBackend).disposeData(dataId);
      return [states];
    },
  },
  {
    /** The gradients by x and weight, and then, if wanted, by bias and initial. */
    name: 'SeqrecGruGradients',
    run({ inputs, attrs }, wasm) {
      const { dy, weight, rows, counts, order, gates, previous } = inputs as unknown as GradientInputs;
      const { before, ofBias, ofInitial } = attrs as { before: boolean; ofBias: boolean; ofInitial: boolean };
      const { gruBackward, gruBackwardScratch, clear } = wasm.functions<Functions>();
      const [capacity, width] = dy.shape as [number, number];
      const [total, steps, count] = [rows, counts, order].map(({ shape }) => shape[0]) as [number, number, number];
      const dx = wasm.output([capacity, 3 * width]);
      const dWeight = wasm.output(weight.shape);
      const dBias = ofBias ? wasm.output([3 * width]) : undefined;
      const dInitial = ofInitial ? wasm.output([count, width]) : undefined;
      const scratch = wasm.scratch(gruBackwardScratch(count, width));
      const to = wasm.address(dx);
      clear(to + 12 * total * width, 12 * (capacity - total) * width);
      gruBackward(
        wasm.address(dy),
        wasm.address(weight),
        wasm.indices(rows),
        total,
        wasm.indices(counts),
        steps,
        wasm.indices(order),
        count,
        width,
        Number(before),
        wasm.address(gates),
        wasm.address(previous),
        to,
        wasm.address(dWeight),
        dBias ? wasm.address(dBias) : 0,
        dInitial ? wasm.address(dInitial) : 0,
        scratch,
      );
      return [dx, dWeight, dBias, dInitial].filter((tensor) => tensor !== undefined);
    },
  },
];

/** Inside, a gate takes whole panels of 8 columns. */
function paddedWidth({ shape }: tf.TensorInfo): number {
  return Math.ceil((shape[1] as number) / 8) * 8;
}
