/** A small training step with known results, which a backend must get right before it is accepted. */
import * as tf from '@tensorflow/tfjs-core';

/** How far a result may be from the stored one, relative to 1 + its size: GPUs round tanh and exp generously. */
const TOLERANCE = 1e-3;

/** Reference results in double precision, from the same formulas written as loops (test/unit/backend/self-test). */
export const EXPECTED = {
  loss: [3.40115],
  weight: [
    0.22574, 0.32593, -0.66345, 0.37555, 0.19399, -0.85824, -0.23905, -0.1552, 0.56865, -0.36224, -0.36472, 0.95303,
  ],
  table: [
    0, 0, 0, 0, 0.58282, -0.57718, 0.8375, -0.84314, 0, 0, 0, 0, -0.09938, 0.00312, -0.07766, 0.17392, 0, 0, 0, 0,
  ],
} as const satisfies Record<string, readonly number[]>;

/**
 * Looks rows up, normalises them, multiplies, tanh, softmax, cross-entropy, and back by hand, so that no gradient needs
 * to be registered. Drivers exist on which everything runs and every gradient is zero.
 *
 * @throws if a result is off, with the first wrong number
 */
export async function selfTest(backend: string): Promise<void> {
  // The WebGPU backend computes small tensors on the CPU, which would test the wrong thing.
  const restore = backend === 'webgpu' ? setFlag('WEBGPU_CPU_FORWARD', false) : undefined;
  const results = tf.tidy(step);
  try {
    for (const [name, expected] of Object.entries(EXPECTED)) {
      const found = await results[name as keyof typeof EXPECTED].data();
      const wrong = expected.findIndex(
        (value, i) => !(Math.abs((found[i] as number) - value) <= TOLERANCE * (1 + Math.abs(value))),
      );
      if (wrong >= 0) {
        throw new Error(
          `The self-test of '${backend}' failed: ${name}[${wrong}] should be ${expected[wrong]} and is ${found[wrong]}. Use another backend and report the device.`,
        );
      }
    }
  } finally {
    tf.dispose(results);
    restore?.();
  }
}

function setFlag(flag: string, value: boolean): () => void {
  const before = tf.env().getBool(flag);
  tf.env().set(flag, value);
  return () => tf.env().set(flag, before);
}

/** The numbers of the test: any that are neither symmetric nor round. */
export function inputs(): { table: Float32Array; weight: Float32Array; rows: Int32Array; targets: Float32Array } {
  return {
    table: Float32Array.from({ length: 20 }, (_, i) => (((i * i * 7 + i * 3) % 23) - 11) / 8), // [5, 4]
    weight: Float32Array.from({ length: 12 }, (_, i) => (((i * i * 5 + i * 2) % 19) - 9) / 10), // [4, 3]
    rows: Int32Array.of(1, 3, 1),
    targets: Float32Array.of(1, 0, 0, 0, 0, 1, 0, 1, 0), // [3, 3] one-hot
  };
}

function step(): Record<keyof typeof EXPECTED, tf.Tensor> {
  const host = inputs();
  const table = tf.tensor2d(host.table, [5, 4]);
  const weight = tf.tensor2d(host.weight, [4, 3]);
  const rows = tf.tensor1d(host.rows, 'int32');
  const targets = tf.tensor2d(host.targets, [3, 3]);

  const x = tf.gather(table, rows); // [3, 4]
  const centred = tf.sub(x, tf.mean(x, 1, true));
  const scale = tf.rsqrt(tf.add(tf.mean(tf.square(centred), 1, true), 1e-5));
  const normed = tf.mul(centred, scale);
  const hidden = tf.tanh(tf.matMul(normed, weight)); // [3, 3]
  const exps = tf.exp(tf.sub(hidden, tf.max(hidden, 1, true)));
  const probabilities = tf.div(exps, tf.sum(exps, 1, true));
  const loss = tf.neg(tf.sum(tf.mul(targets, tf.log(probabilities))));

  const dProduct = tf.mul(tf.sub(probabilities, targets), tf.sub(1, tf.square(hidden))) as tf.Tensor2D;
  const dWeight = tf.matMul(normed, dProduct, true, false);
  const dNormed = tf.matMul(dProduct, weight, false, true);
  const along = tf.mul(normed, tf.mean(tf.mul(dNormed, normed), 1, true));
  const dX = tf.mul(scale, tf.sub(tf.sub(dNormed, tf.mean(dNormed, 1, true)), along));
  return { loss, weight: dWeight, table: tf.unsortedSegmentSum(dX, rows, 5) };
}
