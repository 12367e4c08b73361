/** The points of the curves, from the progress that `fit` reports. */
import type { FitProgress } from 'seqrec';
import type { Progress } from '../messages.ts';

/** Milliseconds between two points, but at the end of an epoch there always is one. */
const PAUSE = 100;

/** Adds a point in place of those that it repeats: after a GPU was lost, training goes back a little. */
export function push(points: Progress[], point: Progress): void {
  while ((points.at(-1)?.at ?? -1) >= point.at) points.pop();
  points.push(point);
}

/** Collects points after those `before`, and hands on each of them, the earlier ones too. */
export function points(before: readonly Progress[], show: (point: Progress) => void) {
  const all = [...before];
  for (const point of all) show(point);
  let from = { epoch: 0, step: 0, sum: 0 };
  let shown = -Infinity;
  return {
    points: all,
    add({ epoch, epochs, step, steps, loss, validation, sequencesPerSecond, remainingSeconds }: FitProgress) {
      if (epoch !== from.epoch || step < from.step) from = { epoch, step: 0, sum: 0 };
      const now = performance.now();
      if (!validation && now - shown < PAUSE) return;
      shown = now;
      // What is reported is the mean since the epoch began; a curve wants that since its last point.
      const mean = step > from.step ? (loss * step - from.sum) / (step - from.step) : (all.at(-1)?.loss ?? loss);
      from = { epoch, step, sum: loss * step };
      const at = epoch - 1 + step / steps;
      const ndcg = validation?.['NDCG@10'];
      const point = { epoch, epochs, at, loss: mean, ndcg, sequencesPerSecond, remainingSeconds };
      push(all, point);
      show(point);
    },
  };
}
