/** The best items of rows of scores, and the ranks of targets. */
import { LOWEST, program, total } from './program.ts';

const LANES = 256;
/** Lanes of a sort, which wait for each other at every step. */
const FEW = 64;

/** Takes excluded items out of the race: a workgroup for each row of scores. */
export const exclude = program({
  name: 'exclude',
  lanes: LANES,
  inputs: { excluded: 'i32', offsets: 'i32' },
  outputs: { scores: 'f32' },
  numbers: { rows: 'i32', first: 'i32', items: 'i32' },
  code: /* wgsl */ `
fn run(row: i32, lane: i32) {
  if (row >= u.rows) { return; }
  for (var at = offsets[u.first + row] + lane; at < offsets[u.first + row + 1]; at += ${LANES}) {
    scores[row * u.items + excluded[at]] = ${LOWEST};
  }
}`,
});

/** Takes out what was chosen before. */
export const excludeChosen = program({
  name: 'excludeChosen',
  lanes: LANES,
  inputs: { chosen: 'i32' },
  outputs: { scores: 'f32' },
  numbers: { rows: 'i32', first: 'i32', k: 'i32', items: 'i32', column: 'i32', count: 'i32' },
  code: /* wgsl */ `
fn run(row: i32, lane: i32) {
  if (row >= u.rows) { return; }
  for (var i = lane; i < u.count; i += ${LANES}) {
    let item = chosen[(u.first + row) * u.k + u.column + i];
    if (item >= 0) { scores[row * u.items + item] = ${LOWEST}; }
  }
}`,
});

/** Candidates that a workgroup sorts, for lists that are short and for others; lists hold at most half of them. */
export const SORTED = { short: 256, long: 1024 } as const;

/**
 * Of every `sorted` candidates of a row the best `k`, best first, equal scores by ascending item. Candidates are items
 * 0 … count-1, or those named by `items`, where -1 is none. A score that is not a number is the best candidate of all,
 * and its item becomes -2 - item. A list begins in row `first` and `column` of rows of `stride`.
 */
export const bestOfBlocks = program({
  name: 'bestOfBlocks',
  lanes: FEW,
  inputs: { scores: 'f32', items: 'i32' },
  outputs: { bestItems: 'i32', bestScores: 'f32' },
  numbers: {
    rows: 'i32',
    count: 'i32',
    blocks: 'i32',
    k: 'i32',
    first: 'i32',
    stride: 'i32',
    column: 'i32',
    noScore: 'f32',
  },
  constants: ['named', 'sorted'],
  code: /* wgsl */ `
const none = 0x7fffffff;
var<workgroup> sortedScores: array<f32, sorted>;
var<workgroup> sortedItems: array<i32, sorted>;

/** Whether the candidate at i goes before the one at j. */
fn before(i: i32, j: i32) -> bool {
  let a = sortedScores[i];
  let b = sortedScores[j];
  return a > b || (a == b && sortedItems[i] < sortedItems[j]);
}

fn run(group: i32, lane: i32) {
  if (group >= u.rows * u.blocks) { return; }
  let row = group / u.blocks;
  let block = group % u.blocks;
  for (var i = lane; i < sorted; i += ${FEW}) {
    let candidate = block * sorted + i;
    var score = ${LOWEST};
    var item = none;
    if (candidate < u.count) {
      let at = row * u.count + candidate;
      var name = candidate;
      if (named) { name = items[at]; }
      let bits = bitcast<u32>(scores[at]);
      if (name <= -2 || (bits & 0x7fffffffu) > 0x7f800000u) { // not a number
        score = ${LOWEST.slice(1)};
        item = select(-2 - name, name, name <= -2);
      } else if (name >= 0 && scores[at] > ${LOWEST}) {
        score = scores[at];
        item = name;
      }
    }
    sortedScores[i] = score;
    sortedItems[i] = item;
  }
  workgroupBarrier();
  // Bitonic.
  for (var size = 2; size <= sorted; size *= 2) {
    for (var step = size / 2; step > 0; step /= 2) {
      for (var i = lane; i < sorted / 2; i += ${FEW}) {
        let low = i / step * step * 2 + i % step;
        let descending = (low & size) == 0;
        if (before(low + step, low) == descending) {
          let score = sortedScores[low];
          let item = sortedItems[low];
          sortedScores[low] = sortedScores[low + step];
          sortedItems[low] = sortedItems[low + step];
          sortedScores[low + step] = score;
          sortedItems[low + step] = item;
        }
      }
      workgroupBarrier();
    }
  }
  for (var i = lane; i < u.k; i += ${FEW}) {
    let to = (u.first + row) * u.stride + u.column + block * u.k + i;
    bestItems[to] = select(sortedItems[i], -1, sortedItems[i] == none);
    bestScores[to] = select(sortedScores[i], u.noScore, sortedItems[i] == none);
  }
}`,
});

/** For each target the number of candidates with its score or a higher one: a workgroup for each row and place. */
export const ranks = program({
  name: 'ranks',
  lanes: LANES,
  inputs: { scores: 'f32', targets: 'i32', offsets: 'i32' },
  outputs: { found: 'i32' },
  numbers: { count: 'i32', rows: 'i32', first: 'i32', items: 'i32', firstTarget: 'i32' },
  code: /* wgsl */ `${total(LANES)}
fn run(group: i32, lane: i32) {
  if (group >= u.count) { return; }
  let place = u.firstTarget + group;
  var low = 0; // the row of the target
  var high = u.rows;
  while (low + 1 < high) {
    let middle = (low + high) / 2;
    if (offsets[u.first + middle] <= place) { low = middle; } else { high = middle; }
  }
  let begin = low * u.items;
  let own = scores[begin + targets[place]];
  var count = 0.0;
  var bad = 0.0; // the last item + 1 whose score is not a number, of this lane
  for (var i = lane; i < u.items; i += ${LANES}) {
    let score = scores[begin + i];
    if ((bitcast<u32>(score) & 0x7fffffffu) > 0x7f800000u) { bad = f32(i + 1); }
    if (score >= own) { count += 1.0; }
  }
  let sum = total(lane, count);
  parts[lane] = bad;
  workgroupBarrier();
  if (lane != 0) { return; }
  found[place] = i32(sum);
  for (var i = 0; i < ${LANES}; i++) {
    if (parts[i] > 0.0) { found[place] = -i32(parts[i]); }
  }
}`,
});
