// Softmax cross-entropy of states against every row of a table. Logits exist for a block of rows and a tile of items at
// a time; the largest logit of a row and its sum of exponentials are carried from tile to tile (Milakov & Gimelshein,
// 2018).
//
// The gradients need the whole sum of a row, so every tile is passed a second time. The packed table is kept for all blocks
// of rows, and the exponentials of one block in between, up to some size: to read them takes less time than to compute the
// logits again. Beyond that all blocks pass a tile while it is packed, and its logits are computed twice.
//
// Logits lie transposed in panels of 8 rows, [items][8]: a lane is a row, a panel is in the order in which the product for
// the states' gradient reads it, and loops over a panel have no edge.
import { addPacked, MR, NR, packA, packB, packedScratch } from './mat-mul';
import { expNegative4, log1, sumLanes } from './math';
import { tileOf6 } from './tiles';

/** Rows in a block, a multiple of 8. */
const ROWS = 96;
/** Items in a tile, a multiple of 6. */
const ITEMS = 192;
/** Bytes of tiles that may be kept. */
const MOST_KEPT: usize = 64 << 20;

const PANELS: usize = ROWS / NR;
const PANEL_ROW: usize = NR * 4;
const PANEL_LOGITS: usize = PANEL_ROW * ITEMS;
const LOGITS: usize = PANEL_LOGITS * PANELS;

// What is known of the 8 rows of a panel, by offset; sums are double.
const HIGHEST: usize = 0;
const TOTAL: usize = 32; // of exponentials
const SUM: usize = 96; // of logits, for smoothing only
const FIT: usize = 160; // the target's logit
const FACTOR: usize = 224; // of exponentials in the gradient
const ROWS_STATE: usize = 256;

/** One call; it stands at the start of the scratch space. */
@unmanaged
class Call {
  table: usize;
  bias: usize;
  targets: usize;
  weights: usize;
  items: i32;
  dim: i32;
  smoothing: f32;
  dTable: usize;
  dBias: usize;
  kept: bool;
  blocks: usize;
  blockBytes: usize;
  tiles: usize;
  tileBytes: usize;
  /** [rows][6] */
  slopes: usize;
  /** The scratch space of addPacked; before that, a tile of products. */
  scratch: usize;
}
const CALL: usize = (offsetof<Call>() + 15) & ~15;
const SCRATCH: usize = CALL + ROWS * MR * 4;

// A block holds its states [dim][8], a panel after the other; again as [rows][8], 8 columns after the other; the gradient
// by the states as [dim][8]; and what is known of its rows.
function stateBytes(dim: i32): usize {
  return <usize>dim * ROWS * 4;
}
function blockBytes(dim: i32): usize {
  return stateBytes(dim) + stateBytes(padded(dim, NR)) + stateBytes(padded(dim, MR)) + ROWS_STATE * PANELS;
}

// A tile holds its rows of the table, as many as six divides; its columns as rows [items], six after the other; logits or exponentials; and for each row of the block the maximum to which its exponentials refer.
function packedBytes(dim: i32): usize {
  return <usize>dim * ITEMS * 4;
}
function tileBytes(dim: i32): usize {
  return packedBytes(dim) + packedBytes(padded(dim, MR)) + LOGITS + ROWS * 4;
}

function padded(n: i32, to: i32): i32 {
  return divided(n, to) * to;
}

function divided(n: i32, by: i32): i32 {
  return (n + by - 1) / by;
}

function keeps(items: i32, dim: i32, wanted: bool): bool {
  return wanted && <usize>divided(items, ITEMS) * tileBytes(dim) <= MOST_KEPT;
}

/** Where the blocks lie behind the start of the scratch space of a call. */
function blocksFrom(): usize {
  return SCRATCH + packedScratch(ROWS);
}

/** The scratch space of {@link crossEntropy} in bytes. */
export function crossEntropyScratch(rows: i32, items: i32, dim: i32, wanted: bool): usize {
  const kept = keeps(items, dim, wanted);
  const blocks: usize = kept ? 1 : divided(rows, ROWS);
  const tiles: usize = kept ? divided(items, ITEMS) : 1;
  return blocksFrom() + blocks * blockBytes(dim) + tiles * tileBytes(dim);
}

