/** Text with one sequence a line, items oldest first, separated by blanks. */
import { refuseOthers } from '../core/shape.ts';
import type { IdOptions, TextFormat } from './text-format.ts';
import { eachLine } from './text-format.ts';

export interface SequenceFormatOptions extends IdOptions {
  /**
   * Whether a line begins with its user (`user item item …`); otherwise the number of the line, from 1, is the user.
   *
   * @defaultValue false
   */
  user?: boolean | undefined;
}

/**
 * One sequence a line, items oldest first, separated by spaces or tabs; blank lines are skipped.
 *
 * @throws TypeError naming a line that has a user and no item, or a user that had a line before
 */
export function sequenceFormat(options: SequenceFormatOptions = {}): TextFormat {
  const { user = false, itemId = (text) => text, userId = (text) => text, ...others } = options;
  refuseOthers('sequenceFormat', others, options);
  return {
    name: user ? 'a user and items a line' : 'items a line',
    reader: (log) => ({
      block: (text, first) =>
        eachLine(text, first, (content, line) => {
          const cells = content.split(/\s+/);
          const owner = user ? userId(cells[0] as string) : line;
          if (user && cells.length < 2) {
            throw new TypeError(`Line ${line} must have a user and at least one item, got '${content}'.`);
          }
          if (log.hasUser(owner)) {
            throw new TypeError(
              `Line ${line} repeats the user '${owner}' of a line before: every user must have one line.`,
            );
          }
          for (let i = user ? 1 : 0; i < cells.length; i++) log.add(owner, itemId(cells[i] as string), undefined, line);
        }),
    }),
  };
}
