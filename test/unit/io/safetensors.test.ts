/** The safetensors reader against damaged and hostile files, and the writer against the reader. */
import fc from 'fast-check';
import { FileFormatError, readSafetensors, type TensorData, writeSafetensors } from 'seqrec';
import { describe, expect, test } from 'vitest';

/** A file from any header text (or bytes) and `data` bytes of data. */
function fileOf(header: string | Uint8Array, data = 0, length?: bigint): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const file = new Uint8Array(8 + text.length + data);
  new DataView(file.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  file.set(text, 8);
  return file;
}

const entry = (dtype: string, shape: string, offsets: string) =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;

/** A small file with several types, an empty and a scalar tensor, and text. */
const small = writeSafetensors(
  new Map<string, TensorData>([
    ['bytes', { dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) }],
    ['weight', { dtype: 'F32', shape: [2, 2], data: Float32Array.of(1.5, -2, Number.NaN, Infinity) }],
    ['empty', { dtype: 'I32', shape: [0, 5], data: new Int32Array(0) }],
    ['scalar', { dtype: 'F64', shape: [], data: Float64Array.of(Math.PI) }],
    ['long', { dtype: 'I64', shape: [1], data: BigInt64Array.of(-(2n ** 60n)) }],
    ['__proto__', { dtype: 'I32', shape: [1], data: Int32Array.of(-7) }],
  ]),
  { model: 'Käse "\\', __proto__: 'ignored: this sets the prototype', constructor: 'x', '': '' },
);

test('what is written is read again', () => {
  const { tensors, metadata } = readSafetensors(small);
  expect([...tensors.keys()].sort()).toEqual(['__proto__', 'bytes', 'empty', 'long', 'scalar', 'weight']);
  expect(tensors.get('weight')).toEqual({
    dtype: 'F32',
    shape: [2, 2],
    data: Float32Array.of(1.5, -2, Number.NaN, Infinity),
  });
  expect(tensors.get('scalar')?.data[0]).toBe(Math.PI);
  expect(tensors.get('long')?.data[0]).toBe(-(2n ** 60n));
  expect(tensors.get('empty')).toEqual({ dtype: 'I32', shape: [0, 5], data: new Int32Array(0) });
  expect(tensors.get('__proto__')?.data[0]).toBe(-7);
  expect({ ...metadata }).toEqual({ model: 'Käse "\\', constructor: 'x', '': '' });
  expect(({} as { dtype?: string }).dtype).toBeUndefined();
});

test('arrays are aligned views, and copies where a file lies at an odd offset', () => {
  expect((8 + Number(new DataView(small.buffer).getBigUint64(0, true))) % 8).toBe(0);
  for (const { data } of readSafetensors(small).tensors.values()) expect(data.buffer).toBe(small.buffer);
  const pool = new Uint8Array(small.length + 1);
  pool.set(small, 1);
  const odd = pool.subarray(1);
  const { tensors } = readSafetensors(odd);
  expect(tensors.get('weight')?.data[0]).toBe(1.5);
  expect(tensors.get('bytes')?.data.buffer).toBe(pool.buffer);
  const node = Buffer.concat([Buffer.alloc(3), Buffer.from(small)]).subarray(3);
  expect(readSafetensors(node).tensors.get('scalar')?.data[0]).toBe(Math.PI);
});

test('the header of another writer: white space, any order of keys, no metadata', () => {
  const text =
    ` {"b" :\n${entry('F32', '[ 1 , 2 ]', '[0,8]')},\t"a":{"data_offsets":[8,9],"shape":[1],"dtype":"U8"} }  `.trimStart();
  const { tensors, metadata } = readSafetensors(fileOf(text, 9));
  expect([...tensors.keys()]).toEqual(['b', 'a']);
  expect(tensors.get('b')?.shape).toEqual([1, 2]);
  expect(Object.keys(metadata)).toEqual([]);
  expect(readSafetensors(fileOf('{}')).tensors.size).toBe(0);
  expect([...readSafetensors(fileOf(`{"\\u0061\\n":${entry('U8', '[0]', '[0,0]')}}`)).tensors.keys()]).toEqual(['a\n']);
});

