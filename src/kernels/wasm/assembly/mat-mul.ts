/**
 * Matrix products. B is first copied into the order in which it is used ("packed"), in panels of 8 columns, and A, where its
 * rows are columns in memory or there is no tile for so few of them, in blocks of 6 rows; a tile of 6 x 8 results then stays
 * in registers while both stream by (`../tiles.ts`). Packing also makes transposed operands nearly as fast as others.
 */
import { tileOf1, tileOf4, tileOf6 } from './tiles';

/** Rows and columns of a tile. */
export const MR = 6;
export const NR = 8;
/** Terms of a sum that are packed at a time, so that a block of A and a panel of B fit in the nearest cache. */
const KC = 512;
/** Columns of B that are packed at a time, so that they fit in the next cache. */
const NC = 1024;
/** A row of a tile. */
const ROW_BYTES: usize = NR * 4;
const TILE_BYTES: usize = MR * ROW_BYTES;

/** The scratch space of {@link matMul} and {@link addProduct} in bytes. */
export function matMulScratch(n: i32, k: i32): usize {
  const terms = min(k, KC);
  const columns: usize = (min(n, NC) + NR - 1) & -NR;
  return packedScratch(terms) + <usize>terms * columns * 4;
}

/** A packed block of A; what follows it stays aligned. */
function blockBytes(terms: i32): usize {
  return (<usize>terms * MR * 4 + 15) & ~15;
}

/** `c` [m, n] = the product of A [m, k] and B [k, n] plus `bias` [n] (0: none). The strides are those of addProduct. */
export function matMul(
  m: i32,
  n: i32,
  k: i32,
  a: usize,
  aRow: usize,
  aColumn: usize,
  b: usize,
  bRow: usize,
  bColumn: usize,
  bias: usize,
  c: usize,
  scratch: usize,
): void {
  product(m, n, k, a, aRow, aColumn, b, bRow, bColumn, bias, 0, c, (<usize>n) << 2, scratch);
}

/**
 * Adds the product of A [m, k] and B [k, n] to `c`, whose rows are `cRow` bytes apart. Element (i, j) of A lies at
 * a + i · aRow + j · aColumn, where one of the strides (in bytes) is 4; B likewise.
 *
 * Every result is c + a0 b0 + a1 b1 + …, summed in this order wherever it stands, so that a row gives the same bits
 * alone and among others.
 */
export function addProduct(
  m: i32,
  n: i32,
  k: i32,
  a: usize,
  aRow: usize,
  aColumn: usize,
  b: usize,
  bRow: usize,
  bColumn: usize,
  c: usize,
  cRow: usize,
  scratch: usize,
): void {
  product(m, n, k, a, aRow, aColumn, b, bRow, bColumn, c, cRow, c, cRow, scratch);
}

/** `c` = `start` plus the product, where `start` has rows `startRow` bytes apart (0 for a single row), or is 0 for none. */
function product(
  m: i32,
  n: i32,
  k: i32,
  a: usize,
  aRow: usize,
  aColumn: usize,
  b: usize,
  bRow: usize,
  bColumn: usize,
  start: usize,
  startRow: usize,
  c: usize,
  cRow: usize,
  scratch: usize,
): void {
  const packedB = scratch + packedScratch(min(k, KC));
  // For a single row, a panel is used once and had better stay in the nearest cache.
  const block = m === 1 ? NR : NC;
  let k0 = 0;
  do {
    const terms = min(KC, k - k0);
    for (let n0 = 0; n0 < n; n0 += block) {
      const columns = min(block, n - n0);
      packB(b + k0 * bRow + n0 * bColumn, bRow, bColumn, terms, columns, packedB);
      const packed = m <= MR && n0 > 0;
      const left = a + k0 * aColumn;
      const to = c + (n0 << 2);
      const from = start ? start + (n0 << 2) : 0;
      packedProduct(m, columns, terms, left, aRow, aColumn, packed, packedB, from, startRow, to, cRow, scratch);
    }
    k0 += KC;
    start = c;
    startRow = cRow;
  } while (k0 < k);
}

