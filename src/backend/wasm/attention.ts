/** Attention over ragged rows and its gradients. */
import type * as tf from '@tensorflow/tfjs-core';
import type { AttentionAttributes, AttentionInputs } from '../kernel-calls.ts';
import type { Wasm, WasmKernel } from '../wasm-kernels.ts';

interface Functions {
  attentionScratch(keys: number, width: number): number;
  attentionForward(q: number, k: number, v: number, out: number, ...rest: CommonArguments): void;
  attentionBackward(
    q: number,
    k: number,
    v: number,
    dOut: number,
    dq: number,
    dk: number,
    dv: number,
    dBias: number,
    ...rest: CommonArguments
  ): void;
  clear(address: number, bytes: number): void;
}

type CommonArguments = [
  queryOffsets: number,
  queryStarts: number,
  keyOffsets: number,
  keyStarts: number,
  count: number,
  heads: number,
  width: number,
  causal: number,
  dropoutKeys: number,
  firstSequence: number,
  threshold: number,
  scale: number,
  bias: number,
  positions: number,
  tableBytes: number,
  scratch: number,
];

export const attentionKernels: readonly WasmKernel[] = [
  {
    name: 'SeqrecAttention',
    run({ inputs, attrs }, wasm) {
      const all = inputs as unknown as AttentionInputs;
      const attributes = attrs as unknown as AttentionAttributes;
      const out = rowsOf(wasm, all.q, attributes.rows[0]);
      const [q, k, v, to] = [all.q, all.k, all.v, out].map(wasm.address) as [number, number, number, number];
      wasm.functions<Functions>().attentionForward(q, k, v, to, ...common(wasm, all, attributes));
      return out;
    },
  },
  {
    name: 'SeqrecAttentionGradients',
    run({ inputs, attrs }, wasm) {
      const all = inputs as unknown as AttentionInputs & { readonly dy: tf.TensorInfo };
      const attributes = attrs as unknown as AttentionAttributes;
      const [ofQueries, ofKeys] = attributes.rows;
      const out = [rowsOf(wasm, all.q, ofQueries), rowsOf(wasm, all.k, ofKeys), rowsOf(wasm, all.v, ofKeys)];
      const [q, k, v, dy] = [all.q, all.k, all.v, all.dy].map(wasm.address) as [number, number, number, number];
      if (all.bias) out.push(zeros(wasm, all.bias.shape));
      const [dq, dk, dv, dBias = 0] = out.map(wasm.address) as [number, number, number, number?];
      wasm.functions<Functions>().attentionBackward(q, k, v, dy, dq, dk, dv, dBias, ...common(wasm, all, attributes));
      return out;
    },
  },
];

/** A new tensor like `x`, whose rows past `rows` are 0. */
function rowsOf(wasm: Wasm, x: tf.TensorInfo, rows: number): tf.TensorInfo {
  const [capacity, dim] = x.shape as [number, number];
  const out = wasm.output(x.shape);
  wasm.functions<Functions>().clear(wasm.address(out) + 4 * rows * dim, 4 * (capacity - rows) * dim);
  return out;
}

function zeros(wasm: Wasm, shape: readonly number[]): tf.TensorInfo {
  const out = wasm.output(shape);
  const bytes = shape.reduce((product, length) => product * length, 4);
  wasm.functions<Functions>().clear(wasm.address(out), bytes);
  return out;
}

function common(wasm: Wasm, inputs: AttentionInputs, attributes: AttentionAttributes): CommonArguments {
  const { heads, causal, longest, firstSequence, threshold, scale } = attributes;
  const width = (inputs.q.shape[1] as number) / heads;
  const [tables, positions] = (inputs.bias?.shape ?? [1, 0]) as [number, number];
  return [
    wasm.indices(inputs.queryOffsets),
    wasm.indices(inputs.queryStarts),
    wasm.indices(inputs.keyOffsets),
    wasm.indices(inputs.keyStarts),
    inputs.queryStarts.shape[0] as number,
    heads,
    width,
    Number(causal),
    inputs.dropoutKeys ? wasm.indices(inputs.dropoutKeys) : 0,
    firstSequence,
    threshold,
    scale,
    inputs.bias ? wasm.address(inputs.bias) : 0,
    positions,
    tables === 1 ? 0 : 4 * positions * positions,
    wasm.scratch(wasm.functions<Functions>().attentionScratch(longest, width)),
  ];
}
