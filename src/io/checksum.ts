/** CRC-32 checksums, to find damage in files. */
import { bytesOf, type TensorData } from './safetensors.ts';

/**
 * The CRC-32 (as in zip and png) of `bytes`, continuing from `crc`. It finds accidental damage; it is no signature.
 *
 * @example
 * ```ts
 * crc32(new TextEncoder().encode('123456789')); // 0xcbf43926
 * ```
 */
export function crc32(bytes: Uint8Array, crc = 0): number {
  const table = TABLE;
  let c = ~crc;
  for (let i = 0; i < bytes.length; i++) c = (table[(c ^ (bytes[i] as number)) & 255] as number) ^ (c >>> 8);
  return ~c >>> 0;
}

/**
 * The checksum of a file's contents as 8 hexadecimal digits. It covers names, types, shapes, values and metadata but
 * not their order, so it survives other programs that read and write safetensors.
 */
export function checksum(tensors: ReadonlyMap<string, TensorData>, metadata: Readonly<Record<string, string>>): string {
  const sorted = [...tensors].sort(([a], [b]) => (a < b ? -1 : 1));
  const texts = [
    Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1)),
    sorted.map(([name, { dtype, shape }]) => [name, dtype, shape]),
  ];
  let crc = crc32(new TextEncoder().encode(JSON.stringify(texts)));
  for (const [, { data }] of sorted) crc = crc32(bytesOf(data), crc);
  return crc.toString(16).padStart(8, '0');
}

const TABLE = Int32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});
