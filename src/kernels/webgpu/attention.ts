/** Attention over ragged rows and its gradients, with the scores computed again in each program. */
import { hash } from './dropout.ts';
import { LANES, LOWEST, program } from './program.ts';

/**
 * What all programs share. `layouts` holds, one after the other, the offsets (count + 1) and starts (count) of the
 * queries and those of the keys. Each invocation has one row and one head of `width` columns; sums go in the order of
 * the rows.
 */
const common = /* wgsl */ `${hash}

fn queryOffset(b: i32) -> i32 { return layouts[b]; }
fn queryStart(b: i32) -> i32 { return layouts[u.count + 1 + b]; }
fn keyOffset(b: i32) -> i32 { return layouts[2 * u.count + 1 + b]; }
fn keyStart(b: i32) -> i32 { return layouts[3 * u.count + 2 + b]; }

/** The sequence that a row belongs to, of those whose offsets begin at first; -1 for a row past the last one. */
fn sequenceOf(row: i32, first: i32) -> i32 {
  if (row >= layouts[first + u.count]) { return -1; }
  var low = 0;
  var high = u.count;
  while (low + 1 < high) {
    let middle = (low + high) / 2;
    if (layouts[first + middle] <= row) { low = middle; } else { high = middle; }
  }
  return low;
}

/** Where the rows of a head begin. */
fn place(row: i32, head: i32) -> i32 { return (row * u.heads + head) * width; }

/** The place of a score in the bias. */
fn biasPlace(head: i32, query: i32, key: i32) -> i32 {
  return (head * u.headTables * u.positions + query) * u.positions + key;
}`;

/** The product of a row of `a` with one of `b`. */
const dot = (name: string, a: string, b: string) => /* wgsl */ `
fn ${name}(atA: i32, atB: i32) -> f32 {
  var sum = 0.0;
  for (var c = 0; c < width; c++) { sum += ${a}[atA + c] * ${b}[atB + c]; }
  return sum;
}`;

/** The score of a query and a key. */
const score = /* wgsl */ `${dot('queryKey', 'q', 'k')}
fn score(query: i32, key: i32, head: i32, queryPosition: i32, keyPosition: i32) -> f32 {
  var value = queryKey(place(query, head), place(key, head)) * u.scale;
  if (hasBias) { value += bias[biasPlace(head, queryPosition, keyPosition)]; }
  return value;
}`;

/** What dropout multiplies a weight by. */
const factor = /* wgsl */ `
fn factor(row: u32, keyPosition: i32) -> f32 {
  if (!hasDropout) { return 1.0; }
  return select(0.0, u.dropoutScale, dropoutBits(row, keyPosition) >= u.threshold);
}

fn factorRow(head: i32, b: i32, queryPosition: i32) -> u32 {
  return dropoutRow(dropoutKey(2 * head), dropoutKey(2 * head + 1), u.firstSequence + b, queryPosition);
}`;

const numbers = {
  /** Of the sequences. */
  count: 'i32',
  heads: 'i32',
  capacity: 'i32',
  positions: 'i32',
  /** 1 if every head has a bias of its own, else 0. */
  headTables: 'i32',
  firstSequence: 'i32',
  threshold: 'u32',
  dropoutScale: 'f32',
  scale: 'f32',
} as const;

const settings = {
  lanes: LANES,
  numbers,
  lists: ['dropoutKey'],
  constants: ['width', 'causal', 'hasBias', 'hasDropout'],
} as const;

/** The row, head, sequence and position of an invocation that has a query, and the keys that the query sees. */
const ofQuery = /* wgsl */ `
  let i = group * ${LANES} + lane;
  let query = i / u.heads;
  let head = i % u.heads;
  if (query >= u.capacity) { return; }
  let b = sequenceOf(query, 0);
  var queryPosition = 0;
  var firstKey = 0;
  var endKey = 0;
  var keyShift = 0; // from the row of a key to its position
  if (b >= 0) {
    queryPosition = queryStart(b) + query - queryOffset(b);
    firstKey = keyOffset(b);
    endKey = keyOffset(b + 1);
    keyShift = keyStart(b) - firstKey;
    if (causal) { endKey = clamp(queryPosition - keyShift + 1, firstKey, endKey); }
  }`;

