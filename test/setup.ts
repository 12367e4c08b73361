/** Every test file starts on the plain-JavaScript backend, chosen as a host application would. */
import * as tf from '@tensorflow/tfjs-core';
import { cpu } from '../src/backend/cpu.ts';
import { registerKernels } from '../src/backend/kernels.ts';

await cpu.load(true);
await tf.setBackend('cpu');
await registerKernels('cpu');
