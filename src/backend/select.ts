/** Which backend runs the tensors: the order of who may choose, the check before one is accepted, the report. */
import * as tf from '@tensorflow/tfjs-core';
import { DeviceLostError } from './device-lost.ts';
import { registerKernels } from './kernels.ts';
import { selfTest } from './self-test.ts';

/** A backend that was not taken, or not taken first, and the reason. */
export interface Refusal {
  readonly backend: string;
  readonly why: string;
}

/** What {@link ready} chose and why. */
export interface BackendInfo {
  /**
   * The name by which TensorFlow.js knows it: `webgpu`, `wasm`, `cpu`, `tensorflow` (tfjs-node, on CUDA or the CPU's
   * vector units), or another one that the application has registered.
   */
  readonly name: string;
  /**
   * Who chose it: the application by `tf.setBackend` (`host`), an `import 'seqrec/wasm'` and the like (`import`), the
   * variable `SEQREC_BACKEND` (`environment`), or seqrec (`automatic`).
   */
  readonly chosenBy: 'host' | 'import' | 'environment' | 'automatic';
  /** The backends that would have gone before, each with the reason why it was not taken. */
  readonly refused: readonly Refusal[];
  /**
   * What the backend says of itself: whether it has SIMD, the name of its GPU, the largest buffer in bytes, which variant
   * of seqrec's own kernels runs (`relaxed SIMD`, `SIMD`, or `none` and why), the version of TensorFlow and whether that
   * computes on a GPU.
   */
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

/** A backend that was loaded and can be set by its TensorFlow.js name. */
export interface Loaded {
  readonly details?: BackendInfo['details'] | undefined;
  /** Where it computes, if that is something that fails beside its results. */
  readonly device?: Device | undefined;
}

/** What goes wrong on a device is told apart from the results. */
export interface Device {
  /** Set when the device is gone for good. */
  readonly lost: DeviceLostError | undefined;
  /** What went wrong since the last call, unless a read has failed for it. */
  takeProblem(): Error | undefined;
}

/** A backend that can be tried. */
export interface Candidate {
  /** The name in `seqrec/…` and in `SEQREC_BACKEND`. */
  readonly name: 'node' | 'webgpu' | 'wasm' | 'cpu';
  /** The TensorFlow.js name. */
  readonly backend: string;
  /** Loads and registers it, or rejects with a sentence that says why it cannot be used and what to do. */
  load(explicit: boolean): Promise<Loaded>;
}

/** What to try when nobody has chosen. */
export interface Automatic {
  /** The backend that the environment names, if it does. */
  wanted(): Candidate | undefined;
  /** The others, best first. */
  order(): readonly Candidate[];
}

interface Active extends BackendInfo {
  /** The import that was in force when this was chosen. */
  readonly request: Candidate | undefined;
  readonly device?: Device | undefined;
  /** The application may put another one of the same name in its place. */
  readonly instance: tf.KernelBackend | undefined;
}

let automatic: Automatic | undefined;
/** The last of the imported subpaths, which wins, and those before it. */
let request: Candidate | undefined;
let overridden: Candidate[] = [];
let active: Active | undefined;
/** The TensorFlow.js name of the candidate that is being tried. */
let trying: string | undefined;
let pending: Promise<BackendInfo> | undefined;

/** Asks for `candidate` on behalf of an imported subpath; of two, the last one wins. */
export function requestBackend(candidate: Candidate): void {
  if (request && request !== candidate) overridden = [...overridden.filter((other) => other !== candidate), request];
  request = candidate;
}

/** Lets `chooser` choose where neither the application nor an import has. */
export function setAutomatic(chooser: Automatic): void {
  automatic = chooser;
}

/**
 * Resolves when a backend is ready, and says which. Every async method of seqrec awaits it, so calling it is needed only
 * to choose early or to read the report.
 *
 * The application's `tf.setBackend` goes first, then an imported subpath (`import 'seqrec/wasm'`; the last one wins),
 * then the environment variable or global `SEQREC_BACKEND` (`node`, `webgpu`, `wasm` or `cpu`), then the best one that
 * works: tfjs-node where installed, WebGPU on real hardware, WebAssembly, plain JavaScript. A backend that seqrec picks
 * must first pass a small calculation with known results.
 *
 * @throws if a backend that was asked for cannot be used, if none was chosen under `seqrec/core`, or once after a GPU
 * reported an error or was lost; a later call tries again.
 */
export function ready(): Promise<BackendInfo> {
  pending ??= settle().finally(() => {
    pending = undefined;
  });
  return pending;
}

/** The backend in use as of the last {@link ready}; undefined before. */
export function backendInfo(): BackendInfo | undefined {
  return active && publicInfo(active);
}

/** Throws what went wrong on the device since the last check: numbers read since then may be wrong. */
export function checkDevice(): void {
  if (!active?.device) return;
  const { name, device, instance } = active;
  const problem = device.takeProblem();
  if (device.lost) {
    if (instance === instanceOf(name)) discard(name);
    active = undefined;
  }
  if (problem) throw problem;
}

/** Whether the backend in use computes on a device that can be lost. */
export function canLoseDevice(): boolean {
  return active?.device !== undefined;
}

/** The loss of the device from which `error` follows, if that is its reason: nothing on a lost device works as it should. */
export async function lossBehind(error: unknown): Promise<DeviceLostError | undefined> {
  if (error instanceof DeviceLostError) return error;
  const cause = (error as { cause?: unknown } | null | undefined)?.cause;
  if (cause instanceof DeviceLostError) return cause;
  // The loss is announced a moment after something has failed.
  await new Promise((resolve) => setTimeout(resolve));
  return active?.device?.lost;
}

/** As {@link ready}, for who knows that the device was lost: takes a new one, or the next backend. */
export async function replaceDevice(): Promise<BackendInfo> {
  try {
    checkDevice();
  } catch (error) {
    if (!(error instanceof DeviceLostError)) throw error;
  }
  return ready();
}

async function settle(): Promise<BackendInfo> {
  checkDevice();
  const current = tf.engine().backendName;
  const same = active && active.name === current && active.instance === instanceOf(current);
  const valid = same && (active?.chosenBy === 'host' || active?.request === request);
  if (!valid) active = await choose();
  return publicInfo(active as Active);
}

/** The backend that is registered under a name, without making one. */
function instanceOf(name: string): tf.KernelBackend | undefined {
  return tf.engine().registry[name];
}

function publicInfo({ name, chosenBy, refused, details }: Active): BackendInfo {
  return { name, chosenBy, refused, details };
}

async function choose(): Promise<Active> {
  const refused: Refusal[] = overridden.map(({ name }) => ({
    backend: name,
    why: `'seqrec/${name}' was imported before 'seqrec/${request?.name}', and the last one wins.`,
  }));
  const host = await hostChoice(refused);
  if (host) return acceptHost(host, refused);
  if (request) {
    const { name } = request;
    const taken = await attempt(request, true, 'import', refused);
    if (taken instanceof Error) throw unavailable(`import 'seqrec/${name}'`, taken);
    return taken;
  }
  if (!automatic) {
    throw new Error(
      "seqrec/core leaves the backend to the application and none is set: import 'seqrec/wasm' (or cpu, webgpu, node), or import a TensorFlow.js backend and await tf.setBackend(…).",
    );
  }
  const wanted = automatic.wanted();
  if (wanted) {
    const taken = await attempt(wanted, true, 'environment', refused);
    if (taken instanceof Error) throw unavailable(`SEQREC_BACKEND=${wanted.name}`, taken);
    return taken;
  }
  for (const candidate of automatic.order()) {
    const taken = await attempt(candidate, false, 'automatic', refused);
    if (!(taken instanceof Error)) return taken;
    refused.push({ backend: candidate.name, why: taken.message });
  }
  throw new Error(`No backend can be used. ${refused.map(({ backend, why }) => `${backend}: ${why}`).join(' ')}`);
}

function unavailable(asked: string, cause: Error): Error {
  return new Error(`The backend asked for by ${asked} cannot be used: ${cause.message}`, { cause });
}

/**
 * The backend that the application has set, if any: `engine().backendName` tells without initialising one. Importing a
 * backend package only registers it, and that is no choice.
 */
async function hostChoice(refused: Refusal[]): Promise<string | undefined> {
  const engine = tf.engine();
  const name = engine.backendName;
  if (!name || name === trying) return undefined;
  if (name === active?.name && instanceOf(name) === active.instance) return undefined;
  // An application that did not await its tf.setBackend; the promise resolves to false if that failed.
  await (engine as unknown as { pendingBackendInit?: Promise<boolean> | null }).pendingBackendInit;
  if (engine.backendName !== name) return hostChoice(refused);
  if (name in engine.registry) {
    // The application's own call may be a few microtasks from done; setting it again is harmless.
    await tf.setBackend(name);
    return name;
  }
  const why = `The application called tf.setBackend('${name}'), which failed.`;
  if (!refused.some((refusal) => refusal.why === why)) refused.push({ backend: name, why });
  return undefined;
}

async function acceptHost(name: string, refused: Refusal[]): Promise<Active> {
  if (request && request.backend !== name) {
    refused.push({
      backend: request.name,
      why: `'seqrec/${request.name}' was imported, but the application set '${name}' by tf.setBackend, which goes first.`,
    });
  }
  const instance = instanceOf(name);
  const { details, device } = await watchHost(name);
  const kernels = await registerKernels(name);
  return { name, chosenBy: 'host', refused, details: { ...details, ...kernels }, request, device, instance };
}

/** A device of the application's own is watched like those that seqrec makes. */
async function watchHost(name: string): Promise<Loaded> {
  if (name !== 'webgpu') return {};
  const { watch } = await import('./webgpu/watch.ts');
  return watch(tf.backend() as Parameters<typeof watch>[0]);
}

/** Loads, sets and tests one candidate; returns the error if it cannot be used. */
async function attempt(
  candidate: Candidate,
  explicit: boolean,
  chosenBy: BackendInfo['chosenBy'],
  refused: Refusal[],
): Promise<Active | Error> {
  const name = candidate.backend;
  const asked = request;
  trying = name;
  try {
    const loaded = await candidate.load(explicit);
    // Loading takes a while, in which the application may have chosen.
    const host = await hostChoice(refused);
    if (host) return await acceptHost(host, refused);
    const kernels = await activate(name, loaded);
    const details = { ...loaded.details, ...kernels };
    return { name, chosenBy, refused, details, request: asked, device: loaded.device, instance: instanceOf(name) };
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  } finally {
    trying = undefined;
  }
}

/** Sets a backend and tests it; returns what there is to tell of its kernels. */
async function activate(name: string, { device }: Loaded): Promise<object> {
  try {
    if (!(await tf.setBackend(name))) {
      throw new Error(`TensorFlow.js could not initialise '${name}': see its warning in the console.`);
    }
    const details = await registerKernels(name);
    if (name === 'cpu') return details;
    await selfTest(name);
    const problem = device?.takeProblem();
    if (problem) throw problem;
    return details;
  } catch (error) {
    discard(name);
    throw error;
  }
}

/** Frees a backend that cannot be used, so that TensorFlow.js does not fall back on it by itself. */
function discard(name: string): void {
  if (name in tf.engine().registryFactory) tf.removeBackend(name);
}
