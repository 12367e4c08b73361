/** Checkpoints: everything that an interrupted `fit` needs to go on as if it had not been. */
import type { Parameter } from '../core/parameter.ts';
import { checksum } from '../io/checksum.ts';
import { FileFormatError } from '../io/error.ts';
import { readFileIfPresent, writeFileAtomic } from '../io/files.ts';
import { readSafetensors, type TensorData, writeSafetensors } from '../io/safetensors.ts';
import type { CarriedStates } from './carried-states.ts';
import type { BestWeights } from './early-stopping.ts';
import type { OptimizerRun } from './optimizers/optimizer.ts';

const VERSION = '1';

export interface CheckpointOptions {
  /** A file, replaced at every checkpoint by a temporary one that is renamed (Node, Deno, Bun). */
  file?: string | undefined;
  /** Takes the bytes of every checkpoint, for runtimes without files. */
  write?: ((bytes: Uint8Array) => void | Promise<void>) | undefined;
  /** Epochs between checkpoints. One is also written when `signal` aborts. @defaultValue 1 */
  everyEpochs?: number | undefined;
  /** Steps between checkpoints within an epoch. @defaultValue none */
  everySteps?: number | undefined;
}

/** Where a run stands between two steps. JSON keeps its numbers to the last bit. */
export interface RunState {
  /** Epochs done. */
  epoch: number;
  /** Steps done in the epoch under way. */
  step: number;
  lossSum: number;
  weightSum: number;
  seconds: number;
  records: { epoch: number; loss: number; seconds: number; validation?: Record<string, number> | undefined }[];
  best?: { value: number; epoch: number; waited: number } | undefined;
  /** The examples of the last step, where states go on from it. */
  carried?: number[] | undefined;
}

/** The things a checkpoint reads from and writes back to. */
export interface RunParts {
  parameters: ReadonlyMap<string, Parameter>;
  optimizer: OptimizerRun;
  best: BestWeights | undefined;
  /** The states that go on to the next step, where the objective and the model have such. */
  carried?: CarriedStates | undefined;
  /** Settings that must be equal for a resumed run to continue the same one. */
  fingerprint: Readonly<Record<string, unknown>>;
}

export async function encodeCheckpoint(state: RunState, parts: RunParts): Promise<Uint8Array> {
  const tensors = new Map<string, TensorData>();
  for (const [path, parameter] of parts.parameters) {
    tensors.set(`model/${path}`, { dtype: 'F32', shape: parameter.shape, data: await parameter.data() });
  }
  for (const [key, { shape, data }] of await parts.optimizer.state()) {
    tensors.set(`optimizer/${key}`, { dtype: 'F32', shape, data });
  }
  for (const [path, data] of parts.best?.weights ?? []) {
    tensors.set(`best/${path}`, { dtype: 'F32', shape: [data.length], data });
  }
  const carried = await parts.carried?.save();
  for (const [layer, { shape, data }] of carried?.states ?? []) {
    tensors.set(`carried/${layer}`, { dtype: 'F32', shape, data });
  }
  const { value = -Infinity, epoch = 0, waited = 0 } = parts.best ?? {};
  const best = value > -Infinity ? { value, epoch, waited } : undefined;
  const metadata = {
    kind: 'seqrec checkpoint',
    format_version: VERSION,
    state: JSON.stringify({ ...state, best, carried: carried?.which }),
    fingerprint: JSON.stringify(parts.fingerprint),
  };
  return writeSafetensors(tensors, { ...metadata, checksum: checksum(tensors, metadata) });
}

/** Puts parameters, optimizer and best weights back and returns where the run stood. */
export function restoreCheckpoint(file: Uint8Array, parts: RunParts): RunState {
  const { tensors, metadata } = readSafetensors(file);
  if (metadata.kind !== 'seqrec checkpoint' || metadata.format_version !== VERSION) {
    throw new FileFormatError(
      `Expected a seqrec checkpoint of version ${VERSION}, got ${metadata.kind ?? 'another file'} ${metadata.format_version ?? ''}.`,
    );
  }
  const { checksum: stored, ...rest } = metadata;
  if (stored !== checksum(tensors, rest))
    throw new FileFormatError('The checkpoint is damaged: its checksum is wrong.');
  const saved = JSON.parse(metadata.fingerprint ?? '{}') as Record<string, unknown>;
  const differences = Object.entries(parts.fingerprint).flatMap(([name, value]) => {
    const [now, then] = [JSON.stringify(value), JSON.stringify(saved[name])];
    return now === then ? [] : [`${name} was ${then}, is ${now}`];
  });
  if (differences.length) {
    throw new Error(
      `The checkpoint belongs to another run: ${differences.join('; ')}. Use the same settings or start anew.`,
    );
  }
  const expected = [...parts.parameters].filter(
    ([path, { size }]) => tensors.get(`model/${path}`)?.data.length !== size,
  );
  if (expected.length) {
    throw new FileFormatError(`The checkpoint lacks or misshapes: ${expected.map(([path]) => path).join(', ')}.`);
  }
  for (const [path, parameter] of parts.parameters) parameter.set(tensors.get(`model/${path}`)?.data as Float32Array);
  const below = (prefix: string) =>
    [...tensors].flatMap(([key, { shape, data }]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), { shape, data: data as Float32Array }] as const] : [],
    );
  parts.optimizer.restore(new Map(below('optimizer/')));
  const state = JSON.parse(metadata.state ?? 'null') as RunState;
  parts.carried?.restore(state.carried ?? [], new Map(below('carried/')));
  if (parts.best) {
    Object.assign(parts.best, state.best ?? { value: -Infinity, epoch: 0, waited: 0 });
    parts.best.weights = new Map(below('best/').map(([path, { data }]) => [path, data]));
  }
  return state;
}

/** The bytes to resume from: given, or in the checkpoint file if there is one. */
export async function resumeBytes(
  resume: boolean | Uint8Array,
  checkpoint: CheckpointOptions | undefined,
): Promise<Uint8Array | undefined> {
  if (resume instanceof Uint8Array) return resume;
  if (!resume) return undefined;
  if (!checkpoint?.file)
    throw new Error('resume: true needs checkpoint.file; or pass the bytes of a checkpoint as resume.');
  return readFileIfPresent(checkpoint.file);
}

/** Hands a checkpoint to the file and the callback of `options`. */
export async function storeCheckpoint(bytes: Uint8Array, { file, write }: CheckpointOptions): Promise<void> {
  if (file !== undefined) await writeFileAtomic(file, bytes);
  await write?.(bytes);
}
