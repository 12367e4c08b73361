/** Matrix products with what follows them, and sums of columns. */
import { activate } from './activations.ts';
import { LANES, program } from './program.ts';

/** Steps of the sum that a workgroup takes at once. */
const DEPTH = 16;

const numbers = {
  rows: 'i32',
  columns: 'i32',
  depth: 'i32',
  aRow: 'i32',
  aColumn: 'i32',
  bRow: 'i32',
  bColumn: 'i32',
  aFirst: 'i32',
  bFirst: 'i32',
  cFirst: 'i32',
  slices: 'i32',
  sliceDepth: 'i32',
  scale: 'f32',
  biasScale: 'f32',
} as const;

/**
 * c = activation(scale · a × b + biasScale · bias). A workgroup of 16 × 16 invocations computes a square tile of c, of which each
 * invocation holds `side` × `side` values; both operands pass through the memory of the workgroup. The sum over the depth
 * goes in the order of the depth whatever the tile is. With several slices of the depth, c is [slices, rows, columns].
 */
const productOf = (side: 1 | 4) => {
  /** The code for each row, or column, of an invocation. */
  const each = (code: (i: number) => string, separator = '\n  ') =>
    Array.from({ length: side }, (_, i) => code(i)).join(separator);
  return program({
    name: `product${side}`,
    lanes: 256,
    inputs: { a: 'f32', b: 'f32', bias: 'f32' },
    outputs: { c: 'f32', before: 'f32' },
    numbers,
    constants: ['transposeA', 'transposeB', 'hasBias', 'activation', 'keeps', 'adds'],
    code: /* wgsl */ `${activate}
const tile = ${16 * side};
var<workgroup> left: array<f32, ${DEPTH * 16 * side}>; // [depth, tile]
var<workgroup> right: array<f32, ${DEPTH * 16 * side}>; // [depth, tile]

fn store(row: i32, column: i32, sum: f32, slice: i32) {
  if (row >= u.rows || column >= u.columns) { return; }
  let at = u.cFirst + (slice * u.rows + row) * u.columns + column;
  var value = u.scale * sum;
  if (hasBias) { value += u.biasScale * bias[column]; }
  if (adds) { value += c[at]; }
  if (keeps) { before[at] = value; }
  c[at] = activate(value);
}

fn run(group: i32, lane: i32) {
  let across = (u.columns + tile - 1) / tile;
  let tiles = across * ((u.rows + tile - 1) / tile);
  if (group >= tiles * u.slices) { return; }
  let slice = group / tiles;
  let firstRow = (group % tiles) / across * tile;
  let firstColumn = group % across * tile;
  let end = min(u.depth, (slice + 1) * u.sliceDepth);
  let y = lane / 16 * ${side};
  let x = lane % 16 * ${side};
  ${each((i) => `var sum${i} = ${side === 1 ? '0.0' : 'vec4f()'};`)}
  for (var begin = slice * u.sliceDepth; begin < end; begin += ${DEPTH}) {
    for (var at = lane; at < ${DEPTH} * tile; at += 256) {
      // Neighbouring lanes read neighbouring values.
      let m = select(at / ${DEPTH}, at % tile, transposeA);
      let k = select(at % ${DEPTH}, at / tile, transposeA);
      var value = 0.0;
      if (firstRow + m < u.rows && begin + k < end) {
        value = a[u.aFirst + (firstRow + m) * u.aRow + (begin + k) * u.aColumn];
      }
      left[k * tile + m] = value;
    }
    for (var at = lane; at < ${DEPTH} * tile; at += 256) {
      let n = select(at % tile, at / ${DEPTH}, transposeB);
      let k = select(at / tile, at % ${DEPTH}, transposeB);
      var value = 0.0;
      if (firstColumn + n < u.columns && begin + k < end) {
        value = b[u.bFirst + (begin + k) * u.bRow + (firstColumn + n) * u.bColumn];
      }
      right[k * tile + n] = value;
    }
    workgroupBarrier();
    for (var k = 0; k < ${DEPTH}; k++) {
      let r = ${side === 1 ? '' : 'vec4f'}(${each((i) => `right[k * tile + x + ${i}]`, ', ')});
      ${each((i) => `sum${i} += left[k * tile + y + ${i}] * r;`)}
    }
    workgroupBarrier();
  }
var sums = array<${side === 1 ? 'f32' : 'vec4f'}, ${side}>(${each((i) => `sum${i}`, ', ')});
  for (var i = 0; i < ${side}; i++) {
    for (var j = 0; j < ${side}; j++) {
      store(firstRow + y + i, firstColumn + x + j, sums[i]${side === 1 ? '' : '[j]'}, slice);
    }
  }
}`,
  });
};

/** With a large tile for large products, and a small one that leaves fewer invocations without work. */
export const product = { large: productOf(4), small: productOf(1) } as const;

/** The rows and columns of a tile. */
export const TILES = { large: 64, small: 16 } as const;

/** The sum of the slices of a product. */
export const sumSlices = program({
  name: 'sumSlices',
  lanes: LANES,
  inputs: { slices: 'f32' },
  outputs: { c: 'f32' },
  numbers: { size: 'i32', count: 'i32' },
  constants: ['adds'],
  code: /* wgsl */ `
fn run(group: i32, lane: i32) {
  let i = group * ${LANES} + lane;
  if (i >= u.size) { return; }
  var sum = 0.0;
  for (var slice = 0; slice < u.count; slice++) { sum += slices[slice * u.size + i]; }
  if (adds) { sum += c[i]; }
  c[i] = sum;
}`,
});

/** Columns of a workgroup, each of which has 64 lanes for the rows. */
const COLUMNS = 4;
const ROWS = 64;

/** A workgroup for every four columns. */
export const columnSums = program({
  name: 'columnSums',
  lanes: COLUMNS * ROWS,
  inputs: { x: 'f32' },
  outputs: { sums: 'f32' },
  numbers: { rows: 'i32', columns: 'i32' },
  constants: ['adds'],
  code: /* wgsl */ `
var<workgroup> parts: array<f32, ${COLUMNS * ROWS}>;

fn run(group: i32, lane: i32) {
  let column = group * ${COLUMNS} + lane % ${COLUMNS};
  var sum = 0.0;
  if (column < u.columns) {
    for (var row = lane / ${COLUMNS}; row < u.rows; row += ${ROWS}) { sum += x[row * u.columns + column]; }
  }
  parts[lane] = sum;
  workgroupBarrier();
  for (var half = ${(COLUMNS * ROWS) / 2}; half >= ${COLUMNS}; half /= 2) {
    if (lane < half) { parts[lane] += parts[lane + half]; }
    workgroupBarrier();
  }
  if (lane < ${COLUMNS} && column < u.columns) {
    if (adds) { sums[column] += parts[lane]; } else { sums[column] = parts[lane]; }
  }
}`,
});

/** The columns of which a workgroup of {@link columnSums} computes the sums. */
export const SUMMED_COLUMNS = COLUMNS;
