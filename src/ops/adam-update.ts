/** One step of Adam (Kingma & Ba, 2015) for all values of a parameter. */
import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runKernel } from './kernel.ts';

/** A parameter and the means that Adam remembers of its gradients, all of one shape. */
export interface AdamState {
  value: tf.Tensor;
  /** Of gradients. */
  m: tf.Tensor;
  /** Of squared gradients. */
  v: tf.Tensor;
  /** The largest `v` so far, to be divided by in place of `v`: AMSGrad. */
  max?: tf.Tensor | undefined;
}

/** The numbers of one step. */
export interface AdamStep {
  rate: number;
  beta1: number;
  beta2: number;
  /** Added to the root. */
  epsilon: number;
  /** Times the value added to the gradient. */
  l2: number;
  /** What the value is multiplied by before it moves. */
  shrink: number;
}

/** m ← β1·m + (1-β1)·g, v ← β2·v + (1-β2)·g², value ← shrink·value - rate · m / (√v + ε), as new tensors. */
export function adamUpdate(gradient: tf.Tensor, state: AdamState, step: AdamStep): AdamState {
  const { value, m, v, max } = state;
  if (!hasKernel('SeqrecAdam')) return composed(gradient, state, step);
  const inputs = { value, gradient, m, v, ...(max && { max }) };
  const outputs = runKernel<tf.Tensor[]>('SeqrecAdam', inputs, step);
  const [newValue, newM, newV, newMax] = outputs as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor?];
  return { value: newValue, m: newM, v: newV, max: newMax };
}

function composed(gradient: tf.Tensor, state: AdamState, step: AdamStep): AdamState {
  const { rate, beta1, beta2, epsilon, l2, shrink } = step;
  const g = l2 === 0 ? gradient : tf.add(gradient, tf.mul(state.value, l2));
  const m = tf.add(tf.mul(state.m, beta1), tf.mul(g, 1 - beta1));
  const v = tf.add(tf.mul(state.v, beta2), tf.mul(tf.square(g), 1 - beta2));
  const max = state.max && tf.maximum(state.max, v);
  const move = tf.mul(tf.div(m, tf.add(tf.sqrt(max ?? v), epsilon)), rate);
  return { value: tf.sub(shrink === 1 ? state.value : tf.mul(state.value, shrink), move), m, v, max };
}
