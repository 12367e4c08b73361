/** What a text layout is: something that turns lines into events. */
import type { EventCollector } from './event-collector.ts';

/** A layout of text, made by `tableFormat`, `sequenceFormat` or `pairFormat`. */
export interface TextFormat {
  /** For reports and errors. */
  readonly name: string;
  /** Begins to read one source; the events go to `log`. */
  reader(log: EventCollector): TextReader;
}

/** Reads one source, a block of whole lines after the other. */
export interface TextReader {
  /** @param line the number of the first line of `text`, from 1 */
  block(text: string, line: number): void | Promise<void>;
  /** After the last block. */
  end?(): void | Promise<void>;
}

/** How the texts of a file become ids. */
export interface IdOptions {
  /**
   * Turns the text of an item into its id: `Number` if the application names its items by numbers.
   *
   * @defaultValue the text itself
   */
  itemId?: ((text: string) => string | number) | undefined;
  /** Turns the text of a user into the user's id. @defaultValue the text itself */
  userId?: ((text: string) => string | number) | undefined;
}

/** Calls `read` with every line of a block that is not blank. */
export function eachLine(text: string, line: number, read: (text: string, line: number) => void): void {
  for (let from = 0, number = line; from < text.length; number++) {
    const end = text.indexOf('\n', from);
    const content = text.slice(from, end < 0 ? text.length : end).trim();
    if (content !== '') read(content, number);
    from = end < 0 ? text.length : end + 1;
  }
}