describe('each fault has its own sentence', () => {
  const one = (dtype: string, shape: string, offsets: string) => `{"x":${entry(dtype, shape, offsets)}}`;
  const faults: [string, Uint8Array, RegExp][] = [
    ['too short', new Uint8Array(7), /at least 8 bytes, got 7/],
    ['header length 0', fileOf('', 4), /must start with '{'/],
    ['header length beyond the file', fileOf('{}', 0, 7n), /has 7 bytes, only 2 follow/],
    ['header length 2^53', fileOf('{}', 0, 2n ** 53n), /may have 100000000 bytes, the file says 9007199254740992/],
    ['header length 2^64 - 1', fileOf('{}', 0, 2n ** 64n - 1n), /may have 100000000 bytes/],
    ['header over the limit', fileOf('{}', 0, 100_000_001n), /may have 100000000 bytes/],
    ['no object', fileOf('[]'), /must start with '{'/],
    ['white space first', fileOf(' {}'), /must start with '{'/],
    ['a pickle', fileOf(Uint8Array.of(0x80, 2, 0x7d)), /must start with '{'/],
    ['not UTF-8', fileOf(Uint8Array.of(0x7b, 0xff, 0x7d)), /UTF-8/],
    ['unfinished', fileOf('{'), /A key must be a string, the file has nothing more/],
    ['unfinished string', fileOf('{"a'), /string at character 1 does not end/],
    ['bad escape', fileOf('{"\\q":1}'), /bad escape/],
    ['control character', fileOf('{"a\nb":1}'), /bad escape/],
    ['missing colon', fileOf('{"a" 1}'), /expected ':', the file has '1}'/],
    ['trailing comma', fileOf('{"a":{"shape":[1],},}'), /A key must be a string/],
    ['something after the end', fileOf('{}{}'), /'{}' at character 2 follows its end/],
    ['tensor that is no object', fileOf('{"x":1}'), /tensor 'x' must be a JSON object/],
    ['deep JSON', fileOf(`{"x":${'['.repeat(100_000)}`), /tensor 'x' must be a JSON object/],
    [
      'duplicate tensor',
      fileOf(`{"x":${entry('U8', '[1]', '[0,1]')},"\\u0078":${entry('U8', '[1]', '[1,2]')}}`, 2),
      /names 'x' twice/,
    ],
    [
      'duplicate field',
      fileOf('{"x":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1),
      /names 'dtype' twice/,
    ],
    ['duplicate shape', fileOf('{"x":{"shape":[1],"shape":[1]}}', 1), /names 'shape' twice/],
    ['duplicate offsets', fileOf('{"x":{"data_offsets":[1],"data_offsets":[1]}}', 1), /names 'data_offsets' twice/],
    ['duplicate metadata', fileOf('{"__metadata__":{"a":"","a":""}}'), /names 'a' twice/],
    ['two metadata', fileOf('{"__metadata__":{},"__metadata__":{}}'), /names '__metadata__' twice/],
    ['metadata that is no object', fileOf('{"__metadata__":[]}'), /__metadata__ must be a JSON object/],
    [
      'metadata that is no text',
      fileOf('{"__metadata__":{"a":1}}'),
      /metadata 'a' must be a string, the file has '1}}'/,
    ],
    [
      'unknown field',
      fileOf('{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"code":"rm"}}', 1),
      /also has 'code'/,
    ],
    ['missing field', fileOf('{"x":{"dtype":"U8","shape":[1]}}', 1), /the file has no data_offsets/],
    ['missing shape', fileOf('{"x":{"dtype":"U8","data_offsets":[0,1]}}', 1), /the file has no shape/],
    ['missing type', fileOf('{"x":{"shape":[1],"data_offsets":[0,1]}}', 1), /the file has no dtype/],
    ['unknown type', fileOf(one('F16', '[1]', '[0,2]'), 2), /one of F64, .* the file has 'F16'/],
    ['type from the prototype', fileOf(one('constructor', '[1]', '[0,2]'), 2), /the file has 'constructor'/],
    ['negative shape', fileOf(one('U8', '[-1]', '[0,1]'), 1), /integers from 0 to 2\^53 - 1, the file has '-1]/],
    ['fractional shape', fileOf(one('U8', '[1.5]', '[0,1]'), 1), /integers from 0/],
    ['exponent', fileOf(one('U8', '[1e0]', '[0,1]'), 1), /integers from 0/],
    ['leading zero', fileOf(one('U8', '[01]', '[0,1]'), 1), /integers from 0/],
    ['NaN', fileOf(one('U8', '[NaN]', '[0,1]'), 1), /integers from 0/],
    ['2^53', fileOf(one('U8', '[9007199254740992]', '[0,1]'), 1), /integers from 0/],
    ['text as shape', fileOf(one('U8', '"1"', '[0,1]'), 1), /shape of 'x' must be a list/],
    ['overflowing shape', fileOf(one('U8', '[4294967296,4294967296]', '[0,1]'), 1), /too large for any file/],
    ['overflowing bytes', fileOf(one('F64', '[9007199254740991]', '[0,8]'), 8), /too large for any file/],
    ['many axes', fileOf(one('U8', `[${Array(65).fill(0)}]`, '[0,0]')), /at most 64 numbers/],
    ['three offsets', fileOf(one('U8', '[1]', '[0,1,1]'), 1), /must be two numbers, the file has 3/],
    ['falling offsets', fileOf(one('U8', '[1]', '[1,0]'), 1), /must not fall, the file has 1 and 0/],
    ['offsets beyond the file', fileOf(one('U8', '[4]', '[0,4]'), 3), /ends at byte 4 of the data, only 3 are there/],
    [
      'offsets that do not fit the shape',
      fileOf(one('F32', '[2]', '[0,4]'), 4),
      /has 8 bytes, its data_offsets have 4/,
    ],
    [
      'overlap',
      fileOf(`{"x":${entry('U8', '[2]', '[0,2]')},"y":${entry('U8', '[2]', '[1,3]')}}`, 3),
      /'y' overlaps the one before/,
    ],
    ['hole', fileOf(`{"x":${entry('U8', '[1]', '[0,1]')},"y":${entry('U8', '[1]', '[2,3]')}}`, 3), /'y' leaves a hole/],
    ['hole at the start', fileOf(one('U8', '[1]', '[1,2]'), 2), /leaves a hole/],
    [
      'trailing bytes',
      fileOf(one('U8', '[1]', '[0,1]'), 2),
      /must fill the 2 bytes after the header, they end at byte 1/,
    ],
    ['bytes without tensors', fileOf('{}', 1), /must fill the 1 bytes/],
  ];
  test.each(faults)('%s', (_, file, message) => {
    expect(() => readSafetensors(file)).toThrow(FileFormatError);
    expect(() => readSafetensors(file)).toThrow(message);
  });
});

test('many tensors are read', () => {
  const lines = Array.from({ length: 20_000 }, (_, i) => `"t${i}":${entry('U8', '[1]', `[${i},${i + 1}]`)}`);
  expect(readSafetensors(fileOf(`{${lines.join(',')}}`, 20_000)).tensors.size).toBe(20_000);
});

test('a file cut off at any byte is refused', () => {
  for (let length = 0; length < small.length; length++) {
    expect(() => readSafetensors(small.subarray(0, length)), `${length} bytes`).toThrow(FileFormatError);
  }
});

test('a damaged file is refused or read, and never does anything else', () => {
  const mutation = fc.tuple(fc.nat(small.length - 1), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(
      fc.array(mutation, { minLength: 1, maxLength: 4 }),
      fc.integer({ min: -4, max: 4 }),
      (changes, extra) => {
        const file = new Uint8Array(small.length + extra);
        file.set(small.subarray(0, file.length));
        for (const [at, byte] of changes) if (at < file.length) file[at] = byte;
        onlyFormatErrors(file);
      },
    ),
    { numRuns: 5000 },
  );
});

test('a header put together at random is refused or read, and never does anything else', () => {
  const pieces = [
    '{',
    '}',
    '[',
    ']',
    ':',
    ',',
    '"',
    '\\',
    '"x"',
    '"dtype"',
    '"F32"',
    '"shape"',
    '"data_offsets"',
    '0',
    '4',
    '-1',
    '1e9',
    ' ',
    'null',
    '"__metadata__"',
    '"__proto__"',
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 30 }), fc.nat(16), (parts, data) => {
      onlyFormatErrors(fileOf(`{${parts.join('')}`, data));
    }),
    { numRuns: 3000 },
  );
});