/** The same of an invocation that has a key, and the queries that see it. */
const ofKey = /* wgsl */ `
  let i = group * ${LANES} + lane;
  let key = i / u.heads;
  let head = i % u.heads;
  if (key >= u.capacity) { return; }
  let b = sequenceOf(key, 2 * u.count + 1);
  var keyPosition = 0;
  var firstQuery = 0;
  var endQuery = 0;
  var queryShift = 0;
  if (b >= 0) {
    keyPosition = keyStart(b) + key - keyOffset(b);
    firstQuery = queryOffset(b);
    endQuery = queryOffset(b + 1);
    queryShift = queryStart(b) - firstQuery;
    if (causal) { firstQuery = clamp(keyPosition - queryShift, firstQuery, endQuery); }
  }`;

export const attention = program({
  ...settings,
  name: 'attention',
  inputs: { q: 'f32', k: 'f32', v: 'f32', layouts: 'i32', bias: 'f32' },
  outputs: { out: 'f32' },
  code: /* wgsl */ `${common}${score}${factor}
fn run(group: i32, lane: i32) {${ofQuery}
  let row = factorRow(head, b, queryPosition);
  var most = ${LOWEST};
  var total = 0.0;
  var sums: array<f32, width>;
  for (var key = firstKey; key < endKey; key++) {
    let keyPosition = key + keyShift;
    let value = score(query, key, head, queryPosition, keyPosition);
    if (value > most) {
      let shrink = exp(most - value);
      most = value;
      total *= shrink;
      for (var c = 0; c < width; c++) { sums[c] *= shrink; }
    }
    let weight = exp(value - most);
    total += weight;
    let kept = weight * factor(row, keyPosition);
    if (kept != 0.0) {
      let begin = place(key, head);
      for (var c = 0; c < width; c++) { sums[c] += kept * v[begin + c]; }
    }
  }
  let inverse = select(0.0, 1.0 / total, endKey > firstKey);
  let to = place(query, head);
  for (var c = 0; c < width; c++) { out[to + c] = sums[c] * inverse; }
}`,
});

/** `statistics` [queries, heads, 3]: the highest score, 1 / Σ e^(score - highest), Σ weight · its gradient. */
export const attentionQueryGradient = program({
  ...settings,
  name: 'attentionQueryGradient',
  inputs: { q: 'f32', k: 'f32', v: 'f32', dy: 'f32', layouts: 'i32', bias: 'f32' },
  outputs: { dq: 'f32', statistics: 'f32' },
  code: /* wgsl */ `${common}${score}${factor}${dot('upstreamValue', 'dy', 'v')}
fn run(group: i32, lane: i32) {${ofQuery}
  let row = factorRow(head, b, queryPosition);
  let to = place(query, head);
  var most = ${LOWEST};
  var total = 0.0;
  var along = 0.0;
  for (var key = firstKey; key < endKey; key++) {
    let keyPosition = key + keyShift;
    let value = score(query, key, head, queryPosition, keyPosition);
    if (value > most) {
      let shrink = exp(most - value);
      most = value;
      total *= shrink;
      along *= shrink;
    }
    let weight = exp(value - most);
    total += weight;
    along += weight * factor(row, keyPosition) * upstreamValue(to, place(key, head));
  }
  let inverse = select(0.0, 1.0 / total, endKey > firstKey);
  along *= inverse;
  var sums: array<f32, width>;
  for (var key = firstKey; key < endKey; key++) {
    let keyPosition = key + keyShift;
    let weight = exp(score(query, key, head, queryPosition, keyPosition) - most) * inverse;
    let begin = place(key, head);
    let slope = weight * (factor(row, keyPosition) * upstreamValue(to, begin) - along);
    for (var c = 0; c < width; c++) { sums[c] += slope * k[begin + c]; }
  }
  for (var c = 0; c < width; c++) { dq[to + c] = sums[c] * u.scale; }
  let place = 3 * (query * u.heads + head);
  statistics[place] = most;
  statistics[place + 1] = inverse;
  statistics[place + 2] = along;
}`,
});

