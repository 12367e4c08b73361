/** The plain-JavaScript backend: works everywhere, about twenty times slower than WebAssembly. */
import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import type { Candidate } from './select.ts';

export const cpu: Candidate = {
  name: 'cpu',
  backend: 'cpu',
  async load() {
    // The application may have removed it.
    if (!tf.findBackendFactory('cpu')) tf.registerBackend('cpu', () => new MathBackendCPU(), 1);
    // The backend's first tensor prints advice to install tfjs-node, wrong for someone who has just chosen this one.
    (tf.findBackend('cpu') as unknown as { firstUse: boolean }).firstUse = false;
    return {};
  },
};
