/** Any objective, with two views of each sequence beside it that must be alike. */
import { checkPart, type Part } from '../../core/part.ts';
import { type Column, type EventColumns, Ragged, range } from '../../core/ragged.ts';
import { refuseOthers } from '../../core/shape.ts';
import type { Examples } from '../../data/examples.ts';
import { type Batch, type BatchContext, type Objective, prepared } from './objective.ts';

/** The inputs of a step, and for each of them the item that is asked for at its last event. */
export interface Viewed {
  readonly inputs: Ragged;
  readonly target: Int32Array;
}

/** Makes two views of each input of a step. */
export interface ViewPairs extends Part {
  /** Called once a run. @returns what gives 2B sequences, the two views of an input one after the other */
  prepare(examples: Examples, items: number): (viewed: Viewed, context: BatchContext) => Ragged;
}

export interface ContrastiveOptions {
  /** What asks the questions; it must ask at the last event of its inputs. */
  objective: Objective;
  /** `twoOf()` as CL4SRec, `sameTarget()` as DuoRec. */
  views: ViewPairs;
}

/**
 * The questions of `objective`, and after them the last states of two views of each of its inputs, for a loss that compares
 * them: {@link withContrast}. With `twoOf({ augmentations: [crop(), reorder()] })` it is CL4SRec (Xie et al., ICDE 2022),
 * with `sameTarget()` DuoRec (Qiu et al., WSDM 2022); any network can be trained so.
 *
 * @example
 * ```ts
 * await model.fit(train, {
 *   objective: contrastive({ objective: prefixes(), views: sameTarget() }),
 *   loss: withContrast({ loss: crossEntropy(), contrast: infoNCE({ maskSameItem: true }), weight: 0.1 }),
 * });
 * ```
 */
export function contrastive({ objective, views, ...others }: ContrastiveOptions): Objective {
  refuseOthers('contrastive', others);
  checkPart('contrastive: objective', objective, 'batch');
  checkPart('contrastive: views', views, 'prepare');
  if (objective.steps) {
    throw new Error(
      `${objective.name} reads sessions event by event, of which there are no views: use another objective.`,
    );
  }
  return {
    ...objective,
    name: 'contrastive',
    options: { objective, views },
    contrasts: true,
    prepare(examples, items) {
      const batch = prepared(objective, examples, items);
      const pairs = views.prepare(examples, items);
      return (given, context) => {
        const asked = batch(given, context);
        const viewed = { inputs: asked.inputs, target: lastTargets(asked, objective) };
        return withViews(asked, viewed, pairs(viewed, context).last(context.maxLength));
      };
    },
  };
}

/** The item that is asked for at the last event of each input. */
function lastTargets({ inputs, targets }: Batch, { name }: Objective): Int32Array {
  const itemAt = new Map(Array.from(targets.row, (row, m) => [row, targets.item[m] as number]));
  return inputs.offsets.subarray(1).map((end) => {
    const item = itemAt.get(end - 1);
    if (item === undefined) {
      throw new Error(
        `contrastive() compares last events, at which ${name} asks nothing: use prefixes() or nextItem().`,
      );
    }
    return item;
  });
}

/** The batch with the views after its inputs, and their last rows after its targets. */
function withViews({ inputs, targets }: Batch, { target }: Viewed, pairs: Ragged): Batch {
  const both = range(pairs.count).map((view) => view >> 1);
  const joined = <T extends Int32Array | Float32Array>(column: T, more: ArrayLike<number>): T => {
    const out = new (column.constructor as new (n: number) => T)(column.length + more.length);
    out.set(column);
    out.set(more, column.length);
    return out;
  };
  return {
    inputs: endToEnd(inputs, pairs),
    targets: {
      row: joined(
        targets.row,
        pairs.offsets.subarray(1).map((end) => inputs.rows + end - 1),
      ),
      sequence: joined(targets.sequence, both),
      item: joined(
        targets.item,
        both.map((b) => target[b] as number),
      ),
      weight: joined(targets.weight, new Float32Array(pairs.count).fill(1)),
      label: targets.label && joined(targets.label, new Float32Array(pairs.count)),
      views: pairs.count,
    },
  };
}

/** The sequences of two batches with the same columns. */
export function endToEnd(first: Ragged, second: Ragged): Ragged {
  const offsets = new Int32Array(first.count + second.count + 1);
  offsets.set(first.offsets);
  offsets.set(
    second.offsets.map((offset) => first.rows + offset),
    first.count,
  );
  const join = (
    a: { readonly [name: string]: Column | undefined },
    b: { readonly [name: string]: Column | undefined },
  ) =>
    Object.fromEntries(
      Object.entries(a).flatMap(([name, column]) => {
        const more = b[name];
        if (!column || !more) return [];
        const out = new (column.constructor as new (n: number) => Column)(column.length + more.length);
        out.set(column);
        out.set(more, column.length);
        return [[name, out]];
      }),
    );
  return new Ragged(
    offsets,
    join(first.events, second.events) as EventColumns,
    join(first.sequences, second.sequences),
  );
}
