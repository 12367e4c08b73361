/** Dropout, by the hash that `dropoutMask` in ops/dropout.ts describes. */
import { LANES, program } from './program.ts';

/** `dropoutRow` and `dropoutBits` of ops/dropout.ts. */
export const hash = /* wgsl */ `
fn mix(x: u32) -> u32 {
  var h = x;
  h = (h ^ (h >> 16u)) * 0x7feb352du;
  h = (h ^ (h >> 15u)) * 0x846ca68bu;
  return h ^ (h >> 16u);
}

fn dropoutRow(low: u32, high: u32, sequence: i32, position: i32) -> u32 {
  return mix(mix(low + u32(sequence) * 0x9e3779b9u) ^ (high + u32(position) * 0x85ebca6bu));
}

fn dropoutBits(row: u32, column: i32) -> u32 {
  let word = mix(row + u32(column >> 1u) * 0x9e3779b9u);
  return select(word & 0xffffu, word >> 16u, (column & 1) == 1);
}`;

export const dropout = program({
  name: 'dropout',
  lanes: LANES,
  inputs: { x: 'f32', plus: 'f32', sequences: 'i32', positions: 'i32' },
  outputs: { y: 'f32' },
  numbers: {
    size: 'i32',
    columns: 'i32',
    rows: 'i32',
    firstSequence: 'i32',
    low: 'u32',
    high: 'u32',
    threshold: 'u32',
    scale: 'f32',
  },
  constants: ['hasPlus', 'hasLayout'],
  code: /* wgsl */ `${hash}
fn run(group: i32, lane: i32) {
  let i = group * ${LANES} + lane;
  if (i >= u.size) { return; }
  let row = i / u.columns;
  var result = 0.0;
  if (row < u.rows) {
    var sequence = 0;
    var position = row;
    if (hasLayout) {
      sequence = u.firstSequence + sequences[row];
      position = positions[row];
    }
    let bits = dropoutBits(dropoutRow(u.low, u.high, sequence, position), i - row * u.columns);
    if (bits >= u.threshold) { result = x[i] * u.scale; }
  }
  if (hasPlus) { result += plus[i]; }
  y[i] = result;
}`,
});
