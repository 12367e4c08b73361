/** Scores of a catalogue: all of them, the best of each state, or the ranks of targets. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Wasm, WasmKernel } from '../wasm-kernels.ts';

interface Functions {
  itemScoresScratch(states: number): number;
  itemScores(...args: [...Common, out: number]): void;
  topScores(...args: [...Common, ...Excluded, k: number, rows: number, scores: number, scratch: number]): void;
  targetRanks(
    ...args: [
      ...Common,
      targets: number,
      targetOffsets: number,
      ...Excluded,
      ranks: number,
      targetScores: number,
      scratch: number,
    ]
  ): void;
}

type Common = [states: number, count: number, width: number, table: number, items: number, bias: number, scale: number];
type Excluded = [excluded: number, excludedOffsets: number];

type Inputs = { readonly [name in 'states' | 'table']: tf.TensorInfo } & {
  readonly [name in 'bias' | 'excluded' | 'excludedOffsets']?: tf.TensorInfo;
};

export const itemScoresKernels: readonly WasmKernel[] = [
  {
    name: 'SeqrecItemScores',
    run({ inputs, attrs }, wasm) {
      const all = inputs as unknown as Inputs;
      const out = wasm.output([all.states.shape[0] as number, all.table.shape[0] as number]);
      wasm.functions<Functions>().itemScores(...common(wasm, all, attrs), wasm.address(out));
      return out;
    },
  },
  {
    /** `[B, k]` rows (int32) and scores, as `topScores` in assembly/item-scores.ts writes them. */
    name: 'SeqrecTopScores',
    run({ inputs, attrs }, wasm) {
      const all = inputs as unknown as Inputs;
      const { k } = attrs as { k: number };
      const count = all.states.shape[0] as number;
      const [rows, scores] = [wasm.output([count, k], 'int32'), wasm.output([count, k])];
      const { topScores, itemScoresScratch } = wasm.functions<Functions>();
      const scratch = wasm.scratch(itemScoresScratch(count));
      const [toRows, toScores] = [wasm.indices(rows), wasm.address(scores)];
      topScores(...common(wasm, all, attrs), ...excluded(wasm, all), k, toRows, toScores, scratch);
      return [rows, scores];
    },
  },
  {
    /** `[targets]` int32, as `targetRanks` in assembly/item-scores.ts writes them. */
    name: 'SeqrecTargetRanks',
    run({ inputs, attrs }, wasm) {
      const all = inputs as unknown as Inputs & Record<'targets' | 'targetOffsets', tf.TensorInfo>;
      const { targets, targetOffsets } = all;
      const count = all.states.shape[0] as number;
      const ranks = wasm.output(targets.shape, 'int32');
      const { targetRanks, itemScoresScratch } = wasm.functions<Functions>();
      const forScores = itemScoresScratch(count);
      const scratch = wasm.scratch(forScores + 4 * (targets.shape[0] as number));
      const of = [wasm.indices(targets), wasm.indices(targetOffsets)] as const;
      const to = wasm.indices(ranks);
      targetRanks(...common(wasm, all, attrs), ...of, ...excluded(wasm, all), to, scratch + forScores, scratch);
      return ranks;
    },
  },
];

function common(wasm: Wasm, { states, table, bias }: Inputs, attrs: unknown): Common {
  const { scale } = attrs as { scale: number };
  const [count, width] = states.shape as [number, number];
  const items = table.shape[0] as number;
  return [wasm.address(states), count, width, wasm.address(table), items, bias ? wasm.address(bias) : 0, scale];
}

function excluded(wasm: Wasm, { excluded, excludedOffsets }: Inputs): Excluded {
  return excluded && excludedOffsets ? [wasm.indices(excluded), wasm.indices(excludedOffsets)] : [0, 0];
}