/**
 * `loss` = the weighted sum over the rows of ln Σ e^logit - Σ p · logit, where logits are scale · states · tableᵀ + bias
 * and p is 1 - smoothing for the target and smoothing / items for all. With `wanted` also its gradients.
 *
 * @param states  [rows, dim]
 * @param table   [items, dim]
 * @param bias    [items], or 0 for none
 * @param targets [rows], i32
 * @param weights [rows]
 */
export function crossEntropy(
  states: usize,
  table: usize,
  bias: usize,
  targets: usize,
  weights: usize,
  rows: i32,
  items: i32,
  dim: i32,
  scale: f32,
  smoothing: f32,
  wanted: bool,
  loss: usize,
  dStates: usize,
  dTable: usize,
  dBias: usize,
  scratch: usize,
): void {
  const call = changetype<Call>(scratch);
  const kept = keeps(items, dim, wanted);
  const group = kept ? ROWS : rows;
  call.table = table;
  call.bias = bias;
  call.items = items;
  call.dim = dim;
  call.smoothing = smoothing;
  call.dTable = dTable;
  call.dBias = bias ? dBias : 0;
  call.kept = kept;
  call.slopes = scratch + CALL;
  call.scratch = scratch + SCRATCH;
  call.blocks = scratch + blocksFrom();
  call.blockBytes = blockBytes(dim);
  call.tiles = call.blocks + <usize>divided(min(rows, group), ROWS) * call.blockBytes;
  call.tileBytes = tileBytes(dim);
  const row: usize = (<usize>dim) << 2;
  if (wanted) {
    memory.fill(dTable, 0, <usize>items * row);
    if (bias) memory.fill(dBias, 0, (<usize>items) << 2);
  }
  let sum: f64 = 0;
  for (let first = 0; first < rows; first += group) {
    const count = min(group, rows - first);
    call.targets = targets + ((<usize>first) << 2);
    call.weights = weights + ((<usize>first) << 2);
    const begin = states + <usize>first * row;
    packStates(call, begin, count, scale);
    for (let item = 0; item < items; item += ITEMS) {
      if (!kept || first === 0) packItems(call, item, wanted && kept);
      for (let r = 0; r < count; r += ROWS) firstPass(call, r, min(ROWS, count - r), item);
    }
    sum += finish(call, count);
    if (!wanted) continue;
    for (let item = 0; item < items; item += ITEMS) {
      if (!kept) packItems(call, item, true);
      for (let r = 0; r < count; r += ROWS) secondPass(call, r, min(ROWS, count - r), item);
    }
    unpackGradient(call, dStates + <usize>first * row, count, scale);
  }
  store<f32>(loss, <f32>sum);
}

@inline
function blockAt(call: Call, row: i32): usize {
  return call.blocks + <usize>(row / ROWS) * call.blockBytes;
}

@inline
function tileAt(call: Call, item: i32): usize {
  return call.kept ? call.tiles + <usize>(item / ITEMS) * call.tileBytes : call.tiles;
}

/** Prepares the blocks of a group of rows. */
function packStates(call: Call, states: usize, count: i32, scale: f32): void {
  const dim = call.dim;
  const row: usize = (<usize>dim) << 2;
  for (let r = 0; r < count; r += ROWS) {
    const rows = min(ROWS, count - r);
    const block = blockAt(call, r);
    const again = block + stateBytes(dim);
    const gradient = again + stateBytes(padded(dim, NR));
    const known = gradient + stateBytes(padded(dim, MR));
    packB(states + <usize>r * row, 4, row, dim, rows, block);
    packB(states + <usize>r * row, row, 4, rows, dim, again);
    if (scale !== 1) {
      const by = f32x4.splat(scale);
      for (let at = block; at < gradient; at += 16) v128.store(at, f32x4.mul(v128.load(at), by));
    }
    memory.fill(gradient, 0, known - gradient);
    memory.fill(known, 0, ROWS_STATE * PANELS);
    for (let p: usize = 0; p < ROWS_STATE * PANELS; p += ROWS_STATE) {
      // Finite, for the difference of two of them is taken.
      v128.store(known + p, f32x4.splat(-f32.MAX_VALUE), HIGHEST);
      v128.store(known + p, f32x4.splat(-f32.MAX_VALUE), HIGHEST + 16);
    }
  }
}

