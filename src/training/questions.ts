/** The questions of one step, and how they are cut into parts that are computed one after the other or by workers. */
import { type Ragged, range } from '../core/ragged.ts';
import type { Rng } from '../core/rng.ts';
import type { Examples } from '../data/examples.ts';
import { type Negatives, sliceNegatives } from '../data/negatives/sampler.ts';
import type { FitSettings } from './fit-options.ts';
import { type Batch, type Objective, prepared } from './objectives/objective.ts';
import type { Trainable } from './trainable.ts';

/** Which step of the run, and the examples that it reads. */
export interface StepPlace {
  /** From 0. */
  readonly epoch: number;
  /** Within the epoch, from 0. */
  readonly step: number;
  /** Of an epoch. */
  readonly steps: number;
  readonly which: Int32Array;
}

/** A run of input sequences with their rows and their targets: `[from, to)` each. */
export interface StepPart {
  readonly sequences: readonly [from: number, to: number];
  readonly rows: readonly [from: number, to: number];
  readonly targets: readonly [from: number, to: number];
}

/** One step's questions. They, and every random number in them, are the same however the step is cut. */
export interface Questions extends Batch {
  /** The examples that the step reads. */
  readonly which: Int32Array;
  /** The total weight of the targets. */
  readonly weight: number;
  readonly dropout: Rng;
  /** Cuts the step into at most `count` parts of about the same number of rows. */
  parts(count: number): StepPart[];
  /** The negatives of a part's targets. */
  negatives(part: StepPart): Negatives | undefined;
}

/**
 * Prepares what asks the questions of each step.
 *
 * @param root the run's stream; the draws of an example depend on it, the epoch and the example only
 */
export function questioner(
  model: Trainable,
  examples: Examples,
  { loss, objective }: Pick<FitSettings, 'loss' | 'objective'>,
  root: Rng,
): (place: StepPlace) => Questions {
  checkObjective(objective, model);
  if (Boolean(objective.contrasts) !== Boolean(loss.contrasts)) {
    throw new Error(
      `The objective ${objective.name} and the loss ${loss.name} do not fit: contrastive() gives views and withContrast() compares them, so that one needs the other.`,
    );
  }
  const { sequences } = examples;
  const items = model.catalog.size;
  const batch = prepared(objective, examples, items);
  const draw = loss.negatives?.sampler.prepare(sequences, items);
  return ({ epoch, step, steps, which }) => {
    const from = which.map((example) => examples.sequenceOf(example));
    const stream = (use: string) => (b: number) => {
      const sequence = from[b] as number;
      const ofSequence = root.fork(use).fork(epoch).fork(sequence);
      return objective.examples ? ofSequence.fork((which[b] as number) - examples.firstOf(sequence)) : ofSequence;
    };
    const context = { maxLength: model.maxLength, items, mask: model.mask, stream: stream('objective') };
    const { inputs, targets } = inRowOrder(batch(examples.take(which), context));
    if (model.reads === 'last') checkLastRows(inputs, targets.row, objective, model);
    const seen = draw && sequences.take(from);
    const ask = (from: number, to: number) =>
      draw?.({
        count: loss.negatives?.count as number,
        items,
        target: targets.item.subarray(from, to),
        sequence: targets.sequence.subarray(from, to),
        seen: seen as Ragged,
        stream: stream('negatives'),
      });
    let all: Negatives | undefined;
    return {
      which,
      inputs,
      targets,
      weight: targets.weight.reduce((sum, w) => sum + w, 0),
      dropout: root.fork('dropout').fork(epoch * steps + step),
      parts: (count) => cut({ inputs, targets }, count),
      negatives({ targets: [from, to] }) {
        if (loss.negatives?.sampler.perTarget) return ask(from, to);
        all ??= ask(0, targets.item.length);
        return all && sliceNegatives(all, from, to);
      },
    };
  };
}

/** Sorts the targets by their rows, so that a run of rows has a run of targets. */
function inRowOrder({ inputs, targets }: Batch): Batch {
  const { row, sequence, item, weight, label, views } = targets;
  if (row.every((r, i) => i === 0 || (row[i - 1] as number) <= r)) return { inputs, targets };
  const order = range(row.length).sort((a, b) => (row[a] as number) - (row[b] as number) || a - b);
  const sorted = <T extends Int32Array | Float32Array>(column: T) =>
    column.map((_, i) => column[order[i] as number] as number) as T;
  return {
    inputs,
    targets: {
      row: sorted(row),
      sequence: sorted(sequence),
      item: sorted(item),
      weight: sorted(weight),
      label: label && sorted(label),
      views,
    },
  };
}

function checkObjective({ name, causal }: Objective, model: Trainable): void {
  const { reads = 'past' } = model;
  if (!causal || reads === 'past') return;
  throw new Error(
    reads === 'all'
      ? `The states of ${nameOf(model)} read the events that ${name} asks for: use cloze() or prefixes().`
      : `${nameOf(model)} has a state for the last event of a sequence only, and ${name} asks all: use prefixes().`,
  );
}

function checkLastRows({ offsets }: Ragged, rows: Int32Array, { name }: Objective, model: Trainable): void {
  const last = new Set(offsets.map((end) => end - 1));
  if (rows.every((row) => last.has(row))) return;
  throw new Error(
    `${nameOf(model)} has a state for the last event of a sequence only, and ${name} asks others: use prefixes().`,
  );
}

function nameOf(model: Trainable): string {
  const { modelName, name } = model.constructor as { modelName?: string; name: string };
  return modelName || name;
}

/** Never cuts between two inputs with targets of one training sequence: its negatives are drawn in one go. */
function cut({ inputs, targets }: Batch, count: number): StepPart[] {
  const { row, sequence } = targets;
  const parts: StepPart[] = [];
  let [firstSequence, firstRow, firstTarget, target] = [0, 0, 0, 0];
  for (let b = 0; b < inputs.count; b++) {
    const end = inputs.offsets[b + 1] as number;
    while (target < row.length && (row[target] as number) < end) target++;
    const last = b === inputs.count - 1;
    const whole = target === row.length || target === 0 || sequence[target] !== sequence[target - 1];
    if (!last && !(whole && end * count >= inputs.rows * (parts.length + 1))) continue;
    const part = {
      sequences: [firstSequence, b + 1],
      rows: [firstRow, end],
      targets: [firstTarget, target],
    } as const;
    [firstSequence, firstRow, firstTarget] = [b + 1, end, target];
    if (part.targets[1] > part.targets[0]) parts.push(part);
  }
  return parts;
}
