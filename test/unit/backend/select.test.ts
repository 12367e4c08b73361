/** Who may choose the backend, in which order, and what is said about it. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { DeviceLostError } from '../../../src/backend/device-lost.ts';
import type { Automatic, Candidate } from '../../../src/backend/select.ts';

let select: typeof import('../../../src/backend/select.ts');
let log: string[];

/** A backend that is the plain-JavaScript one under another name. */
function fake(name: Candidate['name'], why?: string): Candidate {
  const backend = `fake-${name}`;
  return {
    name,
    backend,
    async load() {
      log.push(name);
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (why) throw new Error(why);
      register(backend);
      return { details: { speed: 1 } };
    },
  };
}

let makeCpu: () => unknown;

function register(backend: string): void {
  if (tf.getKernelsForBackend(backend).length === 0) tf.copyRegisteredKernels('cpu', backend);
  if (!tf.findBackendFactory(backend)) tf.registerBackend(backend, makeCpu as never);
}

function order(...candidates: Candidate[]): Automatic {
  return { wanted: () => undefined, order: () => candidates };
}

beforeAll(() => {
  const Backend = tf.backend().constructor as new () => { firstUse: boolean };
  makeCpu = () => Object.assign(new Backend(), { firstUse: false });
});

beforeEach(async () => {
  for (const name of tf.engine().backendNames()) tf.removeBackend(name);
  register('cpu');
  log = [];
  vi.resetModules();
  select = await import('../../../src/backend/select.ts');
});

it('takes the first that works and says why the others were not taken', async () => {
  select.setAutomatic(order(fake('node', 'It is not installed.'), fake('wasm'), fake('cpu')));
  expect(select.backendInfo()).toBeUndefined();
  expect(await select.ready()).toEqual({
    name: 'fake-wasm',
    chosenBy: 'automatic',
    refused: [{ backend: 'node', why: 'It is not installed.' }],
    details: { speed: 1 },
  });
  expect(select.backendInfo()).toEqual(await select.ready());
  expect(tf.getBackend()).toBe('fake-wasm');
  expect(log).toEqual(['node', 'wasm']);
});

it('chooses once for many callers', async () => {
  select.setAutomatic(order(fake('wasm')));
  const all = await Promise.all([select.ready(), select.ready(), select.ready()]);
  expect(new Set(all.map((info) => info.name))).toEqual(new Set(['fake-wasm']));
  await select.ready();
  expect(log).toEqual(['wasm']);
});

it('keeps the backend that the application set', async () => {
  select.setAutomatic(order(fake('wasm')));
  register('own');
  await tf.setBackend('own');
  expect(await select.ready()).toMatchObject({ name: 'own', chosenBy: 'host', refused: [] });
  expect(log).toEqual([]);
});

it('sees that the application set another backend later, even while seqrec is choosing', async () => {
  select.setAutomatic(order(fake('wasm')));
  const choosing = select.ready();
  await tf.setBackend('cpu');
  expect(await choosing).toMatchObject({ name: 'cpu', chosenBy: 'host' });
  register('own');
  await tf.setBackend('own');
  expect(await select.ready()).toMatchObject({ name: 'own', chosenBy: 'host' });
});

it('sees that the application put a backend of its own in the place of one of that name', async () => {
  select.setAutomatic(order(fake('wasm')));
  expect((await select.ready()).chosenBy).toBe('automatic');
  tf.removeBackend('fake-wasm');
  register('fake-wasm');
  await tf.setBackend('fake-wasm');
  expect(await select.ready()).toMatchObject({ name: 'fake-wasm', chosenBy: 'host' });
  expect(log).toEqual(['wasm']);
});

it('waits for a tf.setBackend that the application did not await', async () => {
  select.setAutomatic(order(fake('wasm')));
  tf.registerBackend('slow', async () => {
    await new Promise((resolve) => setTimeout(resolve, 10));
    return makeCpu() as never;
  });
  void tf.setBackend('slow');
  expect(await select.ready()).toMatchObject({ name: 'slow', chosenBy: 'host' });
  expect(tf.backend()).toBe(tf.engine().registry.slow);
});

it('goes on when the tf.setBackend of the application failed', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => {});
  select.setAutomatic(order(fake('wasm')));
  tf.registerBackend('broken', async () => {
    throw new Error('no adapter');
  });
  await tf.setBackend('broken');
  expect(await select.ready()).toMatchObject({
    name: 'fake-wasm',
    refused: [{ backend: 'broken', why: "The application called tf.setBackend('broken'), which failed." }],
  });
  vi.restoreAllMocks();
});

it('does not take a registered backend for a choice', async () => {
  select.setAutomatic(order(fake('wasm')));
  expect(tf.findBackendFactory('cpu')).not.toBeNull();
  expect((await select.ready()).name).toBe('fake-wasm');
});

it('obeys an import before the automatic choice, and the last of two', async () => {
  select.setAutomatic(order(fake('cpu')));
  select.requestBackend(fake('wasm'));
  select.requestBackend(fake('node'));
  expect(await select.ready()).toMatchObject({
    name: 'fake-node',
    chosenBy: 'import',
    refused: [{ backend: 'wasm', why: "'seqrec/wasm' was imported before 'seqrec/node', and the last one wins." }],
  });
});

