/**
 * Matrix products. The operands are first copied into the order in which they are used ("packed"): B in panels of 8
 * columns, A, unless its rows lie as they are used, in blocks of 6 rows; a tile of 6 x 8 results then stays in registers
 * while both stream by. Packing also makes transposed operands nearly as fast as others.
 */
import { madd } from './math';

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
  return TILE_BYTES + ROW_BYTES + blockBytes(k);
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
  const zeros = tile + TILE_BYTES;
  const packedA = zeros + ROW_BYTES;
  const panel: usize = (<usize>k) * ROW_BYTES;
  v128.store(zeros, f32x4.splat(0));
  v128.store(zeros, f32x4.splat(0), 16);
  const across: usize = start ? ROW_BYTES : 0;
  if (!start) {
    start = zeros;
    startRow = 0;
  }
  for (let i = 0; i < m; i += MR) {
    const rows = min(MR, m - i);
    const block = a + i * aRow;
    const inRows = rows === MR && aColumn === 4;
    if (!packed && !inRows) packA(block, aRow, aColumn, rows, k, packedA);
    let from = start + i * startRow;
    let to = c + i * cRow;
    let right = b;
    for (let j = 0; j < n; j += NR) {
      const width = min(NR, n - j);
      if (inRows && width === NR) tileOfRows(k, block, aRow, right, from, startRow, to, cRow);
      else if (rows === MR && width === NR) tileFrom(k, packedA, right, from, startRow, to, cRow);
      else if (rows === 4 && width === NR) tileOf4(k, packedA, right, from, startRow, to, cRow);
      else {
        // At an edge the tile is computed in a place of its own, with more rows and columns than there are.
        copyPart(from, startRow, tile, ROW_BYTES, rows, width);
        if (rows === 1) addRow(k, packedA, right, tile);
        else if (inRows) tileOfRows(k, block, aRow, right, tile, ROW_BYTES, tile, ROW_BYTES);
        else addTile(k, packedA, right, tile, ROW_BYTES);
        copyPart(tile, ROW_BYTES, to, cRow, rows, width);
      }
      right += panel;
      from += across;
      to += ROW_BYTES;
    }
  }
}

/** Adds the product of a packed block `a` [k][6] and a packed panel `b` [k][8] to the tile at `c`. */
@inline
export function addTile(k: i32, a: usize, b: usize, c: usize, cRow: usize): void {
  tileFrom(k, a, b, c, cRow, c, cRow);
}

