/** A worker thread, the same for Web Workers (browsers, Deno, Bun) and for Node. */
import { describe } from '../../core/shape.ts';

/** What the two kinds of worker have in common. */
export interface Thread {
  post(message: unknown): void;
  /** Stops it at once, in the middle of whatever it does. */
  stop(): void;
}

export interface ThreadEvents {
  message(message: unknown): void;
  /** The thread failed or ended; it will send nothing more. */
  end(reason: string): void;
}

/** A worker object as an application may make it. */
export interface WorkerLike {
  postMessage(message: unknown): void;
  terminate(): unknown;
}

/** Why this runtime has no workers that share memory; undefined if it has. */
export function whyNoThreads(): string | undefined {
  const { SharedArrayBuffer: memory, crossOriginIsolated } = globalThis as Partial<typeof globalThis>;
  if (!memory || crossOriginIsolated === false) {
    return 'memory cannot be shared here: serve the page with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp';
  }
  return webWorker() || nodeThreads() ? undefined : 'this runtime has no workers';
}

/** Starts a worker, by default on the file beside this one. */
export function startThread(events: ThreadEvents, make: () => WorkerLike = makeWorker): Thread {
  const worker = make();
  if (typeof worker?.postMessage !== 'function') {
    throw new TypeError(
      `workers.create must return a worker of the Web or of node:worker_threads, got ${describe(worker)}`,
    );
  }
  return 'addEventListener' in worker ? webThread(worker as Worker, events) : nodeThread(worker as NodeWorker, events);
}

function makeWorker(): WorkerLike {
  // Written so that bundlers for browsers see it and make a bundle of the worker, and do not see the one of Node.
  if (webWorker()) return new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  const file = './worker.js';
  return new (nodeThreads() as NodeThreads).Worker(new URL(file, import.meta.url));
}

/** What a worker hears and says; the other end of a {@link Thread}. */
export function parent(): { post(message: unknown): void; listen(listener: (message: unknown) => void): void } {
  const port = nodeThreads()?.parentPort;
  if (port) {
    return { post: (message) => port.postMessage(message), listen: (listener) => void port.on('message', listener) };
  }
  const scope = globalThis as unknown as Pick<Worker, 'postMessage' | 'addEventListener'>;
  return {
    post: (message) => scope.postMessage(message),
    listen: (listener) => scope.addEventListener('message', ({ data }) => listener(data)),
  };
}

function webThread(worker: Worker, { message, end }: ThreadEvents): Thread {
  worker.addEventListener('message', ({ data }) => message(data));
  worker.addEventListener('messageerror', () => end('a message could not be read'));
  worker.addEventListener('error', (event) => {
    event.preventDefault();
    end(event.message || 'its file could not be loaded');
  });
  return { post: (data) => worker.postMessage(data), stop: () => worker.terminate() };
}

function nodeThread(worker: NodeWorker, { message, end }: ThreadEvents): Thread {
  worker.on('message', message);
  worker.on('error', (error) => end((error as Error).message));
  worker.on('exit', (code) => end(`it ended with code ${code}`));
  return { post: (data) => worker.postMessage(data), stop: () => void worker.terminate() };
}

interface NodeWorker extends WorkerLike {
  on(event: 'message' | 'error' | 'exit', listener: (value: unknown) => void): unknown;
}

interface NodeThreads {
  Worker: new (url: URL) => NodeWorker;
  parentPort: {
    postMessage(message: unknown): void;
    on(event: 'message', listener: (message: unknown) => void): unknown;
  } | null;
}

function webWorker(): typeof Worker | undefined {
  return (globalThis as { Worker?: typeof Worker }).Worker;
}

/** Not by an import, which bundlers for browsers would try to follow. */
function nodeThreads(): NodeThreads | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): NodeThreads | undefined } };
  return process?.getBuiltinModule?.('node:worker_threads');
}