it('follows an import that comes after the first choice', async () => {
  select.setAutomatic(order(fake('cpu')));
  expect((await select.ready()).name).toBe('fake-cpu');
  select.requestBackend(fake('wasm'));
  expect(await select.ready()).toMatchObject({ name: 'fake-wasm', chosenBy: 'import' });
});

it('says that the application goes before an import', async () => {
  await tf.setBackend('cpu');
  select.requestBackend(fake('wasm'));
  expect(await select.ready()).toMatchObject({
    name: 'cpu',
    chosenBy: 'host',
    refused: [
      {
        backend: 'wasm',
        why: "'seqrec/wasm' was imported, but the application set 'cpu' by tf.setBackend, which goes first.",
      },
    ],
  });
});

it('refuses an imported backend that cannot be used, and tries again when asked again', async () => {
  select.setAutomatic(order(fake('cpu')));
  select.requestBackend(fake('webgpu', 'There is no adapter.'));
  const sentence = "The backend asked for by import 'seqrec/webgpu' cannot be used: There is no adapter.";
  await expect(select.ready()).rejects.toThrow(sentence);
  await expect(select.ready()).rejects.toThrow(sentence);
  expect(log).toEqual(['webgpu', 'webgpu']);
  expect(select.backendInfo()).toBeUndefined();
  select.requestBackend(fake('wasm'));
  expect((await select.ready()).name).toBe('fake-wasm');
});

it('obeys the environment before the automatic order, and refuses what cannot be used', async () => {
  select.setAutomatic({ wanted: () => fake('wasm'), order: () => [fake('cpu')] });
  expect(await select.ready()).toMatchObject({ name: 'fake-wasm', chosenBy: 'environment' });
});

it('refuses a backend of the environment that cannot be used', async () => {
  select.setAutomatic({ wanted: () => fake('wasm', 'It is missing.'), order: () => [fake('cpu')] });
  await expect(select.ready()).rejects.toThrow(
    'The backend asked for by SEQREC_BACKEND=wasm cannot be used: It is missing.',
  );
});

it('never chooses without an automatic chooser', async () => {
  await expect(select.ready()).rejects.toThrow('seqrec/core leaves the backend to the application and none is set');
  await tf.setBackend('cpu');
  expect(await select.ready()).toMatchObject({ name: 'cpu', chosenBy: 'host' });
});

it('names every reason when nothing can be used', async () => {
  select.setAutomatic(order(fake('wasm', 'It is missing.'), fake('cpu', 'It is slow.')));
  await expect(select.ready()).rejects.toThrow('No backend can be used. wasm: It is missing. cpu: It is slow.');
});

it('refuses a backend that fails the self-test and removes it', async () => {
  const wrong = fake('wasm');
  select.setAutomatic(
    order(
      {
        ...wrong,
        async load(explicit) {
          const loaded = await wrong.load(explicit);
          tf.unregisterKernel('Tanh', wrong.backend);
          tf.registerKernel({
            kernelName: 'Tanh',
            backendName: wrong.backend,
            kernelFunc: ({ inputs }) => tf.zerosLike(inputs.x as never),
          });
          return loaded;
        },
      },
      fake('cpu'),
    ),
  );
  const { name, refused } = await select.ready();
  expect(name).toBe('fake-cpu');
  expect(refused[0]?.why).toMatch(/^The self-test of 'fake-wasm' failed: loss\[0\] should be 3\.40115 and is 3\.29/);
  expect(tf.findBackendFactory('fake-wasm')).toBeNull();
  tf.unregisterKernel('Tanh', wrong.backend);
});

it('reports what went wrong on the device once, and chooses again after it was lost', async () => {
  const gpu = fake('webgpu');
  const devices: object[] = [];
  const load: Candidate['load'] = async (explicit) => {
    const device = {
      lost: undefined as DeviceLostError | undefined,
      problem: undefined as Error | undefined,
      takeProblem() {
        const taken = this.problem;
        this.problem = undefined;
        return taken;
      },
    };
    devices.push(device);
    return { ...(await gpu.load(explicit)), device };
  };
  select.setAutomatic(order({ ...gpu, load }));
  await select.ready();
  expect(select.canLoseDevice()).toBe(true);
  Object.assign(devices[0] ?? {}, { problem: new Error('The buffer is too large.') });
  await expect(select.ready()).rejects.toThrow('The buffer is too large.');
  expect((await select.ready()).name).toBe('fake-webgpu');
  expect(log).toEqual(['webgpu']);

  const lost = new DeviceLostError('The device was lost.');
  expect(await select.lossBehind(new Error('Something else.'))).toBeUndefined();
  Object.assign(devices[0] ?? {}, { lost, problem: lost });
  expect(await select.lossBehind(new Error('Something that follows from it.'))).toBe(lost);
  expect(() => select.checkDevice()).toThrow('The device was lost.');
  expect(select.backendInfo()).toBeUndefined();
  expect((await select.ready()).name).toBe('fake-webgpu');
  expect(log).toEqual(['webgpu', 'webgpu']);

  // A read has told of it: nobody is told again.
  Object.assign(devices[1] ?? {}, { lost });
  expect((await select.ready()).name).toBe('fake-webgpu');
  expect(log).toEqual(['webgpu', 'webgpu', 'webgpu']);
});
