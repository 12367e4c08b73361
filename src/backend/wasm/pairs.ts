/** Products and sums over the pairs of a query and a key. */
import type * as tf from '@tensorflow/tfjs-core';
import type { LayoutInputs } from '../kernel-calls.ts';
import type { Wasm, WasmKernel } from '../wasm-kernels.ts';

/** What a call needs besides its tensors. */
export interface PairsAttributes {
  readonly heads: number;
  readonly causal: boolean;
  /** Of all sequences together. */
  readonly pairs: number;
  /** The number of keys of the longest sequence. */
  readonly longest: number;
  /** Of sums: those of the keys over the queries that see them. */
  readonly ofKeys?: boolean;
  /** Of sums: the rows of the result, and how many of them belong to sequences. */
  readonly capacity?: number;
  readonly rows?: number;
}

interface Functions {
  pairsScratch(keys: number, width: number): number;
  pairProducts(q: number, k: number, plus: number, out: number, ...rest: CommonArguments): void;
  pairSums(weights: number, v: number, out: number, ofKeys: number, ...rest: CommonArguments): void;
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
  scratch: number,
];

export const pairsKernels: readonly WasmKernel[] = [
  {
    name: 'SeqrecPairProducts',
    run({ inputs, attrs }, wasm) {
      const all = inputs as unknown as LayoutInputs & { q: tf.TensorInfo; k: tf.TensorInfo; plus?: tf.TensorInfo };
      const attributes = attrs as unknown as PairsAttributes;
      const out = wasm.output([attributes.pairs, attributes.heads]);
      const [q, k, to] = [all.q, all.k, out].map(wasm.address) as [number, number, number];
      const rest = common(wasm, all, attributes, all.q.shape[1] as number);
      wasm.functions<Functions>().pairProducts(q, k, all.plus ? wasm.address(all.plus) : 0, to, ...rest);
      return out;
    },
  },
  {
    name: 'SeqrecPairSums',
    run({ inputs, attrs }, wasm) {
      const all = inputs as unknown as LayoutInputs & { weights: tf.TensorInfo; v: tf.TensorInfo };
      const attributes = attrs as unknown as Required<PairsAttributes>;
      const { capacity, rows, ofKeys } = attributes;
      const dim = all.v.shape[1] as number;
      const out = wasm.output([capacity, dim]);
      const [weights, v, to] = [all.weights, all.v, out].map(wasm.address) as [number, number, number];
      const functions = wasm.functions<Functions>();
      functions.pairSums(weights, v, to, Number(ofKeys), ...common(wasm, all, attributes, dim));
      functions.clear(to + 4 * rows * dim, 4 * (capacity - rows) * dim);
      return out;
    },
  },
];

function common(
  wasm: Wasm,
  inputs: LayoutInputs,
  { heads, causal, longest }: PairsAttributes,
  dim: number,
): CommonArguments {
  return [
    wasm.indices(inputs.queryOffsets),
    wasm.indices(inputs.queryStarts),
    wasm.indices(inputs.keyOffsets),
    wasm.indices(inputs.keyStarts),
    inputs.queryStarts.shape[0] as number,
    heads,
    dim / heads,
    Number(causal),
    wasm.scratch(wasm.functions<Functions>().pairsScratch(longest, dim / heads)),
  ];
}
