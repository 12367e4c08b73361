/**
 * Slice and GatherV2 for tfjs-wasm as plain copies within its heap, and Identity without a copy. Its own Slice first
 * copies the whole input out of the heap, and its own GatherV2 computes the place of every single value.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { KernelCall, Replacement, WasmMemory } from './memory.ts';

export const wasmSlice: Replacement = (known) => (call) => {
  const { x } = call.inputs as { x: tf.TensorInfo };
  if (x.dtype === 'string' && known) return known(call);
  const attrs = call.attrs as unknown as tf.SliceAttrs;
  const [begin, size] = tf.slice_util.parseSliceParams(x, attrs.begin, attrs.size) as [number[], number[]];
  tf.slice_util.assertParamsValid(x, begin, size);
  const out = outputOf(call, x, size);

  // Values that follow one another in both: the last axis that is cut, and all axes after it.
  let axis = Math.max(0, size.length - 1);
  while (axis > 0 && size[axis] === x.shape[axis]) axis--;
  const run = tf.util.sizeFromShape(size.slice(axis));
  const runs = tf.util.sizeFromShape(size.slice(0, axis));
  const strides = [...tf.util.computeStrides(x.shape), 1];
  const first = begin.reduce((sum, index, i) => sum + index * (strides[i] as number), 0);
  for (let i = 0; i < runs && run > 0; i++) {
    let from = first;
    for (let rest = i, outer = axis - 1; outer >= 0; outer--) {
      const length = size[outer] as number;
      from += (rest % length) * (strides[outer] as number);
      rest = Math.floor(rest / length);
    }
    out.copy(from, i * run, run);
  }
  return out.tensor;
};

export const wasmGather: Replacement = (known) => (call) => {
  const { x, indices } = call.inputs as { x: tf.TensorInfo; indices: tf.TensorInfo };
  const { axis, batchDims } = call.attrs as unknown as tf.GatherV2Attrs;
  if (known && (x.dtype === 'string' || axis !== 0 || batchDims !== 0 || indices.dtype !== 'int32')) return known(call);
  const inner = x.shape.slice(1);
  const rows = x.shape[0] as number;
  const width = tf.util.sizeFromShape(inner);
  const out = outputOf(call, x, [...indices.shape, ...inner]);
  const index = (call.backend as unknown as WasmMemory).typedArrayFromHeap(indices);
  for (let i = 0; i < index.length; i++) {
    const row = index[i] as number;
    if (row < 0 || row >= rows) {
      (call.backend as tf.KernelBackend).disposeData(out.tensor.dataId);
      throw new Error(`GatherV2: the index value ${row} is not in [0, ${rows - 1}]`);
    }
    out.copy(row * width, i * width, width);
  }
  return out.tensor;
};

/** Counts a reference, as all other backends do: every tensor that is saved for a gradient passes through here. */
export const wasmIdentity: Replacement = (known) => (call) => {
  const { x } = call.inputs as { x: tf.TensorInfo };
  if (x.dtype === 'string' && known) return known(call);
  (call.backend as tf.KernelBackend).incRef(x.dataId);
  return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
};

/** A new tensor, and a way to copy values of `x` into it. */
function outputOf(
  call: KernelCall,
  x: tf.TensorInfo,
  shape: number[],
): { tensor: tf.TensorInfo; copy(from: number, to: number, count: number): void } {
  const backend = call.backend as unknown as WasmMemory;
  const tensor = backend.makeOutput(shape, x.dtype);
  const source = backend.typedArrayFromHeap(x);
  const target = backend.typedArrayFromHeap(tensor);
  // One view of the whole heap: a view for each run would cost more than the run.
  const heap = new Uint8Array(source.buffer);
  const bytes = source.BYTES_PER_ELEMENT;
  const copy = (from: number, to: number, count: number) => {
    if (count < 8) {
      for (let i = 0; i < count; i++) target[to + i] = source[from + i] as number;
      return;
    }
    const begin = source.byteOffset + from * bytes;
    heap.copyWithin(target.byteOffset + to * bytes, begin, begin + count * bytes);
  };
  return { tensor, copy };
}