/** The scratch space of {@link addPacked} in bytes. */
export function packedScratch(k: i32): usize {
  return TILE_BYTES + blockBytes(k);
}

/**
 * {@link addProduct} for a B that {@link packB} has packed. `packed`: the scratch space holds A of the call before, which
 * had at most 6 rows.
 */
export function addPacked(
  m: i32,
  n: i32,
  k: i32,
  a: usize,
  aRow: usize,
  aColumn: usize,
  packed: bool,
  b: usize,
  c: usize,
  cRow: usize,
  scratch: usize,
): void {
  packedProduct(m, n, k, a, aRow, aColumn, packed, b, c, cRow, c, cRow, scratch);
}

/** {@link addPacked} to the `start` of {@link product}. */
function packedProduct(
  m: i32,
  n: i32,
  k: i32,
  a: usize,
  aRow: usize,
  aColumn: usize,
  packed: bool,
  b: usize,
  start: usize,
  startRow: usize,
  c: usize,
  cRow: usize,
  scratch: usize,
): void {
  const tile = scratch;
  const packedA = tile + TILE_BYTES;
  const panel: usize = (<usize>k) * ROW_BYTES;
  for (let i = 0; i < m; i += MR) {
    const rows = min(MR, m - i);
    const whole = rows === MR || rows === 4 || rows === 1;
    let left = a + i * aRow;
    let leftRow = aRow;
    if (!whole || aColumn !== 4) {
      leftRow = (<usize>k) << 2;
      if (!packed) packA(left, aRow, aColumn, rows, k, packedA, leftRow);
      left = packedA;
    }
    let from = start ? start + i * startRow : 0;
    let to = c + i * cRow;
    let right = b;
    let j = whole ? n & -NR : 0;
    if (j) {
      rowsOfTile(j / NR, rows, k, left, leftRow, b, from, startRow, to, cRow);
      right += (<usize>j * k) << 2;
      to += <usize>j << 2;
      if (from) from += <usize>j << 2;
    }
    // At an edge the tile is computed in a place of its own, with more rows and columns than there are.
    for (; j < n; j += NR) {
      const width = min(NR, n - j);
      if (from) {
        copyPart(from, startRow, tile, ROW_BYTES, rows, width);
        from += ROW_BYTES;
      }
      rowsOfTile(1, rows, k, left, leftRow, right, from ? tile : 0, ROW_BYTES, tile, ROW_BYTES);
      copyPart(tile, ROW_BYTES, to, cRow, rows, width);
      right += panel;
      to += ROW_BYTES;
    }
  }
}

/** `panels` tiles beside each other, of 6 (also for 2, 3 or 5), 4 or 1 rows. */
function rowsOfTile(
  panels: i32,
  rows: i32,
  k: i32,
  a: usize,
  aRow: usize,
  b: usize,
  from: usize,
  fromRow: usize,
  c: usize,
  cRow: usize,
): void {
  if (rows === 4) tileOf4(panels, k, a, aRow, b, ROW_BYTES, (<usize>k) * ROW_BYTES, from, fromRow, c, cRow);
  else if (rows === 1) tileOf1(panels, k, a, aRow, b, from, fromRow, c, cRow);
  else tileOf6(panels, k, a, aRow, b, from, fromRow, c, cRow);
}

/** Copies the corner of a matrix. */
export function copyPart(from: usize, fromRow: usize, to: usize, toRow: usize, rows: i32, columns: i32): void {
  const width: usize = (<usize>columns) << 2;
  for (let i = 0; i < rows; i++) {
    let j: usize = 0;
    for (; j + 16 <= width; j += 16) v128.store(to + j, v128.load(from + j));
    for (; j < width; j += 4) store<f32>(to + j, load<f32>(from + j));
    from += fromRow;
    to += toRow;
  }
}

/** Copies up to 6 rows of A to `to`, `toRow` bytes apart; rows that are missing become 0. */
export function packA(a: usize, row: usize, column: usize, rows: i32, k: i32, to: usize, toRow: usize): void {
  if (column === 4) copyPart(a, row, to, toRow, rows, k);
  else packTransposedRows(a, column, rows, k, to, toRow);
  for (let i = rows; i < MR; i++) memory.fill(to + i * toRow, 0, (<usize>k) << 2);
}

