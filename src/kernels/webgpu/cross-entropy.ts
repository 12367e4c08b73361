/** Softmax over rows of logits. */
import { highest, LOWEST, program, total } from './program.ts';

const LANES = 256;

/**
 * A workgroup for each row. The loss of the row goes to `losses` [first + row]; where gradients are wanted, the logits
 * become weight · (softmax - (1 - ε) [is target] - ε / columns).
 */
export const softmaxLoss = program({
  name: 'softmaxLoss',
  lanes: LANES,
  inputs: { targets: 'i32', weights: 'f32' },
  outputs: { logits: 'f32', losses: 'f32' },
  numbers: { rows: 'i32', columns: 'i32', first: 'i32', smoothing: 'f32' },
  constants: ['wanted'],
  code: /* wgsl */ `${total(LANES)}${highest(LANES)}
fn run(row: i32, lane: i32) {
  if (row >= u.rows) { return; }
  let begin = row * u.columns;
  let columnShare = 1.0 / f32(u.columns);
  var most = ${LOWEST};
  for (var c = lane; c < u.columns; c += ${LANES}) { most = max(most, logits[begin + c]); }
  most = highest(lane, most);
  var sum = 0.0;
  var rest = 0.0; // of the logits, for smoothing
  for (var c = lane; c < u.columns; c += ${LANES}) {
    let shifted = logits[begin + c] - most;
    sum += exp(shifted);
    rest += shifted;
  }
  sum = total(lane, sum);
  rest = total(lane, rest) * columnShare;
  let target_ = targets[u.first + row];
  let weight = weights[u.first + row];
  if (lane == 0) {
    let fit = (1.0 - u.smoothing) * (logits[begin + target_] - most) + u.smoothing * rest;
    losses[u.first + row] = weight * (log(sum) - fit);
  }
  if (wanted) {
    storageBarrier();
    workgroupBarrier();
    let share = weight * u.smoothing * columnShare;
    for (var c = lane; c < u.columns; c += ${LANES}) {
      var slope = weight / sum * exp(logits[begin + c] - most) - share;
      if (c == target_) { slope -= weight * (1.0 - u.smoothing); }
      logits[begin + c] = slope;
    }
  }
}`,
});
