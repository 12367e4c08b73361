/** What `evaluate` found. */
import type { Ragged } from '../core/ragged.ts';
import { type BootstrapOptions, bootstrapInterval, type Interval } from './bootstrap.ts';

/** How the numbers of a report came about: only reports of one protocol can be compared. */
export interface Protocol {
  /** Which events were held out. */
  readonly split: string;
  /** What the targets competed with. */
  readonly candidates: string;
  /** Whether the items of the history were left out; a target never is. */
  readonly excludeSeen: boolean;
  /** How equal scores were ranked. */
  readonly ties: string;
  /** The number of histories. */
  readonly users: number;
}

/** The metrics of one model on one holdout; prints as a table. */
export class Report<Key extends string = string> {
  /** The mean over users of each metric, by key; for a catalogue metric its value. */
  readonly metrics: { readonly [K in Key]: number };
  /** The value of each user, in the order of the holdout; catalogue metrics have none. */
  readonly values: { readonly [K in Key]?: Float64Array };

  /**
   * @param order   the keys in the order of the table
   * @param values  of the metrics of users
   * @param catalog of the metrics of the catalogue
   * @param targets of the holdout, which tell whether two reports are of the same users
   */
  constructor(
    order: readonly Key[],
    values: ReadonlyMap<string, Float64Array>,
    catalog: ReadonlyMap<string, number>,
    readonly protocol: Protocol,
    readonly targets: Ragged,
  ) {
    this.metrics = Object.fromEntries(
      order.map((key) => [key, catalog.get(key) ?? mean(values.get(key))]),
    ) as this['metrics'];
    this.values = Object.fromEntries(values) as this['values'];
  }

  /** A bootstrap interval of the mean over users. @throws RangeError for a metric without values of users */
  interval(key: Key, options: BootstrapOptions = {}): Interval {
    return bootstrapInterval(valuesOf(this, key), options);
  }

  toString(): string {
    return formatReports({ '': this });
  }
}

/** The values of the users of one metric. */
export function valuesOf<Key extends string>(report: Report<Key>, key: Key): Float64Array {
  const values = report.values[key];
  if (values) return values;
  const known = Object.keys(report.values).join(', ') || 'none';
  throw new RangeError(`${key} has no values of users in this report; the metrics that have are: ${known}.`);
}

/**
 * Reports side by side: one row a model, one column a metric, and below the protocol. Reports of different protocols
 * are marked, since their numbers cannot be compared.
 *
 * @example
 * ```ts
 * console.log(formatReports({ SASRec: a, Popularity: b }));
 * ```
 */
export function formatReports(reports: { readonly [model: string]: Report }): string {
  const entries = Object.entries(reports);
  const keys = [...new Set(entries.flatMap(([, report]) => Object.keys(report.metrics)))];
  const protocols = [...new Set(entries.map(([, { protocol }]) => protocolLine(protocol)))];
  const mark = (report: Report) =>
    protocols.length > 1 ? [`(${protocols.indexOf(protocolLine(report.protocol)) + 1})`] : [];
  const rows = [
    ['', ...keys],
    ...entries.map(([model, report]) => [
      [model, ...mark(report)].join(' '),
      ...keys.map((key) => report.metrics[key]?.toFixed(4) ?? '-'),
    ]),
  ];
  const widths = (rows[0] as string[]).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] as string).length)),
  );
  const lines = rows.map((row) => {
    const cells = row.map((cell, i) =>
      i === 0 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number),
    );
    return (widths[0] === 0 ? cells.slice(1) : cells).join('  ').trimEnd();
  });
  const footer = protocols.map((line, i) => (protocols.length > 1 ? `(${i + 1}) ${line}` : line));
  return [
    ...lines,
    ...footer,
    ...(protocols.length > 1 ? ['Different protocols: the numbers cannot be compared.'] : []),
  ].join('\n');
}

function protocolLine({ split, candidates, excludeSeen, ties, users }: Protocol): string {
  const seen = excludeSeen ? 'without seen items' : 'with seen items';
  return `${users} users, ${split}, ranked among ${candidates} ${seen}, ties ${ties}`;
}

function mean(values: Float64Array | undefined): number {
  return values ? values.reduce((sum, value) => sum + value, 0) / values.length : Number.NaN;
}
