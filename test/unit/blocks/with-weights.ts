/** A block whose parameters are given as tensors, so that an op check differentiates by them, too. */

import type * as tf from '@tensorflow/tfjs-core';
import type { Module } from 'seqrec';
import { normals, type Values } from '../ops/check.ts';

/** Random values for each parameter of a block, by path. */
export function weightsOf(block: Module): Map<string, Values> {
  return new Map([...block.parameters()].map(([path, { shape }], i) => [path, normals([...shape], 20 + i, 0.5)]));
}

/** Puts a tensor in the place of each parameter: blocks hand their parameters to ops, which take either. */
export function useTensors<M extends Module>(block: M, paths: Iterable<string>, tensors: readonly tf.Tensor[]): M {
  [...paths].forEach((path, i) => {
    const steps = path.split('.');
    const leaf = steps.pop() as string;
    const owner = steps.reduce(
      (at, step) => at[step] as { [key: string]: unknown },
      block as unknown as { [key: string]: unknown },
    );
    owner[leaf] = tensors[i];
  });
  return block;
}
