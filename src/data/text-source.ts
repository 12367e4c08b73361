/** Text from anywhere: bytes, streams or a string, gzipped or not, in blocks of whole lines. */
import { describe } from '../core/shape.ts';

/**
 * Where data come from: a text, its bytes, or a stream of bytes, such as `fetch`'s `response.body`, `file.stream()` or
 * Node's `createReadStream(path)`. Gzipped bytes are recognised and unpacked.
 */
export type TextSource = string | Uint8Array | ArrayBuffer | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

/** Some whole lines. Line ends are `\n`; only the last line of the data may lack one. */
export interface TextBlock {
  text: string;
  /** The number of the first line, from 1. */
  line: number;
}

/** Longest line in bytes: the data are read a piece at a time, and a line must fit into memory. */
const LONGEST_LINE = 2 ** 24;
const PIECE = 2 ** 20;

/**
 * The blocks of `source`, without the byte order mark and with `\n` for `\r\n`.
 *
 * @param onBytes is told how many bytes (characters, of a string) each piece of the source had
 * @throws TypeError | RangeError naming the line where gzip or UTF-8 is damaged, a line is too long, or the data are no text
 */
export async function* textBlocks(source: TextSource, onBytes: (count: number) => void): AsyncGenerator<TextBlock> {
  let line = 1;
  const next = (text: string): TextBlock => {
    const block = { text: unixLines(text, line), line };
    line += countOf(block.text, '\n');
    return block;
  };
  if (typeof source === 'string') {
    for (let from = source.startsWith('\uFEFF') ? 1 : 0; from < source.length; ) {
      const end = source.indexOf('\n', from + PIECE) + 1 || source.length;
      onBytes(end - from);
      yield next(source.slice(from, end));
      from = end;
    }
    return;
  }
  let rest = new Uint8Array(0);
  for await (const piece of gunzip(counted(bytesOf(source), onBytes), () => line)) {
    const end = piece.lastIndexOf(10) + 1;
    if (end > 0) yield next(decode(join(rest, piece.subarray(0, end)), line));
    rest = end > 0 ? piece.slice(end) : join(rest, piece);
    if (rest.length > LONGEST_LINE) {
      throw new RangeError(
        `Line ${line} is longer than ${LONGEST_LINE / 2 ** 20} MiB: the data must be text in lines.`,
      );
    }
  }
  if (rest.length > 0) yield next(decode(rest, line));
}

/** How often `character` is in `text`. */
export function countOf(text: string, character: string): number {
  let count = 0;
  for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1)) count++;
  return count;
}

async function* bytesOf(source: Exclude<TextSource, string>): AsyncGenerator<Uint8Array> {
  if (source instanceof ArrayBuffer) yield* bytesOf(new Uint8Array(source));
  else if (source instanceof Uint8Array) {
    for (let from = 0; from < source.length; from += PIECE) yield source.subarray(from, from + PIECE);
  } else if (typeof (source as ReadableStream)?.getReader === 'function') {
    yield* drain(source as ReadableStream<Uint8Array>);
  } else if (typeof (source as AsyncIterable<Uint8Array>)?.[Symbol.asyncIterator] === 'function') {
    yield* source as AsyncIterable<Uint8Array>;
  } else {
    throw new TypeError(
      `The source must be a text, a Uint8Array, a ReadableStream or an async iterable of bytes, got ${describe(source)}.`,
    );
  }
}

/** Reads with a reader because Safari's streams are not async iterables. */
async function* drain(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (let result = await reader.read(); !result.done; result = await reader.read()) yield result.value;
  } finally {
    // also reached when the consumer stops early; after the end or an error it does nothing
    await reader.cancel().catch(() => {});
  }
}

async function* counted(
  pieces: AsyncIterable<Uint8Array>,
  onBytes: (count: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    if (!(piece instanceof Uint8Array)) {
      throw new TypeError(
        `The pieces of a source must be Uint8Arrays, got ${describe(piece)}: do not set an encoding on the stream.`,
      );
    }
    onBytes(piece.length);
    if (piece.length > 0) yield piece;
  }
}

/** Unpacks the pieces if the first two bytes say that they are gzip. */
async function* gunzip(pieces: AsyncGenerator<Uint8Array>, line: () => number): AsyncGenerator<Uint8Array> {
  let head = new Uint8Array(0);
  while (head.length < 2) {
    const { done, value } = await pieces.next();
    if (done) break;
    head = join(head, value);
  }
  const all = prepend(head, pieces);
  if (head[0] !== 0x1f || head[1] !== 0x8b) {
    yield* all;
    return;
  }
  // an error of the source itself must arrive as it is, not as damaged gzip
  let failure: { error: unknown } | undefined;
  const packed = new ReadableStream<BufferSource>(
    {
      async pull(controller) {
        try {
          const { done, value } = await all.next();
          if (done) controller.close();
          else controller.enqueue(value as Uint8Array<ArrayBuffer>);
        } catch (error) {
          failure = { error };
          controller.error(error);
        }
      },
      async cancel() {
        await all.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
  const unpacked = drain(packed.pipeThrough(new DecompressionStream('gzip')));
  try {
    for (;;) {
      const result = await unpacked.next().catch((cause: unknown) => {
        if (failure) throw failure.error;
        throw new RangeError(
          `The gzip data are damaged or end too early, in or after line ${line()}: get the file again.`,
          {
            cause,
          },
        );
      });
      if (result.done) return;
      yield result.value;
    }
  } finally {
    await unpacked.return(undefined);
  }
}

async function* prepend(head: Uint8Array, pieces: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (head.length > 0) yield head;
  yield* pieces;
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** Whole lines of UTF-8 as text; `\n` is never a part of another character, so lines can be decoded by themselves. */
function decode(bytes: Uint8Array, line: number): string {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: line > 1 });
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    let number = line;
    for (let from = 0; from < bytes.length; number++) {
      const end = bytes.indexOf(10, from) + 1 || bytes.length;
      try {
        decoder.decode(bytes.subarray(from, end));
      } catch {
        break;
      }
      from = end;
    }
    throw new TypeError(`Line ${number} is not valid UTF-8: save the data as UTF-8 text, or as gzip of it.`, { cause });
  }
}

function unixLines(text: string, line: number): string {
  const fail = (at: number, what: string): never => {
    throw new TypeError(`Line ${line + countOf(text.slice(0, at), '\n')} has ${what}.`);
  };
  const zero = text.indexOf('\0');
  if (zero >= 0) fail(zero, 'a NUL character: save the data as UTF-8 text (they may be UTF-16 or binary)');
  if (!text.includes('\r')) return text;
  const lone = text.search(/\r(?!\n|$)/);
  if (lone >= 0)
    fail(lone, 'a carriage return (\\r) without a line feed (\\n): save the data with \\n or \\r\\n line ends');
  return text.replaceAll('\r\n', '\n').replace(/\r$/, '');
}
