/** The backends that the tables of ops, blocks and models run on. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs';
import { ready } from 'seqrec';
import { expect } from 'vitest';
import { environmentVariable } from '../../src/backend/runtime.ts';
import type { Candidate, Loaded } from '../../src/backend/select.ts';

/** By the global or the variable SEQREC_TEST_BACKENDS; those that need nothing but Node if there is none. */
export const backends: readonly string[] = (
  (globalThis as { SEQREC_TEST_BACKENDS?: string }).SEQREC_TEST_BACKENDS ??
  environmentVariable('SEQREC_TEST_BACKENDS') ??
  'cpu,wasm'
).split(',');

const candidates: Readonly<Record<string, () => Promise<Candidate>>> = {
  cpu: async () => (await import('../../src/backend/cpu.ts')).cpu,
  wasm: async () => (await import('../../src/backend/wasm.ts')).wasm,
  webgpu: async () => (await import('../../src/backend/webgpu.ts')).webgpu,
  tensorflow: async () => (await import('../../src/backend/node.ts')).node,
};

const loaded = new Map<string, Loaded>();

/** Chooses a backend as seqrec loads it, on a software adapter too. */
export async function use(backend: string): Promise<void> {
  if (!loaded.has(backend)) {
    const candidate = await candidates[backend]?.();
    if (!candidate) throw new RangeError(`SEQREC_TEST_BACKENDS may name ${Object.keys(candidates)}, got '${backend}'.`);
    loaded.set(backend, await candidate.load(true));
    // Small tensors would be computed by JavaScript.
    if (backend === 'webgpu') tf.env().set('WEBGPU_CPU_FORWARD', false);
  }
  await tf.setBackend(backend);
  await ready();
}

/** What WebGPU only reports beside the results, such as a shader that does not compile. */
export function expectNoDeviceError(): void {
  expect(loaded.get('webgpu')?.device?.takeProblem()).toBeUndefined();
}