/** The rows of A that are columns in memory: runs of `rows` values, `column` bytes apart. */
function packTransposedRows(a: usize, column: usize, rows: i32, k: i32, to: usize, toRow: usize): void {
  let i = 0;
  if (rows === MR || rows === 4) {
    for (; i + 4 <= k; i += 4) {
      transpose4(a, column, to, toRow);
      if (rows === MR) transpose2(a + 16, column, to + 4 * toRow, toRow);
      a += 4 * column;
      to += 16;
    }
  }
  for (; i < k; i++) {
    for (let r = 0; r < rows; r++) store<f32>(to + r * toRow, load<f32>(a + (r << 2)));
    a += column;
    to += 4;
  }
}

/** Copies B [k, columns] to `to`, as panels [k][8]; columns that are missing from the last one become 0. */
export function packB(b: usize, row: usize, column: usize, k: i32, columns: i32, to: usize): void {
  for (let j = 0; j < columns; j += NR) {
    const width = min(NR, columns - j);
    if (width < NR) packEdge(b, column, row, width, NR, k, to);
    else if (column === 4) packPanel(b, row, k, to);
    else packTransposedPanel(b, column, row, k, to);
    b += NR * column;
    to += (<usize>k) * ROW_BYTES;
  }
}

function packPanel(b: usize, row: usize, k: i32, to: usize): void {
  for (let i = 0; i < k; i++) {
    v128.store(to, v128.load(b));
    v128.store(to, v128.load(b, 16), 16);
    b += row;
    to += ROW_BYTES;
  }
}

function packTransposedPanel(b: usize, column: usize, row: usize, k: i32, to: usize): void {
  let i = 0;
  for (; i + 4 <= k; i += 4) {
    transpose4(b, column, to, ROW_BYTES);
    transpose4(b + 4 * column, column, to + 16, ROW_BYTES);
    b += 16;
    to += NR * 16;
  }
  packEdge(b, column, row, NR, NR, k - i, to);
}

/** Four runs of four values, `stride` bytes apart, into four rows `toRow` bytes apart. */
function transpose4(from: usize, stride: usize, to: usize, toRow: usize): void {
  const x0 = v128.load(from);
  const x1 = v128.load(from + stride);
  const x2 = v128.load(from + 2 * stride);
  const x3 = v128.load(from + 3 * stride);
  const low01 = v128.shuffle<f32>(x0, x1, 0, 4, 1, 5);
  const low23 = v128.shuffle<f32>(x2, x3, 0, 4, 1, 5);
  const high01 = v128.shuffle<f32>(x0, x1, 2, 6, 3, 7);
  const high23 = v128.shuffle<f32>(x2, x3, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5));
  v128.store(to + toRow, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7));
  v128.store(to + 2 * toRow, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5));
  v128.store(to + 3 * toRow, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7));
}

/** Four runs of two values into two rows. */
function transpose2(from: usize, stride: usize, to: usize, toRow: usize): void {
  const x01 = v128.shuffle<f32>(v128.load64_zero(from), v128.load64_zero(from + stride), 0, 4, 1, 5);
  const x23 = v128.shuffle<f32>(
    v128.load64_zero(from + 2 * stride),
    v128.load64_zero(from + 3 * stride),
    0,
    4,
    1,
    5,
  );
  v128.store(to, v128.shuffle<f32>(x01, x23, 0, 1, 4, 5));
  v128.store(to + toRow, v128.shuffle<f32>(x01, x23, 2, 3, 6, 7));
}

/** The general case: `count` of `lanes` values a step, `lane` bytes apart, the others 0; steps are `step` bytes apart. */
function packEdge(from: usize, lane: usize, step: usize, count: i32, lanes: i32, steps: i32, to: usize): void {
  for (let i = 0; i < steps; i++) {
    for (let j = 0; j < lanes; j++) {
      store<f32>(to, j < count ? load<f32>(from + j * lane) : 0);
      to += 4;
    }
    from += step;
  }
}