/** Packs a tile of the table, and, if wanted, its transpose. */
function packItems(call: Call, item: i32, both: bool): void {
  const dim = call.dim;
  const row: usize = (<usize>dim) << 2;
  const count = min(ITEMS, call.items - item);
  const from = call.table + <usize>item * row;
  let to = tileAt(call, item);
  for (let v = 0; v < count; v += MR) {
    packA(from + <usize>v * row, row, 4, min(MR, count - v), dim, to + <usize>v * row, row);
  }
  if (!both) return;
  to += packedBytes(dim);
  for (let d = 0; d < dim; d += MR) {
    packA(from + ((<usize>d) << 2), 4, row, min(MR, dim - d), count, to + <usize>d * ITEMS * 4, (<usize>count) << 2);
  }
}

/** The logits of a panel. */
function logits(call: Call, states: usize, item: i32, packed: usize, panel: usize): void {
  const dim = call.dim;
  const count = min(ITEMS, call.items - item);
  if (call.bias) {
    let from = call.bias + ((<usize>item) << 2);
    const end = panel + <usize>count * PANEL_ROW;
    for (let to = panel; to < end; to += PANEL_ROW) {
      const value = v128.load_splat<f32>(from);
      v128.store(to, value);
      v128.store(to, value, 16);
      from += 4;
    }
  }
  let to = panel;
  for (let v = 0; v < count; v += MR) {
    const rows = packed + ((<usize>v * dim) << 2);
    tileOf6(1, dim, rows, (<usize>dim) << 2, states, call.bias ? to : 0, PANEL_ROW, to, PANEL_ROW);
    to += PANEL_ROW * MR;
  }
}

/** Takes a tile into the maxima and sums of a block; where tiles are kept, leaves its exponentials. */
function firstPass(call: Call, row: i32, rows: i32, item: i32): void {
  const dim = call.dim;
  const count = min(ITEMS, call.items - item);
  const tile = tileAt(call, item);
  const panels = tile + packedBytes(dim) + packedBytes(padded(dim, MR));
  const block = blockAt(call, row);
  const known = block + stateBytes(dim) + stateBytes(padded(dim, NR)) + stateBytes(padded(dim, MR));
  for (let r = 0; r < rows; r += NR) {
    const p: usize = r / NR;
    const panel = panels + p * PANEL_LOGITS;
    const state = known + p * ROWS_STATE;
    logits(call, block + p * PANEL_ROW * dim, item, tile, panel);
    for (let i = r; i < min(r + NR, rows); i++) {
      const at = load<i32>(call.targets + ((<usize>(row + i)) << 2)) - item;
      const lane: usize = i - r;
      if (at >= 0 && at < count) {
        store<f64>(state + lane * 8, <f64>load<f32>(panel + <usize>at * PANEL_ROW + lane * 4), FIT);
      }
    }
    if (call.smoothing !== 0) sumLogits(panel, count, state);
    exponentials(panel, count, state);
    if (!call.kept) continue;
    const highest = panels + LOGITS + p * PANEL_ROW;
    v128.store(highest, v128.load(state, HIGHEST));
    v128.store(highest, v128.load(state, HIGHEST + 16), 16);
  }
}

function sumLogits(panel: usize, count: i32, state: usize): void {
  let left = f32x4.splat(0);
  let right = left;
  const end = panel + <usize>count * PANEL_ROW;
  for (let at = panel; at < end; at += PANEL_ROW) {
    left = f32x4.add(left, v128.load(at));
    right = f32x4.add(right, v128.load(at, 16));
  }
  const one = f32x4.splat(1);
  addDouble(state + SUM, one, left);
  addDouble(state + SUM + 32, one, right);
}

/** x ← e^(x - the highest so far) */
function exponentials(panel: usize, count: i32, state: usize): void {
  const end = panel + <usize>count * PANEL_ROW;
  const before = v128.load(state, HIGHEST);
  const beforeRight = v128.load(state, HIGHEST + 16);
  let highest = before;
  let highestRight = beforeRight;
  for (let at = panel; at < end; at += PANEL_ROW) {
    // A NaN is passed over here: it will make the sum NaN.
    highest = f32x4.pmax(highest, v128.load(at));
    highestRight = f32x4.pmax(highestRight, v128.load(at, 16));
  }
  let left = f32x4.splat(0);
  let right = left;
  for (let at = panel; at < end; at += PANEL_ROW) {
    const x = expNegative4(f32x4.sub(v128.load(at), highest));
    const y = expNegative4(f32x4.sub(v128.load(at, 16), highestRight));
    v128.store(at, x);
    v128.store(at, y, 16);
    left = f32x4.add(left, x);
    right = f32x4.add(right, y);
  }
  addDouble(state + TOTAL, expNegative4(f32x4.sub(before, highest)), left);
  addDouble(state + TOTAL + 32, expNegative4(f32x4.sub(beforeRight, highestRight)), right);
  v128.store(state, highest, HIGHEST);
  v128.store(state, highestRight, HIGHEST + 16);
}

