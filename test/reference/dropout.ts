/** Reference of the dropout masks: the documented formula in integers of any size. */

const WORD = 1n << 32n;
const GOLDEN = 0x9e3779b9n;
const POSITION = 0x85ebca6bn;

/** The 16 bits of one element; an element is kept if they are at least round(rate · 65536). */
export function dropoutBits(
  [low, high]: readonly [number, number],
  sequence: number,
  position: number,
  column: number,
): number {
  const first = mix(BigInt(low) + BigInt(sequence) * GOLDEN);
  const row = mix(first ^ ((BigInt(high) + BigInt(position) * POSITION) % WORD));
  const word = mix(row + BigInt(column >> 1) * GOLDEN);
  return Number(column % 2 === 0 ? word % 65536n : word / 65536n);
}

function mix(x: bigint): bigint {
  let h = x % WORD;
  h = ((h ^ (h >> 16n)) * 0x7feb352dn) % WORD;
  h = ((h ^ (h >> 15n)) * 0x846ca68bn) % WORD;
  return h ^ (h >> 16n);
}
