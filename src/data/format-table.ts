/** Tables of events: CSV, TSV and RecBole's atomic files. */
import { describe, refuseOthers } from '../core/shape.ts';
import { timeOfText } from './dates.ts';
import type { EventCollector } from './event-collector.ts';
import { delimiterOf, findColumns, plainName } from './table-header.ts';
import type { IdOptions, TextFormat, TextReader } from './text-format.ts';
import { countOf } from './text-source.ts';

/** Which columns to read: names of the header, or numbers from 0 for a table without a header. */
export interface TableColumns {
  user?: string | number | undefined;
  item?: string | number | undefined;
  /** `false` if the order of the lines is the order of the events. */
  time?: string | number | false | undefined;
  /** A declared side feature. @defaultValue the column of its name */
  [feature: string]: string | number | false | undefined;
}

export interface TableFormatOptions extends IdOptions {
  /**
   * The columns, if their names are not among the usual ones (`user_id`, `session`, `item_id`, `timestamp`, …). Numbers
   * say that the first line is no header.
   */
  columns?: TableColumns | undefined;
  /** What separates columns, one or more characters. @defaultValue the one of tab, `,`, `;`, `|` that the first line has most of */
  delimiter?: string | undefined;
  /** The character around a value that contains delimiters; false if it is a character like any other. @defaultValue '"' */
  quote?: string | false | undefined;
  /** Which lines to read, for example `(cell) => Number(cell('rating')) >= 4`. @defaultValue all */
  where?: ((cell: (column: string | number) => string, line: number) => boolean) | undefined;
}

/**
 * One event a line in columns; other columns than the user's, the item's, the time's and those of declared side features
 * are not read. Times are numbers
 * or ISO 8601 dates (without a zone: UTC). A RecBole atomic file (`user_id:token item_id:token timestamp:float`) is such a table.
 *
 * @throws TypeError | RangeError naming the line with a wrong number of columns, an empty value, a time that is none, or
 * a damaged quote
 */
export function tableFormat(options: TableFormatOptions = {}): TextFormat {
  const { delimiter, quote = '"', columns, where, itemId, userId, ...others } = options;
  refuseOthers('tableFormat', others, options);
  if (delimiter === '') throw new RangeError("delimiter must have at least one character, got ''.");
  if (quote !== false && quote.length !== 1) {
    throw new RangeError(`quote must be one character or false, got ${describe(quote)}.`);
  }
  return { name: 'a table', reader: (log) => new TableReader(log, options, quote) };
}

/** How the lines of one table become events, fixed by the first line. */
interface Plan {
  delimiter: string;
  /** Names of the columns without their types; empty without a header. */
  header: string[];
  width: number;
  user: number;
  item: number;
  time: number | undefined;
  features: readonly (readonly [name: string, column: number])[];
}

class TableReader implements TextReader {
  readonly #log: EventCollector;
  readonly #options: TableFormatOptions;
  readonly #quote: string | false;
  #plan: Plan | undefined;
  /** Lines that a quoted value may still go on from. */
  #waiting = '';
  #waitingLine = 1;

  constructor(log: EventCollector, options: TableFormatOptions, quote: string | false) {
    this.#log = log;
    this.#options = options;
    this.#quote = quote;
  }

