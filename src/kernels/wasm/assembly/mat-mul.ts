/**
 * Matrix products. The operands are first copied into the order in which they are used ("packed"): B in panels of 8
 * columns, A in blocks of 6 rows; a tile of 6 x 8 results then stays in registers while both stream by. Packing also
 * makes transposed operands as fast as others.
 */
import { madd } from './math';

/** Rows and columns of a tile. */
export const MR = 6;
export const NR = 8;
/** Terms of a sum that are packed at a time, so that a block of A and a panel of B fit in the nearest cache. */
const KC = 512;
/** Columns of B that are packed at a time, so that they fit in the next cache. */
const NC = 1024;
const TILE_BYTES: usize = MR * NR * 4;

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
  const cRow: usize = (<usize>n) << 2;
  for (let i = 0; i < m; i++) {
    if (bias) memory.copy(c + i * cRow, bias, cRow);
    else memory.fill(c + i * cRow, 0, cRow);
  }
  addProduct(m, n, k, a, aRow, aColumn, b, bRow, bColumn, c, cRow, scratch);
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
  const packedB = scratch + packedScratch(min(k, KC));
  // For a single row, a panel is used once and had better stay in the nearest cache.
  const block = m === 1 ? NR : NC;
  for (let k0 = 0; k0 < k; k0 += KC) {
    const terms = min(KC, k - k0);
    for (let n0 = 0; n0 < n; n0 += block) {
      const columns = min(block, n - n0);
      packB(b + k0 * bRow + n0 * bColumn, bRow, bColumn, terms, columns, packedB);
      const packed = m <= MR && n0 > 0;
      addPacked(m, columns, terms, a + k0 * aColumn, aRow, aColumn, packed, packedB, c + (n0 << 2), cRow, scratch);
    }
  }
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
  const tile = scratch;
  const packedA = tile + TILE_BYTES;
  const panel: usize = (<usize>k) * NR * 4;
  for (let i = 0; i < m; i += MR) {
    const rows = min(MR, m - i);
    if (!packed) packA(a + i * aRow, aRow, aColumn, rows, k, packedA);
    let out = c + i * cRow;
    let from = b;
    for (let j = 0; j < n; j += NR) {
      const width = min(NR, n - j);
      if (rows === MR && width === NR) addTile(k, packedA, from, out, cRow);
      else {
        // At an edge the tile is computed in a place of its own, with more rows and columns than there are.
        copyPart(out, cRow, tile, NR * 4, rows, width);
        if (rows === 1) addRow(k, packedA, from, tile);
        else addTile(k, packedA, from, tile, NR * 4);
        copyPart(tile, NR * 4, out, cRow, rows, width);
      }
      from += panel;
      out += NR * 4;
    }
  }
}

/** Adds the product of a packed block `a` [k][6] and a packed panel `b` [k][8] to the tile at `c`. */
export function addTile(k: i32, a: usize, b: usize, c: usize, cRow: usize): void {
  const row1 = c + cRow;
  const row2 = row1 + cRow;
  const row3 = row2 + cRow;
  const row4 = row3 + cRow;
  const row5 = row4 + cRow;
  let c00 = v128.load(c);
  let c01 = v128.load(c, 16);
  let c10 = v128.load(row1);
  let c11 = v128.load(row1, 16);
  let c20 = v128.load(row2);
  let c21 = v128.load(row2, 16);
  let c30 = v128.load(row3);
  let c31 = v128.load(row3, 16);
  let c40 = v128.load(row4);
  let c41 = v128.load(row4, 16);
  let c50 = v128.load(row5);
  let c51 = v128.load(row5, 16);
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
    b += NR * 4;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(row1, c10);
  v128.store(row1, c11, 16);
  v128.store(row2, c20);
  v128.store(row2, c21, 16);
  v128.store(row3, c30);
  v128.store(row3, c31, 16);
  v128.store(row4, c40);
  v128.store(row4, c41, 16);
  v128.store(row5, c50);
  v128.store(row5, c51, 16);
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
    b += NR * 4;
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
  if (rows < MR) return packEdge(a, row, column, rows, MR, k, to);
  let i = 0;
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
    to += (<usize>k) * NR * 4;
  }
}

function packPanel(b: usize, row: usize, k: i32, to: usize): void {
  for (let i = 0; i < k; i++) {
    v128.store(to, v128.load(b));
    v128.store(to, v128.load(b, 16), 16);
    b += row;
    to += NR * 4;
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
  v128.store(to, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7), NR * 4);
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
