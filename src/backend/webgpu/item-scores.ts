/** Scores of a catalogue: all of them, the best of each state, or the ranks of targets. */
import type * as tf from '@tensorflow/tfjs-core';
import { bestOfBlocks, exclude, excludeChosen, ranks, SORTED } from '../../kernels/webgpu/item-scores.ts';
import { most } from './chunks.ts';
import type { Gpu } from './gpu.ts';
import type { WebgpuKernel } from './kernel.ts';
import { multiply } from './mat-mul.ts';

type Inputs = { readonly [name in 'states' | 'table']: tf.TensorInfo } & {
  readonly [name in 'bias' | 'excluded' | 'excludedOffsets']?: tf.TensorInfo;
};

export const itemScoresKernels: readonly WebgpuKernel[] = [
  {
    name: 'SeqrecItemScores',
    run: ({ inputs, attrs }, gpu) => {
      const all = inputs as unknown as Inputs;
      return scores(gpu, all, (attrs as { scale: number }).scale, 0, all.states.shape[0] as number);
    },
  },
  {
    /** `[B, k]` rows (int32) and scores, as `topScores` in kernels/wasm/assembly/item-scores.ts writes them. */
    name: 'SeqrecTopScores',
    run({ inputs, attrs }, gpu) {
      const all = inputs as unknown as Inputs;
      const { k, scale } = attrs as { k: number; scale: number };
      const count = all.states.shape[0] as number;
      const out = [gpu.output([count, k], 'int32'), gpu.output([count, k])] as const;
      inChunks(gpu, all, scale, (candidates, first, rows) => best(gpu, candidates, rows, k, out, first));
      return [...out];
    },
  },
  {
    /** `[targets]` int32, as `targetRanks` in kernels/wasm/assembly/item-scores.ts writes them. */
    name: 'SeqrecTargetRanks',
    run({ inputs, attrs }, gpu) {
      const all = inputs as unknown as Inputs & Record<'targets' | 'targetOffsets', tf.TensorInfo>;
      const { targets, targetOffsets: offsets } = all;
      const items = all.table.shape[0] as number;
      const found = gpu.output(targets.shape, 'int32');
      const bounds = gpu.integers(offsets) as Int32Array;
      inChunks(gpu, all, (attrs as { scale: number }).scale, (candidates, first, rows) => {
        const firstTarget = bounds[first] as number;
        const count = (bounds[first + rows] as number) - firstTarget;
        gpu.run(ranks, {
          inputs: { scores: candidates, targets, offsets },
          outputs: { found },
          numbers: { count, rows, first, items, firstTarget },
          groups: count,
        });
      });
      return found;
    },
  },
];

function scores(gpu: Gpu, { states, table, bias }: Inputs, scale: number, first: number, rows: number): tf.TensorInfo {
  return multiply(gpu, { a: states, of: [first, rows], b: table, transposeB: true, bias, scale, biasScale: scale });
}

/** Calls `visit` with the scores of some states at a time, without those of excluded items. */
function inChunks(
  gpu: Gpu,
  all: Inputs,
  scale: number,
  visit: (scores: tf.TensorInfo, first: number, rows: number) => void,
): void {
  const { states, table, excluded, excludedOffsets: offsets } = all;
  const [count, items] = [states.shape[0] as number, table.shape[0] as number];
  const size = Math.max(1, Math.floor(most.scores / items));
  for (let first = 0; first < count; first += size) {
    const rows = Math.min(size, count - first);
    const candidates = scores(gpu, all, scale, first, rows);
    if (excluded && offsets) {
      gpu.run(exclude, {
        inputs: { excluded, offsets },
        outputs: { scores: candidates },
        numbers: { rows, first, items },
        groups: rows,
      });
    }
    visit(candidates, first, rows);
    gpu.dispose(candidates);
  }
}

/** The most items that are chosen in one pass: half of what a workgroup sorts, so that each stage halves the candidates. */
const CHOSEN = SORTED.long / 2;

type Best = readonly [items: tf.TensorInfo, scores: tf.TensorInfo];

/** The best `k` items of `rows` rows of scores, which it changes, into rows of `out` from `first` on. */
function best(gpu: Gpu, scores: tf.TensorInfo, rows: number, k: number, out: Best, first: number): void {
  for (let column = 0; column < k; column += CHOSEN) {
    const chosen = Math.min(CHOSEN, k - column);
    const sorted = chosen <= SORTED.short / 4 ? SORTED.short : SORTED.long;
    let candidates: Best | undefined;
    let blocks: number;
    do {
      const count = (candidates?.[0] ?? scores).shape[1] as number;
      blocks = Math.ceil(count / sorted);
      const last = blocks === 1;
      const length = blocks * chosen;
      const to: Best = last ? out : [gpu.output([rows, length], 'int32'), gpu.output([rows, length])];
      gpu.run(bestOfBlocks, {
        inputs: { scores: candidates?.[1] ?? scores, items: candidates?.[0] },
        outputs: { bestItems: to[0], bestScores: to[1] },
        numbers: {
          rows,
          count,
          blocks,
          k: chosen,
          first: last ? first : 0,
          stride: last ? k : length,
          column: last ? column : 0,
          noScore: -Infinity,
        },
        constants: { named: candidates !== undefined, sorted },
        groups: rows * blocks,
      });
      if (candidates) gpu.dispose(...candidates);
      candidates = to;
    } while (blocks > 1);
    if (column + chosen === k) return;
    // The next pass chooses among the others.
    gpu.run(excludeChosen, {
      inputs: { chosen: out[0] },
      outputs: { scores },
      numbers: { rows, first, k, items: scores.shape[1] as number, column, count: chosen },
      groups: rows,
    });
  }
}
