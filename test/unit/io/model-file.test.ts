/** The model file: versions, checksum, and the list of what does not match. */
import { FileFormatError, readSafetensors, type TensorData, writeSafetensors } from 'seqrec';
import { expect, test } from 'vitest';
import { checksum, crc32 } from '../../../src/io/checksum.ts';
import { matchTensors } from '../../../src/io/match-tensors.ts';
import { readModelFile, writeModelFile } from '../../../src/io/model-file.ts';

const tensors = new Map<string, TensorData>([
  ['b', { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) }],
  ['a', { dtype: 'F64', shape: [1], data: Float64Array.of(3) }],
]);
const contents = { model: 'SASRec', config: { dim: 64 }, items: { ids: ['x', 1] }, tensors };

test('the CRC-32 is the usual one', () => {
  expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
  const bytes = new TextEncoder().encode('in two parts');
  expect(crc32(bytes.subarray(5), crc32(bytes.subarray(0, 5)))).toBe(crc32(bytes));
});

test('what is written is read again', () => {
  const file = readModelFile(writeModelFile(contents));
  expect({ ...file, tensors: [...file.tensors].sort() }).toEqual({ ...contents, tensors: [...tensors].sort() });
});

test('every changed byte is noticed', () => {
  const file = writeModelFile(contents);
  for (let at = 0; at < file.length; at++) {
    const damaged = file.slice();
    damaged[at] = (file[at] as number) ^ 1;
    expect(() => readModelFile(damaged), `byte ${at}`).toThrow(FileFormatError);
  }
});

test('another program may store the same contents in another order', () => {
  const { metadata } = readSafetensors(writeModelFile(contents));
  const reordered = Object.fromEntries(Object.entries(metadata).reverse());
  expect(readModelFile(writeSafetensors(new Map([...tensors].reverse()), reordered)).model).toBe('SASRec');
});

test('files that are no model of this version are refused', () => {
  const file = (change: Record<string, string | undefined>) => {
    const { checksum: _, ...old } = readSafetensors(writeModelFile(contents)).metadata;
    const fields = Object.entries({ ...old, ...change }).filter(
      (field): field is [string, string] => field[1] !== undefined,
    );
    const metadata = Object.fromEntries(fields);
    return writeSafetensors(tensors, { ...metadata, checksum: checksum(tensors, metadata) });
  };
  expect(readModelFile(file({ trained_by: 'somebody' })).model).toBe('SASRec');
  expect(() => readModelFile(file({ format_version: '2' }))).toThrow(
    'up to format_version 1, the file has 2: update seqrec',
  );
  expect(() => readModelFile(file({ format_version: 'new' }))).toThrow("a number from 1, the file has 'new'");
  expect(() => readModelFile(file({ format_version: undefined }))).toThrow("'format_version', the file has none");
  expect(() => readModelFile(file({ model: undefined }))).toThrow("'model', the file has none");
  expect(() => readModelFile(file({ items: '{' }))).toThrow("'items' must be JSON");
  expect(() => readModelFile(writeSafetensors(new Map()))).toThrow('was it made by save()?');
  const { checksum: _, ...without } = readSafetensors(writeModelFile(contents)).metadata;
  expect(() => readModelFile(writeSafetensors(tensors, without))).toThrow("'checksum', the file has none");
});

test('every missing, unknown and misshapen array is listed at once', () => {
  const expected = new Map([
    ['a', { dtype: 'F32', shape: [1] }],
    ['b', { dtype: 'F32', shape: [3] }],
    ['c', { dtype: 'F32', shape: [-1] }],
    ['d', { dtype: 'F32', shape: [] }],
  ] as const);
  expect(() =>
    matchTensors(new Map([...tensors, ['e', tensors.get('a') as TensorData]]), expected, 'this SASRec'),
  ).toThrow(
    new FileFormatError(
      'The file does not fit this SASRec; missing: c, d; unknown: e; wrong: a is F64 [1] but must be F32 [1], b is F32 [2] but must be F32 [3].',
    ),
  );
  expect(() =>
    matchTensors(
      tensors,
      new Map([
        ['a', { dtype: 'F64', shape: [-1] }],
        ['b', { dtype: 'F32', shape: [2] }],
      ] as const),
      'it',
    ),
  ).not.toThrow();
});
