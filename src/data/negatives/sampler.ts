/** Negatives: the items that a target is told apart from, and what draws them. */
import type { Part } from '../../core/part.ts';
import type { Ragged } from '../../core/ragged.ts';
import type { Rng } from '../../core/rng.ts';
import { describe } from '../../core/shape.ts';

/** What the negatives of one training step are drawn for. It covers the whole step, save for a `perTarget` sampler. */
export interface NegativeRequest {
  /** The number of negatives K, of each target or shared. */
  readonly count: number;
  /** The number of items V. */
  readonly items: number;
  /** `[M]` the catalogue row of each target. */
  readonly target: Int32Array;
  /** `[M]` the sequence of the step that each target belongs to. */
  readonly sequence: Int32Array;
  /** The whole training history of the step's sequences. */
  readonly seen: Ragged;
  /** The random stream of a sequence of the step: it depends on seed, epoch and sequence, never on the batch. */
  stream(sequence: number): Rng;
}

/** The negatives of M targets. */
export interface Negatives {
  /** Catalogue rows: `[M · K]`, target after target, or `[K]` where `shared`. */
  readonly items: Int32Array;
  /** Whether all targets have the same negatives. */
  readonly shared: boolean;
  /** The number of negatives K of a target. */
  readonly count: number;
  /**
   * ln of the probability with which each of `items` was drawn, parallel to `items`; absent where it is the same for
   * all items, and so cancels in a softmax.
   */
  readonly logQ?: Float32Array | undefined;
  /** `[M]` ln of the probability with which each target would have been drawn; present with `logQ`. */
  readonly targetLogQ?: Float32Array | undefined;
  /** `[M]` where shared negatives hold each target itself, which is then no negative of its own; -1 where they do not. */
  readonly own?: Int32Array | undefined;
  /** Only so many of the negatives of a target count, those with the highest scores. @defaultValue all */
  readonly hardest?: number | undefined;
}

/** Draws negatives on the host. */
export interface Sampler extends Part {
  /**
   * Whether it draws for each target by itself, as `drawPerTarget`: then it may be asked for some targets of a step
   * only, and draws what it would have drawn for them among all. @defaultValue false
   */
  readonly perTarget?: boolean | undefined;
  /**
   * Counts what the sampler needs to know, once a run.
   *
   * @param train the training sequences
   * @param items the number of items V
   * @returns what draws the negatives of a step
   */
  prepare(train: Ragged, items: number): (request: NegativeRequest) => Negatives;
}

/** @throws TypeError naming the option if `sampler` is none */
export function checkSampler(option: string, sampler: Sampler): void {
  if (typeof sampler?.prepare === 'function') return;
  throw new TypeError(`${option} must be a sampler such as uniform(), got ${describe(sampler)}.`);
}

/** The negatives of the targets `from` … `to - 1` only: what a micro-batch of the step needs. */
export function sliceNegatives(negatives: Negatives, from: number, to: number): Negatives {
  const { items, shared, count, logQ, targetLogQ, own, hardest } = negatives;
  const ofTargets = <T extends Int32Array | Float32Array>(column: T) =>
    (shared ? column : column.subarray(from * count, to * count)) as T;
  return {
    items: ofTargets(items),
    shared,
    count,
    logQ: logQ && ofTargets(logQ),
    targetLogQ: targetLogQ?.subarray(from, to),
    own: own?.subarray(from, to),
    hardest,
  };
}

/**
 * Draws `count` negatives for every target. The draw of a target depends only on the stream of its sequence, its index
 * among the targets of that sequence and the number of the draw, so it is the same however the step is split.
 *
 * @param draw the item of one draw of a sequence's target
 */
export function drawPerTarget(
  { count, target, sequence, stream }: NegativeRequest,
  draw: (rng: Rng, k: number, sequence: number) => number,
): Int32Array {
  const items = new Int32Array(target.length * count);
  const streams = new Map<number, Rng>();
  const drawn = new Map<number, number>();
  for (let m = 0; m < target.length; m++) {
    const s = sequence[m] as number;
    let root = streams.get(s);
    if (!root) {
      root = stream(s).fork('negatives');
      streams.set(s, root);
    }
    const index = drawn.get(s) ?? 0;
    drawn.set(s, index + 1);
    const rng = root.fork(index);
    for (let k = 0; k < count; k++) items[m * count + k] = draw(rng, k, s);
  }
  return items;
}

/** Draws `count` negatives for all targets of the step, from the stream of its first target's sequence. */
export function drawShared(
  { count, sequence, stream }: NegativeRequest,
  draw: (rng: Rng, k: number) => number,
): Int32Array {
  const items = new Int32Array(sequence.length ? count : 0);
  if (items.length === 0) return items;
  const rng = stream(sequence[0] as number).fork('shared negatives');
  for (let k = 0; k < count; k++) items[k] = draw(rng, k);
  return items;
}