/** Four doubles: sum ← sum · factor + x */
function addDouble(sum: usize, factor: v128, x: v128): void {
  const low = f64x2.mul(v128.load(sum), f64x2.promote_low_f32x4(factor));
  const high = f64x2.mul(v128.load(sum, 16), f64x2.promote_low_f32x4(v128.shuffle<u64>(factor, factor, 1, 1)));
  v128.store(sum, f64x2.add(low, f64x2.promote_low_f32x4(x)));
  v128.store(sum, f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<u64>(x, x, 1, 1))), 16);
}

/** The loss of the group; prepares the second pass. */
function finish(call: Call, count: i32): f64 {
  const dim = call.dim;
  const smoothing = <f64>call.smoothing;
  const offset = stateBytes(dim) + stateBytes(padded(dim, NR)) + stateBytes(padded(dim, MR));
  let loss: f64 = 0;
  for (let r = 0; r < count; r++) {
    const state = blockAt(call, r) + offset + <usize>((r % ROWS) / NR) * ROWS_STATE;
    const lane: usize = r % NR;
    const weight = <f64>load<f32>(call.weights + ((<usize>r) << 2));
    const total = load<f64>(state + lane * 8, TOTAL);
    const highest = <f64>load<f32>(state + lane * 4, HIGHEST);
    let fit = load<f64>(state + lane * 8, FIT) - highest;
    if (smoothing !== 0) {
      const mean = load<f64>(state + lane * 8, SUM) / <f64>call.items - highest;
      fit = (1 - smoothing) * fit + smoothing * mean;
    }
    // The logarithm of a NaN would be a number.
    loss += isNaN(total) ? total : weight * (<f64>log1(<f32>total) - fit);
    store<f32>(state + lane * 4, <f32>(weight / total), FACTOR);
  }
  return loss;
}

/** Takes a tile into the gradients. */
function secondPass(call: Call, row: i32, rows: i32, item: i32): void {
  const dim = call.dim;
  const count = min(ITEMS, call.items - item);
  const tile = tileAt(call, item);
  const transposed = tile + packedBytes(dim);
  const panels = transposed + packedBytes(padded(dim, MR));
  const block = blockAt(call, row);
  const gradient = block + stateBytes(dim) + stateBytes(padded(dim, NR));
  const known = gradient + stateBytes(padded(dim, MR));
  for (let r = 0; r < rows; r += NR) {
    const p: usize = r / NR;
    const panel = panels + p * PANEL_LOGITS;
    const state = known + p * ROWS_STATE;
    if (call.kept) rescale(panel, count, state, panels + LOGITS + p * PANEL_ROW);
    else {
      logits(call, block + p * PANEL_ROW * dim, item, tile, panel);
      softmax(panel, count, state);
    }
    subtractTargets(call, row + r, min(NR, rows - r), item, panel);
    const to = gradient + p * PANEL_ROW * padded(dim, MR);
    for (let d = 0; d < dim; d += MR) {
      addSum(count, transposed + <usize>d * ITEMS * 4, panel, to + <usize>d * PANEL_ROW, call);
    }
  }
  if (call.dBias) addBiasGradient(panels, divided(rows, NR), count, call.dBias + ((<usize>item) << 2));
  addTableGradient(call, block + stateBytes(dim), rows, item, panels);
}

/** Adds a product to the tile `to` [6][8] in one addition: the sum of all tiles is then exact enough for a million items. */
function addSum(count: i32, a: usize, b: usize, to: usize, call: Call): void {
  const tile = call.scratch;
  tileOf6(1, count, a, (<usize>count) << 2, b, 0, 0, tile, PANEL_ROW);
  for (let i: usize = 0; i < PANEL_ROW * MR; i += 16) {
    v128.store(to + i, f32x4.add(v128.load(to + i), v128.load(tile + i)));
  }
}