/** The tile at `c` = the tile at `from` plus the product of a packed block `a` [k][6] and a packed panel `b` [k][8]. */
export function tileFrom(k: i32, a: usize, b: usize, from: usize, fromRow: usize, c: usize, cRow: usize): void {
  let c00 = v128.load(from);
  let c01 = v128.load(from, 16);
  from += fromRow;
  let c10 = v128.load(from);
  let c11 = v128.load(from, 16);
  from += fromRow;
  let c20 = v128.load(from);
  let c21 = v128.load(from, 16);
  from += fromRow;
  let c30 = v128.load(from);
  let c31 = v128.load(from, 16);
  from += fromRow;
  let c40 = v128.load(from);
  let c41 = v128.load(from, 16);
  from += fromRow;
  let c50 = v128.load(from);
  let c51 = v128.load(from, 16);
  for (; k > 0; k--) {
    const left = v128.load(b);
    const right = v128.load(b, 16);
    let x = v128.load_splat<f32>(a);
    c00 = madd(x, left, c00);
    c01 = madd(x, right, c01);
    x = v128.load_splat<f32>(a, 4);
    c10 = madd(x, left, c10);
    c11 = madd(x, right, c11);
    x = v128.load_splat<f32>(a, 8);
    c20 = madd(x, left, c20);
    c21 = madd(x, right, c21);
    x = v128.load_splat<f32>(a, 12);
    c30 = madd(x, left, c30);
    c31 = madd(x, right, c31);
    x = v128.load_splat<f32>(a, 16);
    c40 = madd(x, left, c40);
    c41 = madd(x, right, c41);
    x = v128.load_splat<f32>(a, 20);
    c50 = madd(x, left, c50);
    c51 = madd(x, right, c51);
    a += MR * 4;
    b += ROW_BYTES;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  c += cRow;
  v128.store(c, c10);
  v128.store(c, c11, 16);
  c += cRow;
  v128.store(c, c20);
  v128.store(c, c21, 16);
  c += cRow;
  v128.store(c, c30);
  v128.store(c, c31, 16);
  c += cRow;
  v128.store(c, c40);
  v128.store(c, c41, 16);
  c += cRow;
  v128.store(c, c50);
  v128.store(c, c51, 16);
}

/**
 * {@link tileFrom} for a block of A that lies in 6 rows `aRow` bytes apart. It is as fast as a packed one, and packing is
 * saved. Unrolled, the loop and the one for what is left over need more registers than there are: a quarter slower.
 */
function tileOfRows(k: i32, a: usize, aRow: usize, b: usize, from: usize, fromRow: usize, c: usize, cRow: usize): void {
  let c00 = v128.load(from);
  let c01 = v128.load(from, 16);
  from += fromRow;
  let c10 = v128.load(from);
  let c11 = v128.load(from, 16);
  from += fromRow;
  let c20 = v128.load(from);
  let c21 = v128.load(from, 16);
  from += fromRow;
  let c30 = v128.load(from);
  let c31 = v128.load(from, 16);
  from += fromRow;
  let c40 = v128.load(from);
  let c41 = v128.load(from, 16);
  from += fromRow;
  let c50 = v128.load(from);
  let c51 = v128.load(from, 16);
  let a0 = a;
  let a1 = a0 + aRow;
  let a2 = a1 + aRow;
  let a3 = a2 + aRow;
  let a4 = a3 + aRow;
  let a5 = a4 + aRow;
  for (; k > 0; k--) {
    const left = v128.load(b);
    const right = v128.load(b, 16);
    let x = v128.load_splat<f32>(a0);
    c00 = madd(x, left, c00);
    c01 = madd(x, right, c01);
    x = v128.load_splat<f32>(a1);
    c10 = madd(x, left, c10);
    c11 = madd(x, right, c11);
    x = v128.load_splat<f32>(a2);
    c20 = madd(x, left, c20);
    c21 = madd(x, right, c21);
    x = v128.load_splat<f32>(a3);
    c30 = madd(x, left, c30);
    c31 = madd(x, right, c31);
    x = v128.load_splat<f32>(a4);
    c40 = madd(x, left, c40);
    c41 = madd(x, right, c41);
    x = v128.load_splat<f32>(a5);
    c50 = madd(x, left, c50);
    c51 = madd(x, right, c51);
    a0 += 4;
    a1 += 4;
    a2 += 4;
    a3 += 4;
    a4 += 4;
    a5 += 4;
    b += ROW_BYTES;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  c += cRow;
  v128.store(c, c10);
  v128.store(c, c11, 16);
  c += cRow;
  v128.store(c, c20);
  v128.store(c, c21, 16);
  c += cRow;
  v128.store(c, c30);
  v128.store(c, c31, 16);
  c += cRow;
  v128.store(c, c40);
  v128.store(c, c41, 16);
  c += cRow;
  v128.store(c, c50);
  v128.store(c, c51, 16);
}

/** {@link tileFrom} for the first four rows, which is what a width of 64 leaves over. */
function tileOf4(k: i32, a: usize, b: usize, from: usize, fromRow: usize, c: usize, cRow: usize): void {
  let c00 = v128.load(from);
  let c01 = v128.load(from, 16);
  from += fromRow;
  let c10 = v128.load(from);
  let c11 = v128.load(from, 16);
  from += fromRow;
  let c20 = v128.load(from);
  let c21 = v128.load(from, 16);
  from += fromRow;
  let c30 = v128.load(from);
  let c31 = v128.load(from, 16);
  for (; k > 0; k--) {
    const left = v128.load(b);
    const right = v128.load(b, 16);
    let x = v128.load_splat<f32>(a);
    c00 = madd(x, left, c00);
    c01 = madd(x, right, c01);
    x = v128.load_splat<f32>(a, 4);
    c10 = madd(x, left, c10);
    c11 = madd(x, right, c11);
    x = v128.load_splat<f32>(a, 8);
    c20 = madd(x, left, c20);
    c21 = madd(x, right, c21);
    x = v128.load_splat<f32>(a, 12);
    c30 = madd(x, left, c30);
    c31 = madd(x, right, c31);
    a += MR * 4;
    b += ROW_BYTES;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  c += cRow;
  v128.store(c, c10);
  v128.store(c, c11, 16);
  c += cRow;
  v128.store(c, c20);
  v128.store(c, c21, 16);
  c += cRow;
  v128.store(c, c30);
  v128.store(c, c31, 16);
}

/** {@link addTile} for the first row only. */
function addRow(k: i32, a: usize, b: usize, c: usize): void {
  let left = v128.load(c);
  let right = v128.load(c, 16);
  for (; k > 0; k--) {
    const x = v128.load_splat<f32>(a);
    left = madd(x, v128.load(b), left);
    right = madd(x, v128.load(b, 16), right);
    a += MR * 4;
    b += ROW_BYTES;
  }
  v128.store(c, left);
  v128.store(c, right, 16);
}

/** Copies the corner of a matrix. */
export function copyPart(from: usize, fromRow: usize, to: usize, toRow: usize, rows: i32, columns: i32): void {
  const width: usize = (<usize>columns) << 2;
  for (let i = 0; i < rows; i++) {
    for (let j: usize = 0; j < width; j += 4) store<f32>(to + j, load<f32>(from + j));
    from += fromRow;
    to += toRow;
  }
}

/** Copies up to 6 rows of A to `to` [k][6]; rows that are missing become 0. */
export function packA(a: usize, row: usize, column: usize, rows: i32, k: i32, to: usize): void {
  let i = 0;
  if (rows === 4 && column !== 4) {
    for (; i < k; i++) {
      v128.store(to, v128.load(a));
      store<u64>(to, 0, 16);
      a += column;
      to += MR * 4;
    }
    return;
  }
  if (rows < MR) return packEdge(a, row, column, rows, MR, k, to);
  if (column !== 4) {
    for (; i < k; i++) {
      v128.store(to, v128.load(a));
      store<u64>(to, load<u64>(a, 16), 16);
      a += column;
      to += MR * 4;
    }
    return;
  }
  for (; i + 4 <= k; i += 4) {
    const x0 = v128.load(a);
    const x1 = v128.load(a + row);
    const x2 = v128.load(a + 2 * row);
    const x3 = v128.load(a + 3 * row);
    const x4 = v128.load(a + 4 * row);
    const x5 = v128.load(a + 5 * row);
    // Pairs of rows, then all six: the transpose of a 6 x 4 block.
    const low01 = v128.shuffle<f32>(x0, x1, 0, 4, 1, 5);
    const low23 = v128.shuffle<f32>(x2, x3, 0, 4, 1, 5);
    const low45 = v128.shuffle<f32>(x4, x5, 0, 4, 1, 5);
    const high01 = v128.shuffle<f32>(x0, x1, 2, 6, 3, 7);
    const high23 = v128.shuffle<f32>(x2, x3, 2, 6, 3, 7);
    const high45 = v128.shuffle<f32>(x4, x5, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5));
    v128.store(to, v128.shuffle<f32>(low45, low01, 0, 1, 6, 7), 16);
    v128.store(to, v128.shuffle<f32>(low23, low45, 2, 3, 6, 7), 32);
    v128.store(to, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5), 48);
    v128.store(to, v128.shuffle<f32>(high45, high01, 0, 1, 6, 7), 64);
    v128.store(to, v128.shuffle<f32>(high23, high45, 2, 3, 6, 7), 80);
    a += 16;
    to += MR * 16;
  }
  packEdge(a, row, column, MR, MR, k - i, to);
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
    transpose4(b, column, to);
    transpose4(b + 4 * column, column, to + 16);
    b += 16;
    to += NR * 16;
  }
  packEdge(b, column, row, NR, NR, k - i, to);
}

/** Four runs of four values, `stride` apart, into four rows of a panel. */
function transpose4(from: usize, stride: usize, to: usize): void {
  const x0 = v128.load(from);
  const x1 = v128.load(from + stride);
  const x2 = v128.load(from + 2 * stride);
  const x3 = v128.load(from + 3 * stride);
  const low01 = v128.shuffle<f32>(x0, x1, 0, 4, 1, 5);
  const low23 = v128.shuffle<f32>(x2, x3, 0, 4, 1, 5);
  const high01 = v128.shuffle<f32>(x0, x1, 2, 6, 3, 7);
  const high23 = v128.shuffle<f32>(x2, x3, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5));
  v128.store(to, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7), ROW_BYTES);
  v128.store(to, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5), NR * 8);
  v128.store(to, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7), NR * 12);
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
