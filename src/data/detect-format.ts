/** Which layout a text has, from its first lines. */
import { pairFormat } from './format-pairs.ts';
import { sequenceFormat } from './format-sequences.ts';
import { tableFormat } from './format-table.ts';
import { delimiterOf, hasUsualColumns } from './table-header.ts';
import type { TextFormat } from './text-format.ts';

const SAMPLE = 1000;

/**
 * The layout of a text that begins with the whole lines `head`:
 *
 * - a first line that names a user and an item: a table
 * - two values in every line, the first ones in runs (all lines of a user together): pairs
 * - blanks between values, the first value of line k is k (or k-1): a user and a sequence a line
 * - blanks between values, different numbers of them, first values that repeat: a sequence a line
 *
 * @throws TypeError when none or more than one fits; the error shows what was seen
 */
export function detectFormat(head: string): TextFormat {
  const rows = head
    .split('\n')
    .slice(0, SAMPLE)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const [first = ''] = rows;
  if (first === '') throw new RangeError('The data must have at least one line, got none.');
  const header = first.split(delimiterOf(first)).map((cell) => cell.replace(/^\s*"(.*)"\s*$/, '$1'));
  if (hasUsualColumns(header)) return tableFormat();
  const fail = (why: string): never => {
    const seen = rows.slice(0, 3).map((row) => JSON.stringify(row.length > 60 ? `${row.slice(0, 60)}…` : row));
    throw new TypeError(
      `The layout of the data must be given as { format }: ${why}; the first lines are ${seen.join(', ')}.`,
    );
  };
  if (rows.some((row) => /[\t,;|]/.test(row))) {
    return fail('they look like a table whose first line names no user and item, so pass tableFormat({ columns })');
  }
  const cells = rows.map((row) => row.split(/ +/));
  const users = cells.map((row) => row[0] as string);
  const runs = users.filter((user, k) => user !== users[k - 1]).length;
  const distinct = new Set(users).size;
  if (cells.every((row) => row.length === 2)) {
    if (distinct === runs && runs < users.length) return pairFormat();
    return fail('two values a line may be pairFormat() or sequenceFormat()');
  }
  const numbered = users.every((user, k) => user === String(k + 1)) || users.every((user, k) => user === String(k));
  if (numbered && users.length > 1 && cells.every((row) => row.length > 1)) return sequenceFormat({ user: true });
  if (distinct < users.length) return sequenceFormat();
  return fail(
    'lines of values may be sequenceFormat() or, if the first value is the user, sequenceFormat({ user: true })',
  );
}
