/** Logs from text: files, downloads, uploads. */
import { checkPart } from '../core/part.ts';
import { checkSignal, describe, refuseOthers } from '../core/shape.ts';
import { detectFormat } from './detect-format.ts';
import { type CollectOptions, EventCollector } from './event-collector.ts';
import { Interactions } from './interactions.ts';
import type { TextFormat, TextReader } from './text-format.ts';
import { type TextSource, textBlocks } from './text-source.ts';

/** How far {@link readInteractions} has come. */
export interface ReadProgress {
  /** Bytes read of the source as it is (packed, if it is gzip); characters of a string. */
  bytes: number;
  events: number;
  /** The name of the layout. */
  format: string;
}

export interface ReadOptions extends CollectOptions {
  /**
   * The layout of the text: `tableFormat`, `sequenceFormat` or `pairFormat`.
   *
   * @defaultValue found by {@link detectFormat} from the first lines
   */
  format?: TextFormat | undefined;
  /** Stops the reading with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Called after each piece of the source. */
  onProgress?: ((progress: ReadProgress) => void) | undefined;
}

/**
 * Reads a log from text in one pass: CSV, TSV, RecBole's atomic files, a sequence a line, pairs; plain or gzip.
 *
 * @throws TypeError | RangeError naming the line that cannot be read
 *
 * @example
 * ```ts
 * const log = await readInteractions(createReadStream('ratings.csv.gz'));
 * const old = await readInteractions(response.body, {
 *   format: tableFormat({ delimiter: '::', columns: { user: 0, item: 1, time: 3 } }),
 * });
 * ```
 */
export async function readInteractions(source: TextSource, options: ReadOptions = {}): Promise<Interactions> {
  const { catalog, unknown, features, format: given, signal, onProgress, ...others } = options;
  refuseOthers('readInteractions', others, options);
  if (given) checkPart('format', given, 'reader');
  else checkText(source);
  checkSignal(signal);
  const log = new EventCollector('Line', { catalog, unknown, features });
  let bytes = 0;
  let format = given;
  let reader: TextReader | undefined;
  signal?.throwIfAborted();
  for await (const { text, line } of textBlocks(source, (count) => {
    bytes += count;
  })) {
    signal?.throwIfAborted();
    if (!reader && !text.trim()) continue;
    format ??= detectFormat(text);
    reader ??= format.reader(log);
    await reader.block(text, line);
    onProgress?.({ bytes, events: log.count, format: format.name });
  }
  await reader?.end?.();
  const { items, users, sequences } = log.finish();
  return new Interactions(items, users, sequences);
}

/** A text is data, and no data are one value with a file's ending. */
function checkText(source: TextSource): void {
  if (typeof source !== 'string' || !/^[^\s,;|]+\.\w+$/.test(source)) return;
  throw new TypeError(
    `A text is read as data, got ${describe(source)}, which looks like the name of a file: open it, as in readInteractions(createReadStream(name)).`,
  );
}
