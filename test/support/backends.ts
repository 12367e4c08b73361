/** The backends that the conformance tables run on in Node. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { ready } from 'seqrec';

export const backends = ['cpu', 'wasm'] as const;

/** Chooses a backend as an application does. */
export async function use(backend: (typeof backends)[number]): Promise<void> {
  await tf.setBackend(backend);
  await ready();
}
