/** What a backend does differently, test by test, and why that is accepted. */
import * as tf from '@tensorflow/tfjs-core';
import type { TestContext } from 'vitest';

interface Exception {
  backend: string;
  /** Of the path of names of the test. */
  test: RegExp;
  why: string;
}

export const exceptions: readonly Exception[] = [
  {
    backend: 'webgpu',
    test: /a row gives the same bits alone and among others/,
    why: 'Large and small products are different programs, of which a driver may contract other operations.',
  },
  {
    backend: 'webgpu',
    test: /NaN stays|a score that is not a number is seen in the loss/,
    why: 'WGSL lets a driver assume that there is no NaN: it may come out as a number or as an infinity.',
  },
  {
    backend: 'webgpu',
    test: /kernels\.test\.ts.*on webgpu/,
    why: 'These are about the kernels of TensorFlow.js that seqrec replaces on wasm and cpu.',
  },
  {
    backend: 'webgpu',
    test: /gru\.test\.ts.*a long sequence among short ones/,
    why: 'Hundreds of steps of dozens of programs each take minutes on a software adapter; shorter ones are tested.',
  },
  {
    backend: 'tensorflow',
    test: /the same bits alone/,
    why: 'TensorFlow sums the products of matrices of other sizes in another order.',
  },
  {
    backend: 'tensorflow',
    test: /unsortedSegmentSum (gives|sums integers)|segments that there are not/,
    why: 'Its kernel is not replaced: it refuses segments that there are not, and sums integers to integers.',
  },
];

/** A hook that skips the test if there is an exception for it on the active backend. */
export function skipExceptions({ task, skip }: TestContext): void {
  const names = [task.name];
  for (let suite = task.suite; suite; suite = suite.suite) names.unshift(suite.name);
  const name = [task.file.name, ...names].join(' > ');
  const found = exceptions.find(({ backend, test }) => backend === tf.getBackend() && test.test(name));
  if (found) skip(found.why);
}