  async block(text: string, line: number): Promise<void> {
    if (this.#waiting === '') this.#waitingLine = line;
    this.#waiting += text;
    if (this.#quote !== false && countOf(this.#waiting, this.#quote) % 2 === 1) {
      if (this.#waiting.length < LONGEST_QUOTE) return;
      throw new RangeError(
        `A quote (${this.#quote}) in or after line ${this.#waitingLine} does not end: pass quote: false if it is a character like any other.`,
      );
    }
    await this.#readWaiting();
  }

  async end(): Promise<void> {
    if (this.#waiting !== '') await this.#readWaiting();
    if (!this.#plan) throw new RangeError('The table must have at least one line, got none.');
  }

  async #readWaiting(): Promise<void> {
    const text = this.#waiting;
    this.#waiting = '';
    if (!text.trim()) return;
    let line = this.#waitingLine;
    // the first line need not be quoted for its delimiters to be counted: a header with delimiters inside names is rare,
    // and the explicit option is there for it
    const delimiter = (this.#plan?.delimiter ?? this.#options.delimiter) || delimiterOf(firstLine(text));
    if (this.#quote === false || !text.includes(this.#quote)) {
      for (const row of text.split('\n')) this.#row(row.split(delimiter), line++, delimiter);
      return;
    }
    for (const row of await this.#parseQuoted(text, delimiter, line)) {
      this.#row(row, line, delimiter);
      line += 1 + row.reduce((sum, value) => sum + countOf(value, '\n'), 0);
    }
  }

  async #parseQuoted(text: string, delimiter: string, line: number): Promise<string[][]> {
    const { parse } = await import('csv-parse/browser/esm/sync');
    try {
      return parse(text, {
        delimiter,
        quote: this.#quote as string,
        escape: this.#quote as string,
        record_delimiter: '\n',
        relax_column_count: true,
        max_record_size: 0,
      });
    } catch (cause) {
      const { lines = 1, code } = cause as { lines?: number; code?: string };
      throw new TypeError(
        `Line ${line + lines - 1} has a damaged quote (${this.#quote}; ${code}): double the quotes inside quoted values, or pass quote: false if it is a character like any other.`,
        { cause },
      );
    }
  }

  #row(values: string[], line: number, delimiter: string): void {
    if (values.length === 1 && values[0] === '') return;
    if (!this.#plan) {
      this.#plan = plan(values, delimiter, this.#options, this.#log.features);
      if (this.#plan.header.length > 0) return;
    }
    const { width, header, user, item, time, features } = this.#plan;
    if (values.length !== width) {
      throw new TypeError(
        `Line ${line} must have ${width} columns like the first one, got ${values.length} (separated by ${describe(delimiter)}).`,
      );
    }
    const { where, userId, itemId } = this.#options;
    if (where && !where((column) => values[columnIndex(column, header, width)] as string, line)) return;
    const userText = filled(values[user] as string, 'user', line);
    const itemText = filled(values[item] as string, 'item', line);
    this.#log.add(
      userId ? userId(userText) : userText,
      itemId ? itemId(itemText) : itemText,
      time === undefined ? undefined : parseTime(filled(values[time] as string, 'time', line), line),
      line,
      features.length > 0 ? Object.fromEntries(features.map(([name, column]) => [name, values[column]])) : undefined,
    );
  }
}

/** A quoted value this long is a quote that never ends. */
const LONGEST_QUOTE = 2 ** 24;

function firstLine(text: string): string {
  return text.trimStart().split('\n', 1)[0] as string;
}

function plan(
  first: string[],
  delimiter: string,
  { columns = {} }: TableFormatOptions,
  features: readonly string[],
): Plan {
  const numbers = Object.values(columns).some((column) => typeof column === 'number');
  const header = numbers ? [] : first.map(plainName);
  const width = first.length;
  const extra = Object.keys(columns).find((name) => !['user', 'item', 'time', ...features].includes(name));
  if (extra !== undefined) {
    throw new TypeError(
      `columns.${extra} names no declared feature: declare it, as in { features: { event: { ${extra}: categorical() } } }.`,
    );
  }
  if (!numbers) {
    const found = features.map((name) => [name, columnIndex(String(columns[name] ?? name), header, width)] as const);
    return { delimiter, header, width, ...findColumns(first, columns, delimiter), features: found };
  }
  const index = (name: string) => {
    const column = columns[name];
    if (typeof column === 'number') return columnIndex(column, header, width);
    throw new TypeError(
      `Without a header columns.${name} must be the number of a column, got ${describe(column)}: name all columns by numbers or all by names.`,
    );
  };
  const time = columns.time === undefined || columns.time === false ? undefined : index('time');
  const found = features.map((name) => [name, index(name)] as const);
  return { delimiter, header, width, user: index('user'), item: index('item'), time, features: found };
}

function columnIndex(column: string | number, header: readonly string[], width: number): number {
  const index = typeof column === 'number' ? column : header.indexOf(plainName(column));
  if (typeof column === 'string' && header.indexOf(plainName(column), index + 1) > index) {
    throw new TypeError(`Two columns have the name '${column}': rename one, or name the columns by numbers.`);
  }
  if (Number.isInteger(index) && index >= 0 && index < width) return index;
  const names = header.length > 0 ? header.map((name) => `'${name}'`).join(', ') : `0 to ${width - 1}`;
  throw new RangeError(`A column must be one of ${names}, got ${describe(column)}.`);
}

function filled(value: string, what: string, line: number): string {
  if (value === '') throw new TypeError(`Line ${line} has no ${what}: give it a value or leave the line out.`);
  return value;
}

function parseTime(text: string, line: number): number | Date {
  const time = timeOfText(text);
  if (time !== undefined) return time;
  throw new TypeError(
    `Line ${line}: the time must be a number or a date such as 2024-05-01T12:30:00Z, got ${describe(text)}: convert it or pass columns: { time: false }.`,
  );
}
