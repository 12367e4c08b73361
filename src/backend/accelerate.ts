/** Faster matrix products and transposes for plain TensorFlow.js code on tfjs-wasm, where the application asks for them. */
import * as tf from '@tensorflow/tfjs-core';
import type { WasmMemory } from './memory.ts';
import { ready } from './select.ts';

/**
 * Replaces the slow kernels of tfjs-wasm for the whole application: transposed and batched products (`tf.matMul` and all
 * its gradients), which are naive loops there, and `tf.transpose` of three axes or more. A custom model in plain `tf` ops
 * gains; seqrec's own ops do not need it. Products are summed in another order, so they differ in the last bits. On
 * another backend, and where seqrec's WebAssembly kernels do not run, it changes nothing.
 *
 * @returns a function that puts the kernels of TensorFlow.js back
 *
 * @example
 * ```ts
 * import { accelerateTensorFlow } from 'seqrec/wasm';
 * const restore = await accelerateTensorFlow();
 * ```
 */
export async function accelerateTensorFlow(): Promise<() => void> {
  await ready();
  const replaced: tf.KernelConfig[] = [];
  for (const [kernelName, replace] of Object.entries({ BatchMatMul: products, Transpose: transposes })) {
    const known = tf.getKernel(kernelName, 'wasm');
    if (!known || REPLACED.has(known.kernelFunc) || !tf.getKernel('SeqrecBatchMatMul', 'wasm')) continue;
    const kernelFunc = replace(known.kernelFunc);
    REPLACED.add(kernelFunc);
    tf.unregisterKernel(kernelName, 'wasm');
    tf.registerKernel({ ...known, kernelFunc });
    replaced.push(known);
  }
  return () => {
    for (const known of replaced.splice(0)) {
      tf.unregisterKernel(known.kernelName, 'wasm');
      tf.registerKernel(known);
    }
  };
}

const REPLACED = new WeakSet<tf.KernelFunc>();

function products(known: tf.KernelFunc): tf.KernelFunc {
  return (call) => {
    const { a, b } = call.inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
    const { transposeA, transposeB } = call.attrs as unknown as tf.BatchMatMulAttrs;
    const ours = tf.getKernel('SeqrecBatchMatMul', 'wasm');
    const [[m, inner], [terms, n]] = [lastAxes(a, transposeA), lastAxes(b, transposeB)];
    const outer = tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
    const count = tf.util.sizeFromShape(outer);
    const whole = [a, b].every(({ shape }) => [1, count].includes(tf.util.sizeFromShape(shape.slice(0, -2))));
    const fits = whole && inner === terms && m * n * inner * count > 0;
    // What is empty or does not fit is the business of TensorFlow.js, and a single plain product is fast there.
    if (!ours || !fits || (count === 1 && !transposeA && !transposeB)) return known(call);
    if (a.dtype !== 'float32' || b.dtype !== 'float32') return known(call);
    const attrs = { transposeA, transposeB, outer } as unknown as tf.NamedAttrMap;
    return (ours.kernelFunc as tf.KernelFunc)({ ...call, attrs });
  };
}

function lastAxes({ shape }: tf.TensorInfo, transposed: boolean): [rows: number, columns: number] {
  const [rows, columns] = shape.slice(-2) as [number, number];
  return transposed ? [columns, rows] : [rows, columns];
}

/** Writes the values in their new order, run by run of the last axis. */
function transposes(known: tf.KernelFunc): tf.KernelFunc {
  return (call) => {
    const { x } = call.inputs as { x: tf.TensorInfo };
    const { perm } = call.attrs as unknown as tf.TransposeAttrs;
    // Matrices have a kernel of their own, which is fast.
    if (x.dtype === 'string' || x.shape.length < 3) return known(call);
    const shape = perm.map((axis) => x.shape[axis] as number);
    const backend = call.backend as unknown as WasmMemory;
    const out = backend.makeOutput(shape, x.dtype);
    const [from, to] = [backend.typedArrayFromHeap(x), backend.typedArrayFromHeap(out)];
    const strides = [...tf.util.computeStrides(x.shape), 1];
    const steps = perm.map((axis) => strides[axis] as number);
    const last = shape.length - 1;
    const [run, step] = [shape[last] as number, steps[last] as number];
    const place = new Int32Array(last);
    for (let at = 0, base = 0; at < to.length; ) {
      for (let i = 0, source = base; i < run; i++, source += step) to[at++] = from[source] as number;
      for (let axis = last - 1; axis >= 0; axis--) {
        base += steps[axis] as number;
        place[axis] = (place[axis] as number) + 1;
        if (place[axis] !== shape[axis]) break;
        base -= (steps[axis] as number) * (shape[axis] as number);
        place[axis] = 0;
      }
    }
    return out;
  };
}