function onlyFormatErrors(file: Uint8Array): void {
  try {
    for (const { data, shape } of readSafetensors(file).tensors.values()) {
      expect(data.byteLength).toBeLessThanOrEqual(file.length);
      expect(data.length).toBe(shape.reduce((product, n) => product * n, 1));
    }
  } catch (error) {
    expect(error).toBeInstanceOf(FileFormatError);
  }
}

test('any tensors survive the file', () => {
  const tensor = fc.oneof(
    fc.float32Array({ maxLength: 20 }).map((data): TensorData => ({ dtype: 'F32', shape: [data.length], data })),
    fc.float64Array({ maxLength: 20 }).map((data): TensorData => ({ dtype: 'F64', shape: [1, data.length], data })),
    fc.int32Array({ maxLength: 20 }).map((data): TensorData => ({ dtype: 'I32', shape: [data.length], data })),
    fc.uint16Array({ maxLength: 20 }).map((data): TensorData => ({ dtype: 'U16', shape: [data.length], data })),
    fc.uint8Array({ maxLength: 20 }).map((data): TensorData => ({ dtype: 'U8', shape: [data.length], data })),
  );
  const name = fc.string({ unit: 'binary' }).filter((text) => text !== '__metadata__');
  fc.assert(
    fc.property(fc.array(fc.tuple(name, tensor)), fc.array(fc.tuple(name, fc.string())), (tensors, metadata) => {
      const expected = new Map(tensors);
      const texts = Object.fromEntries(metadata);
      const file = readSafetensors(writeSafetensors(expected, texts));
      expect(new Map([...file.tensors].sort())).toEqual(new Map([...expected].sort()));
      expect(Object.entries(file.metadata).sort()).toEqual(Object.entries(texts).sort());
    }),
  );
});

test('the writer refuses what does not fit', () => {
  const write =
    (tensor: unknown, name = 'x') =>
    () =>
      writeSafetensors(new Map([[name, tensor as TensorData]]));
  expect(write({ dtype: 'F32', shape: [2], data: new Float32Array(3) })).toThrow(
    "'x' of shape [2] does not fit its 3 values",
  );
  expect(write({ dtype: 'F32', shape: [3], data: new Int32Array(3) })).toThrow("'x' must fit the dtype F32");
  expect(write({ dtype: 'F16', shape: [3], data: new Int32Array(3) })).toThrow('F16');
  expect(write({ dtype: 'U8', shape: [-1, -1], data: new Uint8Array(1) })).toThrow('does not fit');
  expect(write({ dtype: 'U8', shape: [1], data: new Uint8Array(1) }, '__metadata__')).toThrow("called '__metadata__'");
  expect(() => writeSafetensors(new Map(), { a: 1 } as never)).toThrow("metadata 'a' must be a string, got 1");
});

test('a path is not a file', () => {
  expect(() => readSafetensors('model.safetensors' as never)).toThrow(
    "A file must be given as its bytes in a Uint8Array, got 'model.safetensors': read it first.",
  );
});
