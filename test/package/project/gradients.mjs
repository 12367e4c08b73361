// A training loop of one's own: plain TensorFlow.js ops in the loss, without @tensorflow/tfjs.
import 'seqrec/wasm';
import 'seqrec/gradients';
import * as tf from '@tensorflow/tfjs-core';
import { gradients, Linear, ready } from 'seqrec';

await ready();
const layer = new Linear(2, 1).init(1);
const { value, gradients: found } = gradients(
  () => tf.mean(tf.square(layer.forward(tf.tensor2d([1, 2, 3, 4], [2, 2])))),
  layer.parameters(),
);
if (![...found.keys()].includes('weight')) throw new Error(`The weight has no gradient: ${[...found.keys()]}.`);
console.log(`loss ${(await value.data())[0].toFixed(4)}`);