/** x ← x · e^(the highest then - the highest) · factor */
function rescale(panel: usize, count: i32, state: usize, then: usize): void {
  const left = f32x4.mul(
    expNegative4(f32x4.sub(v128.load(then), v128.load(state, HIGHEST))),
    v128.load(state, FACTOR),
  );
  const right = f32x4.mul(
    expNegative4(f32x4.sub(v128.load(then, 16), v128.load(state, HIGHEST + 16))),
    v128.load(state, FACTOR + 16),
  );
  const end = panel + <usize>count * PANEL_ROW;
  for (let at = panel; at < end; at += PANEL_ROW) {
    v128.store(at, f32x4.mul(v128.load(at), left));
    v128.store(at, f32x4.mul(v128.load(at, 16), right), 16);
  }
}

/** x ← e^(x - the highest) · factor */
function softmax(panel: usize, count: i32, state: usize): void {
  const left = v128.load(state, FACTOR);
  const right = v128.load(state, FACTOR + 16);
  const highest = v128.load(state, HIGHEST);
  const highestRight = v128.load(state, HIGHEST + 16);
  const end = panel + <usize>count * PANEL_ROW;
  for (let at = panel; at < end; at += PANEL_ROW) {
    v128.store(at, f32x4.mul(expNegative4(f32x4.sub(v128.load(at), highest)), left));
    v128.store(at, f32x4.mul(expNegative4(f32x4.sub(v128.load(at, 16), highestRight)), right), 16);
  }
}

/** Subtracts weight · p. */
function subtractTargets(call: Call, row: i32, rows: i32, item: i32, panel: usize): void {
  const count = min(ITEMS, call.items - item);
  const smoothing = call.smoothing;
  for (let i = 0; i < rows; i++) {
    const weight = load<f32>(call.weights + ((<usize>(row + i)) << 2));
    const column = panel + ((<usize>i) << 2);
    if (smoothing !== 0) {
      const share = (weight * smoothing) / <f32>call.items;
      const end = column + <usize>count * PANEL_ROW;
      for (let at = column; at < end; at += PANEL_ROW) store<f32>(at, load<f32>(at) - share);
    }
    const at = load<i32>(call.targets + ((<usize>(row + i)) << 2)) - item;
    if (at < 0 || at >= count) continue;
    const place = column + <usize>at * PANEL_ROW;
    store<f32>(place, load<f32>(place) - weight * (1 - smoothing));
  }
}

/** Adds slopesᵀ · states to the table's gradient. */
function addTableGradient(call: Call, states: usize, rows: i32, item: i32, panels: usize): void {
  const dim = call.dim;
  const row: usize = (<usize>dim) << 2;
  const count = min(ITEMS, call.items - item);
  const slopes = call.slopes;
  const slopesRow: usize = (<usize>rows) << 2;
  let to = call.dTable + <usize>item * row;
  for (let v = 0; v < count; v += MR) {
    const width = min(MR, count - v);
    for (let r = 0; r < rows; r += NR) {
      const from = panels + <usize>(r / NR) * PANEL_LOGITS + <usize>v * PANEL_ROW;
      packA(from, PANEL_ROW, 4, width, min(NR, rows - r), slopes + ((<usize>r) << 2), slopesRow);
    }
    addPacked(width, dim, rows, slopes, slopesRow, 4, false, states, to, row, call.scratch);
    to += MR * row;
  }
}

/** Adds the sum of the slopes of each item; rows that a panel lacks have the slope 0. */
function addBiasGradient(panels: usize, used: i32, count: i32, to: usize): void {
  for (let v = 0; v < count; v++) {
    let at = panels + <usize>v * PANEL_ROW;
    let sum = f32x4.splat(0);
    for (let p = 0; p < used; p++) {
      sum = f32x4.add(sum, f32x4.add(v128.load(at), v128.load(at, 16)));
      at += PANEL_LOGITS;
    }
    store<f32>(to, load<f32>(to) + sumLanes(sum));
    to += 4;
  }
}

/** The gradient by the states from its panels. */
function unpackGradient(call: Call, to: usize, count: i32, scale: f32): void {
  const dim = call.dim;
  const offset = stateBytes(dim) + stateBytes(padded(dim, NR));
  const panel = PANEL_ROW * padded(dim, MR);
  for (let r = 0; r < count; r++) {
    let from = blockAt(call, r) + offset + <usize>((r % ROWS) / NR) * panel + ((<usize>(r % NR)) << 2);
    for (let d = 0; d < dim; d++) {
      store<f32>(to, scale * load<f32>(from));
      from += PANEL_ROW;
      to += 4;
    }
  }
}
