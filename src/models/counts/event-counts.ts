/** Numbers of events, as a file holds them. */
import { FileFormatError } from '../../io/error.ts';
import type { TensorData } from '../../io/safetensors.ts';

/** The counts of a tensor that is there. @throws FileFormatError for what is no count */
export function countsOf(tensors: ReadonlyMap<string, TensorData>, name: string): Float64Array {
  const counts = tensors.get(name)?.data as Float64Array;
  const wrong = counts.find((count) => !(Number.isSafeInteger(count) && count >= 0));
  if (wrong !== undefined) throw new FileFormatError(`A count must be an integer from 0, the file has ${wrong}.`);
  return counts;
}
