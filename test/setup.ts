/** Every test file starts on the plain-JavaScript backend, chosen as a host application would. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';

await tf.setBackend('cpu');
