/** What goes wrong on a GPU is an error with a way on: sizes above its limits, wrong programs, a lost device. */
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import { backendInfo, Interactions, ready, SASRec } from 'seqrec';
import { beforeAll, expect, test } from 'vitest';
import { selfTest } from '../../src/backend/self-test.ts';

const log = Interactions.from(
  Array.from({ length: 120 }, (_, i) => ({ user: i % 12, item: `i${(i % 12) + Math.floor(i / 12)}`, time: i })),
);
const make = () => new SASRec({ items: log.items, maxLength: 8, dim: 8, layers: 1, dropout: 0 });
const device = () => (tf.backend() as WebGPUBackend).device;

beforeAll(async () => {
  // No choice of the application: seqrec chooses, and may choose again.
  for (const name of tf.engine().backendNames()) tf.removeBackend(name);
  Object.assign(globalThis, { SEQREC_BACKEND: 'webgpu' });
});

test('a software adapter is taken where it is asked for, and said to be one', async () => {
  expect(await ready()).toMatchObject({
    name: 'webgpu',
    chosenBy: 'environment',
    details: { software: true, maxBufferBytes: expect.any(Number) },
  });
  await selfTest('webgpu');
});

test('a tensor above the limit of a buffer is refused before it is made', async () => {
  const most = backendInfo()?.details.maxBufferBytes as number;
  const allocated = (tf.backend() as WebGPUBackend).bufferManager.numBytesAllocated;
  expect(() => tf.tidy(() => tf.square(tf.zeros([most / 4 + 1])))).toThrow(
    /^A tensor of 1,024 MiB does not fit into a buffer of this GPU, which holds at most 1,024 MiB: use a sampled loss/,
  );
  expect((tf.backend() as WebGPUBackend).bufferManager.numBytesAllocated).toBe(allocated);
});

test('memory does not grow with the number of different sizes', async () => {
  const buffers = (tf.backend() as WebGPUBackend).bufferManager;
  const x = tf.ones([1000, 1000]);
  let most = 0;
  for (let rows = 400; rows < 440; rows++) {
    const y = tf.tidy(() => tf.sum(tf.square(tf.slice(x, [0, 0], [rows, 1000]))));
    expect((await y.data())[0]).toBe(rows * 1000);
    y.dispose();
    most = Math.max(most, buffers.numBytesAllocated);
  }
  x.dispose();
  // 40 sizes of 2 MB, two tensors each, would be 140 MB.
  expect(most).toBeLessThan(90e6);
});

test('a device that is lost ends a run with an error, and the run goes on from its checkpoint on a new one', async () => {
  const options = { epochs: 4, batchSize: 6, seed: 1 };
  const whole = make();
  await whole.fit(log, options);
  const expected = (await whole.recommend(['i3', 'i4'], { k: 5 })).map(({ item }) => item);
  let checkpoint: Uint8Array | undefined;
  let steps = 0;
  const running = make().fit(log, {
    ...options,
    checkpoint: { write: (bytes) => void (checkpoint = bytes) },
    onProgress: () => void (++steps === 5 && device().destroy()),
  });
  await expect(running).rejects.toThrow(/^The WebGPU device was lost \(.*\) with every tensor on it: load the model/);
  expect((await ready()).name).toBe('webgpu');
  const resumed = make();
  const report = await resumed.fit(log, { ...options, resume: checkpoint as unknown as Uint8Array });
  expect(report.epochs).toHaveLength(4);
  expect((await resumed.recommend(['i3', 'i4'], { k: 5 })).map(({ item }) => item)).toEqual(expected);
});

test('a model that was saved answers the same after the device was lost', async () => {
  const model = make();
  await model.fit(log, { epochs: 1, batchSize: 6, seed: 1 });
  const [file, before] = [await model.save(), await model.recommend(['i3', 'i4'], { k: 5 })];
  device().destroy();
  await expect(model.recommend(['i3'], { k: 5 })).rejects.toThrow(/lost/);
  const loaded = await SASRec.load(file);
  expect(await loaded.recommend(['i3', 'i4'], { k: 5 })).toEqual(before);
});

// The last one: what follows from a broken program is reported for a while.
test('a program that does not compile is an error of the next read', async () => {
  const broken = {
    variableNames: ['x'],
    uniforms: '',
    workgroupSize: [64, 1, 1] as [number, number, number],
    outputShape: [4],
    dispatchLayout: { x: [0] },
    dispatch: [1, 1, 1] as [number, number, number],
    shaderKey: 'broken',
    getUserCode: () => 'fn main(index : i32) { result[index] = nonsense; }',
  };
  const x = tf.tensor1d([1, 2, 3, 4]);
  const out = (tf.backend() as WebGPUBackend).runWebGPUProgram(broken, [x], 'float32');
  const y = tf.engine().makeTensorFromTensorInfo(out);
  await expect(y.data()).rejects.toThrow(/^WebGPU reported an error, so results since then may be wrong \(Error while/);
  tf.dispose([x, y]);
  expect((await ready()).name).toBe('webgpu');
});
