/** Rows of a table by their number, and sums of rows. */
import { LANES, program } from './program.ts';

/** scale · table[rows] + plus */
export const takeRows = program({
  name: 'takeRows',
  lanes: LANES,
  inputs: { table: 'f32', rows: 'i32', plus: 'f32' },
  outputs: { y: 'f32' },
  numbers: { size: 'i32', width: 'i32', scale: 'f32' },
  constants: ['hasPlus'],
  code: /* wgsl */ `
fn run(group: i32, lane: i32) {
  let i = group * ${LANES} + lane;
  if (i >= u.size) { return; }
  let row = i / u.width;
  var value = u.scale * table[rows[row] * u.width + i - row * u.width];
  if (hasPlus) { value += plus[i]; }
  y[i] = value;
}`,
});

/** The sums of the rows of each segment: `order` names them segment after segment, from `starts` on. */
export const sumRows = program({
  name: 'sumRows',
  lanes: LANES,
  inputs: { x: 'f32', order: 'i32', starts: 'i32' },
  outputs: { sums: 'f32' },
  numbers: { size: 'i32', width: 'i32' },
  code: /* wgsl */ `
fn run(group: i32, lane: i32) {
  let i = group * ${LANES} + lane;
  if (i >= u.size) { return; }
  let segment = i / u.width;
  let column = i - segment * u.width;
  var sum = 0.0;
  for (var at = starts[segment]; at < starts[segment + 1]; at++) { sum += x[order[at] * u.width + column]; }
  sums[i] = sum;
}`,
});
