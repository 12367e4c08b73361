/** A model whose layer is written with the `tf` of '@tensorflow/tfjs', methods included: one engine serves both. */
import assert from 'node:assert/strict';
import * as tf from '@tensorflow/tfjs';
import { backendInfo, Module, Parameter, ready, xavierUniform } from 'seqrec';

tf.setBackend('cpu');
await ready();
assert.deepEqual([backendInfo().name, backendInfo().chosenBy], ['cpu', 'host']);

class Gate extends Module {
  weight = new Parameter([3, 3], xavierUniform);
  forward(x) {
    return x.matMul(this.weight.value).sigmoid().mul(x);
  }
}

const gate = new Gate().init(1);
const x = tf.tensor2d([[1, 2, 3]]);
const { grads } = tf.variableGrads(() => gate.forward(x).sum(), [gate.weight.value]);
const [gradient] = Object.values(grads);
assert.deepEqual(gradient.shape, [3, 3]);
assert((await gradient.data()).every((value) => value > 0));
console.log('a layer of @tensorflow/tfjs ops with a seqrec parameter has a gradient');
