/** Text with one `user item` pair a line, in order of time: the format of SASRec's data. */
import { refuseOthers } from '../core/shape.ts';
import type { IdOptions, TextFormat } from './text-format.ts';
import { eachLine } from './text-format.ts';

/**
 * One event a line, `user item`, separated by spaces or tabs; a user's events stand in order of time. Blank lines are
 * skipped. It is the format of the data in github.com/kang205/SASRec.
 *
 * @throws TypeError naming a line that is not a pair
 */
export function pairFormat(options: IdOptions = {}): TextFormat {
  const { itemId = (text) => text, userId = (text) => text, ...others } = options;
  refuseOthers('pairFormat', others, options);
  return {
    name: 'a user and an item a line',
    reader: (log) => ({
      block: (text, first) =>
        eachLine(text, first, (content, line) => {
          const cells = content.split(/\s+/);
          if (cells.length !== 2) {
            throw new TypeError(
              `Line ${line} must have a user and an item, got ${cells.length} values: use sequenceFormat({ user: true }) for a sequence a line, tableFormat for more columns.`,
            );
          }
          log.add(userId(cells[0] as string), itemId(cells[1] as string), undefined, line);
        }),
    }),
  };
}
