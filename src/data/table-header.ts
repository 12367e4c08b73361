/** The first line of a table: its delimiter, and which columns hold the user, the item and the time. */
import type { TableColumns } from './format-table.ts';
import { countOf } from './text-source.ts';

/** Usual names of the columns, in lower case without `_`, `-`, blanks and dots. */
const SYNONYMS = {
  user: [
    'user',
    'userid',
    'uid',
    'session',
    'sessionid',
    'visitor',
    'visitorid',
    'customer',
    'customerid',
    'reviewerid',
  ],
  item: [
    'item',
    'itemid',
    'iid',
    'product',
    'productid',
    'movie',
    'movieid',
    'article',
    'articleid',
    'asin',
    'parentasin',
    'sku',
  ],
  time: [
    'time',
    'timestamp',
    'ts',
    'date',
    'datetime',
    'eventtime',
    'eventdate',
    'timeframe',
    'unixtime',
    'unixreviewtime',
  ],
};

const DELIMITERS = ['\t', ',', ';', '|'];

/** The name of a column without RecBole's type (`user_id:token`) and the blanks around it. */
export function plainName(cell: string): string {
  return cell.trim().replace(/:(?:token|float|token_seq|float_seq)$/, '');
}

/** The one of tab, comma, semicolon and bar that `line` has most of; a comma if it has none. */
export function delimiterOf(line: string): string {
  const counts = DELIMITERS.map((delimiter) => countOf(line, delimiter));
  const most = Math.max(...counts);
  return most === 0 ? ',' : (DELIMITERS[counts.indexOf(most)] as string);
}

/** Whether a header names both a user and an item in a usual way. */
export function hasUsualColumns(header: readonly string[]): boolean {
  return usual(header, 'user').length > 0 && usual(header, 'item').length > 0;
}

/**
 * Where the columns stand: those named in `columns`, else those with a usual name.
 *
 * @throws TypeError | RangeError when a column is missing, there are two candidates, or it holds lists
 */
export function findColumns(
  header: readonly string[],
  columns: TableColumns,
  delimiter: string,
): { user: number; item: number; time: number | undefined } {
  const names = header.map(plainName);
  const seen = `the first line has the columns ${names.map((name) => `'${name}'`).join(', ')} (separated by ${JSON.stringify(delimiter)})`;
  const find = (what: 'user' | 'item' | 'time'): number | undefined => {
    const wanted = columns[what];
    if (wanted === false) return undefined;
    const found = wanted === undefined ? usual(header, what) : indicesOf(names, plainName(String(wanted)));
    if (found.length > 1) {
      const candidates = found.map((index) => `'${names[index]}'`).join(' and ');
      throw new TypeError(
        `Both ${candidates} may hold the ${what}: say which with columns: { ${what}: '${names[found[0] as number]}' }.`,
      );
    }
    const [index] = found;
    if (index === undefined && (what !== 'time' || wanted !== undefined)) {
      const which = wanted === undefined ? `a usual name for the ${what}` : `the name '${wanted}'`;
      throw new RangeError(
        `A column must have ${which}, but ${seen}: name it with columns: { ${what}: '…' }, or give numbers from 0 if there is no header.`,
      );
    }
    if (index !== undefined && header[index]?.trim().endsWith('_seq')) {
      throw new TypeError(
        `The column '${header[index]}' holds lists, and a line must be one event: read the file before augmentation.`,
      );
    }
    return index;
  };
  return { user: find('user') as number, item: find('item') as number, time: find('time') };
}

function usual(header: readonly string[], what: keyof typeof SYNONYMS): number[] {
  const simple = (name: string) =>
    plainName(name)
      .toLowerCase()
      .replace(/[_\-\s.]/g, '');
  return [...header.keys()].filter((index) => SYNONYMS[what].includes(simple(header[index] as string)));
}

function indicesOf(names: readonly string[], name: string): number[] {
  return [...names.keys()].filter((index) => names[index] === name);
}
