/** Whether a file has exactly the arrays that a model needs. */
import { FileFormatError } from './error.ts';
import type { DType, TensorData } from './safetensors.ts';

/** What an array must be; an axis of -1 may have any length. */
export interface ExpectedTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/**
 * Checks names, types and shapes, all at once.
 *
 * @param what whose arrays these are, for the message
 * @throws FileFormatError that lists every missing, unknown and misshapen array
 */
export function matchTensors(
  tensors: ReadonlyMap<string, TensorData>,
  expected: ReadonlyMap<string, ExpectedTensor>,
  what: string,
): void {
  const missing = [...expected.keys()].filter((name) => !tensors.has(name));
  const unknown = [...tensors.keys()].filter((name) => !expected.has(name));
  const wrong = [...expected].flatMap(([name, wanted]) => {
    const got = tensors.get(name);
    return !got || fits(got, wanted) ? [] : [`${name} is ${text(got)} but must be ${text(wanted)}`];
  });
  if (missing.length + unknown.length + wrong.length === 0) return;
  const faults = [
    ...(missing.length > 0 ? [`missing: ${missing.join(', ')}`] : []),
    ...(unknown.length > 0 ? [`unknown: ${unknown.join(', ')}`] : []),
    ...(wrong.length > 0 ? [`wrong: ${wrong.join(', ')}`] : []),
  ];
  throw new FileFormatError(`The file does not fit ${what}; ${faults.join('; ')}.`);
}

function fits({ dtype, shape }: TensorData, wanted: ExpectedTensor): boolean {
  return (
    dtype === wanted.dtype &&
    shape.length === wanted.shape.length &&
    wanted.shape.every((n, axis) => n === -1 || n === shape[axis])
  );
}

function text({ dtype, shape }: ExpectedTensor): string {
  return `${dtype} [${shape.map((n) => (n === -1 ? 'any' : n)).join(', ')}]`;
}