/** The weight of a query for a key, and the slope by its score. */
const weight = /* wgsl */ `
fn weight(query: i32, key: i32, head: i32, queryPosition: i32, keyPosition: i32) -> f32 {
  let at = 3 * (query * u.heads + head);
  return exp(score(query, key, head, queryPosition, keyPosition) - statistics[at]) * statistics[at + 1];
}`;
const slope = /* wgsl */ `${weight}${dot('upstreamValue', 'dy', 'v')}
fn slope(query: i32, key: i32, head: i32, b: i32, queryPosition: i32, keyPosition: i32) -> f32 {
  let upstream = factor(factorRow(head, b, queryPosition), keyPosition) * upstreamValue(place(query, head), place(key, head));
  let along = statistics[3 * (query * u.heads + head) + 2];
  return weight(query, key, head, queryPosition, keyPosition) * (upstream - along);
}`;

export const attentionKeyGradient = program({
  ...settings,
  name: 'attentionKeyGradient',
  inputs: { q: 'f32', k: 'f32', v: 'f32', dy: 'f32', statistics: 'f32', layouts: 'i32', bias: 'f32' },
  outputs: { dk: 'f32' },
  code: /* wgsl */ `${common}${score}${factor}${slope}
fn run(group: i32, lane: i32) {${ofKey}
  var sums: array<f32, width>;
  for (var query = firstQuery; query < endQuery; query++) {
    let along = slope(query, key, head, b, query + queryShift, keyPosition) * u.scale;
    let begin = place(query, head);
    for (var c = 0; c < width; c++) { sums[c] += along * q[begin + c]; }
  }
  let to = place(key, head);
  for (var c = 0; c < width; c++) { dk[to + c] = sums[c]; }
}`,
});

export const attentionValueGradient = program({
  ...settings,
  name: 'attentionValueGradient',
  inputs: { q: 'f32', k: 'f32', dy: 'f32', statistics: 'f32', layouts: 'i32', bias: 'f32' },
  outputs: { dv: 'f32' },
  code: /* wgsl */ `${common}${score}${factor}${weight}
fn run(group: i32, lane: i32) {${ofKey}
  var sums: array<f32, width>;
  for (var query = firstQuery; query < endQuery; query++) {
    let queryPosition = query + queryShift;
    let kept = factor(factorRow(head, b, queryPosition), keyPosition);
    if (kept == 0.0) { continue; }
    let along = kept * weight(query, key, head, queryPosition, keyPosition);
    let begin = place(query, head);
    for (var c = 0; c < width; c++) { sums[c] += along * dy[begin + c]; }
  }
  let to = place(key, head);
  for (var c = 0; c < width; c++) { dv[to + c] = sums[c]; }
}`,
});

/** Each invocation has one value of the bias, `capacity` of them in all, and adds over sequences and heads that read it. */
export const attentionBiasGradient = program({
  ...settings,
  name: 'attentionBiasGradient',
  inputs: { q: 'f32', k: 'f32', v: 'f32', dy: 'f32', statistics: 'f32', layouts: 'i32', bias: 'f32' },
  outputs: { dBias: 'f32' },
  code: /* wgsl */ `${common}${score}${factor}${slope}
fn run(group: i32, lane: i32) {
  let i = group * ${LANES} + lane;
  if (i >= u.capacity) { return; }
  let keyPosition = i % u.positions;
  let queryPosition = i / u.positions % u.positions;
  let table = i / u.positions / u.positions;
  let firstHead = select(0, table, u.headTables == 1);
  let endHead = select(u.heads, table + 1, u.headTables == 1);
  var sum = 0.0;
  for (var b = 0; b < u.count; b++) {
    let query = queryOffset(b) + queryPosition - queryStart(b);
    let key = keyOffset(b) + keyPosition - keyStart(b);
    if (query < queryOffset(b) || query >= queryOffset(b + 1)) { continue; }
    if (key < keyOffset(b) || key >= keyOffset(b + 1)) { continue; }
    if (causal && keyPosition > queryPosition) { continue; }
    for (var head = firstHead; head < endHead; head++) {
      sum += slope(query, key, head, b, queryPosition, keyPosition);
    }
  }
  dBias[i] = sum;
}`,
});
