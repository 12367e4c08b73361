/** The run that a reload can resume, in IndexedDB: one at a time, its data beside its last checkpoint. */
import type { Progress, Run } from './messages.ts';

/** How far a run has come. */
export interface Kept {
  id: string;
  checkpoint: Uint8Array;
  /** The curves so far. */
  points: Progress[];
}

/** Remembers what a run is of, before it begins. */
export const keepRun = (run: Run) => write((store) => store.put(run, 'run'));

/** Remembers how far it has come. */
export const keepProgress = (kept: Kept) => write((store) => store.put(kept, 'kept'));

export const forgetRun = () => write((store) => store.clear());

/** The run to resume, if there is one; another tab may have begun one since, whose parts do not belong together. */
export async function keptRun(): Promise<{ run: Run; kept: Kept } | undefined> {
  const store = await open('readonly');
  const [run, kept] = await Promise.all([
    done(store.get('run') as IDBRequest<Run | undefined>),
    done(store.get('kept') as IDBRequest<Kept | undefined>),
  ]);
  return run && kept && run.id === kept.id ? { run, kept } : undefined;
}

async function write(action: (store: IDBObjectStore) => IDBRequest): Promise<void> {
  const store = await open('readwrite');
  action(store);
  await new Promise<void>((resolve, reject) => {
    store.transaction.oncomplete = () => resolve();
    store.transaction.onabort = () => reject(store.transaction.error);
  });
}

async function open(mode: IDBTransactionMode): Promise<IDBObjectStore> {
  const request = indexedDB.open('seqrec', 1);
  request.onupgradeneeded = () => request.result.createObjectStore('runs');
  const database = await done(request);
  const transaction = database.transaction('runs', mode);
  transaction.addEventListener('complete', () => database.close());
  return transaction.objectStore('runs');
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
