/** The JSON header of a safetensors file, read by a parser that accepts nothing else. */
import { describe } from '../core/shape.ts';
import { FileFormatError } from './error.ts';

/** What the header says of one tensor. */
export interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Bytes of the data part: first, and one past the last. */
  readonly offsets: readonly [begin: number, end: number];
}

export interface Header {
  readonly entries: Map<string, HeaderEntry>;
  /** Without a prototype, so that any key is an ordinary one. */
  readonly metadata: Record<string, string>;
}

/**
 * Parses a header. `JSON.parse` would hide duplicate keys and build whatever a hostile header asks for; this parser
 * stops at the first character that the format does not allow, and its result is never larger than the text.
 *
 * @throws FileFormatError
 */
export function parseHeader(text: string): Header {
  const reader = new Reader(text);
  const entries = new Map<string, HeaderEntry>();
  const metadata: Record<string, string> = Object.create(null);
  let sawMetadata = false;
  reader.object('The header', undefined, (key) => {
    if (key === '__metadata__') {
      if (sawMetadata) throw duplicate(key);
      sawMetadata = true;
      reader.object('__metadata__', undefined, (name) => {
        if (Object.hasOwn(metadata, name)) throw duplicate(name);
        metadata[name] = reader.string('The metadata', name);
      });
    } else {
      if (entries.has(key)) throw duplicate(key);
      entries.set(key, readEntry(reader, key));
    }
  });
  reader.end();
  return { entries, metadata };
}

function readEntry(reader: Reader, tensor: string): HeaderEntry {
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  reader.object('The tensor', tensor, (key) => {
    if (key === 'dtype') {
      if (dtype !== undefined) throw duplicate(key);
      dtype = reader.string('The dtype of', tensor);
    } else if (key === 'shape') {
      if (shape) throw duplicate(key);
      shape = reader.integers('The shape of', tensor);
    } else if (key === 'data_offsets') {
      if (offsets) throw duplicate(key);
      offsets = reader.integers('The data_offsets of', tensor);
    } else {
      throw new FileFormatError(
        `The tensor ${describe(tensor)} must have dtype, shape and data_offsets only, the file also has ${describe(key)}.`,
      );
    }
  });
  if (dtype === undefined || !shape || !offsets) {
    const absent = dtype === undefined ? 'dtype' : shape ? 'data_offsets' : 'shape';
    throw new FileFormatError(
      `The tensor ${describe(tensor)} must have dtype, shape and data_offsets, the file has no ${absent}.`,
    );
  }
  const [begin, end] = offsets;
  if (begin === undefined || end === undefined || offsets.length !== 2) {
    throw new FileFormatError(
      `The data_offsets of ${describe(tensor)} must be two numbers, the file has ${offsets.length}.`,
    );
  }
  return { dtype, shape, offsets: [begin, end] };
}

function duplicate(key: string): FileFormatError {
  return new FileFormatError(`The header must name each key once, the file names ${describe(key)} twice.`);
}

/**
 * A cursor over JSON text that reads only objects, strings and lists of non-negative integers. Each method is told what
 * it reads, for its error, in two pieces that are joined only if there is one.
 */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** An object; `onKey` must read the value of each key. */
  object(what: string, name: string | undefined, onKey: (key: string) => void): void {
    if (this.#peek() !== '{') throw this.#fault(what, name, 'must be a JSON object');
    this.#at++;
    if (this.#accept('}')) return;
    do {
      const key = this.string('A key');
      this.#expect(':');
      onKey(key);
    } while (this.#accept(','));
    this.#expect('}');
  }

  string(what: string, name?: string): string {
    if (this.#peek() !== '"') throw this.#fault(what, name, 'must be a string');
    const start = this.#at;
    let plain = true;
    for (this.#at++; this.#at < this.#text.length; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === QUOTE) return this.#unquote(start, ++this.#at, plain);
      if (code === BACKSLASH) this.#at++;
      if (code === BACKSLASH || code < SPACE) plain = false;
    }
    throw new FileFormatError(`The header is not valid JSON: the string at character ${start} does not end.`);
  }

  integers(what: string, name: string): number[] {
    if (this.#peek() !== '[') throw this.#fault(what, name, 'must be a list');
    this.#at++;
    const values: number[] = [];
    if (this.#accept(']')) return values;
    do {
      this.#peek();
      DIGITS.lastIndex = this.#at;
      const digits = DIGITS.exec(this.#text)?.[0];
      const value = Number(digits);
      if (digits === undefined || !Number.isSafeInteger(value)) {
        throw this.#fault(what, name, 'must be integers from 0 to 2^53 - 1');
      }
      this.#at += digits.length;
      // Without this a hostile header could ask for a list many times its own size.
      if (values.push(value) > MAX_AXES) throw this.#fault(what, name, `must have at most ${MAX_AXES} numbers`);
    } while (this.#accept(','));
    this.#expect(']');
    return values;
  }

  /** Nothing but spaces may follow. */
  end(): void {
    if (this.#peek() !== undefined) {
      throw new FileFormatError(`The header is not valid JSON: ${this.#found()} follows its end.`);
    }
  }

  #unquote(start: number, end: number, plain: boolean): string {
    if (plain) return this.#text.slice(start + 1, end - 1);
    try {
      return JSON.parse(this.#text.slice(start, end)) as string;
    } catch {
      throw new FileFormatError(`The header is not valid JSON: the string at character ${start} has a bad escape.`);
    }
  }

  /** The next character after white space, `undefined` at the end. */
  #peek(): string | undefined {
    for (;;) {
      const character = this.#text[this.#at];
      if (character !== ' ' && character !== '\n' && character !== '\r' && character !== '\t') return character;
      this.#at++;
    }
  }

  #accept(character: string): boolean {
    const found = this.#peek() === character;
    if (found) this.#at++;
    return found;
  }

  #expect(character: string): void {
    if (!this.#accept(character)) {
      throw new FileFormatError(
        `The header is not valid JSON: expected '${character}', the file has ${this.#found()}.`,
      );
    }
  }

  #fault(what: string, name: string | undefined, rule: string): FileFormatError {
    const subject = name === undefined ? what : `${what} ${describe(name)}`;
    return new FileFormatError(`${subject} ${rule}, the file has ${this.#found()}.`);
  }

  #found(): string {
    const rest = this.#text.slice(this.#at, this.#at + 20);
    return rest === '' ? 'nothing more' : `${describe(rest)} at character ${this.#at}`;
  }
}

const MAX_AXES = 64;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
/** A whole number that does not go on in some other way. */
const DIGITS = /(?:0|[1-9][0-9]*)(?![0-9.eE])/y;
