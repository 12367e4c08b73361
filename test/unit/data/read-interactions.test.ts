import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import {
  Catalog,
  detectFormat,
  type Interactions,
  pairFormat,
  readInteractions,
  sequenceFormat,
  type TextSource,
  tableFormat,
} from 'seqrec';
import { describe, expect, it, vi } from 'vitest';

const utf8 = (text: string) => new TextEncoder().encode(text);
const triples = (log: Interactions) =>
  [...log].map(({ user, item, time }) => (time === undefined ? [user, item] : [user, item, time]));
const read = async (...args: Parameters<typeof readInteractions>) => triples(await readInteractions(...args));

async function* inPieces(bytes: Uint8Array, size: number) {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

const TABLE = 'user_id,item_id,timestamp\nann,tea,2\nann,cup,1\nbob,tea,5\n';
const EVENTS = [
  ['ann', 'cup', 1],
  ['ann', 'tea', 2],
  ['bob', 'tea', 5],
];

describe('sources', () => {
  const bytes = utf8(TABLE);
  const packed = new Uint8Array(gzipSync(TABLE));
  it.each<[string, () => TextSource]>([
    ['a text', () => TABLE],
    ['bytes', () => bytes],
    ['an ArrayBuffer', () => bytes.slice().buffer],
    ['a Node stream', () => Readable.from([Buffer.from(TABLE)])],
    ['a web stream', () => new Blob([TABLE]).stream()],
    ['a response', () => new Response(TABLE).body as ReadableStream<Uint8Array>],
    ['pieces of one byte', () => inPieces(bytes, 1)],
    ['pieces of five bytes', () => inPieces(bytes, 5)],
    ['gzipped bytes', () => packed],
    ['a gzipped Node stream', () => Readable.from([Buffer.from(packed)])],
    ['gzip in pieces of one byte', () => inPieces(packed, 1)],
    ['a text with a byte order mark', () => `\uFEFF${TABLE}`],
    ['bytes with a byte order mark', () => utf8(`\uFEFF${TABLE}`)],
    ['Windows line ends', () => utf8(TABLE.replaceAll('\n', '\r\n'))],
    ['Windows line ends in pieces', () => inPieces(utf8(TABLE.replaceAll('\n', '\r\n')), 1)],
    ['no last line end', () => TABLE.trimEnd()],
    ['a last carriage return', () => `${TABLE.trimEnd()}\r`],
    ['blank lines', () => `\n\n${TABLE.replaceAll('\n', '\n\n')}\n`],
  ])('reads %s', async (_, source) => {
    expect(await read(source())).toEqual(EVENTS);
  });

  it('reads the same however the bytes are cut', async () => {
    const text = 'user;item\nžofie;čaj\n"ann ""a""";"two\nlines"\nbob;🍵\n';
    const expected = [
      ['žofie', 'čaj'],
      ['ann "a"', 'two\nlines'],
      ['bob', '🍵'],
    ];
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 30 }), fc.boolean(), async (size, gzip) => {
        const all = gzip ? new Uint8Array(gzipSync(text)) : utf8(text);
        expect(await read(inPieces(all, size))).toEqual(expected);
      }),
    );
  });

  it('reads text longer than a piece', async () => {
    const lines = Array.from({ length: 200_000 }, (_, i) => `user-${i % 1000}\titem-${i % 777}\n`);
    for (const source of [`user\titem\n${lines.join('')}`, utf8(`user\titem\n${lines.join('')}`)]) {
      expect((await readInteractions(source)).rows).toBe(200_000);
    }
  });

  it('tells how far it is and closes the source when it stops', async () => {
    const seen: object[] = [];
    await readInteractions(utf8(TABLE), { onProgress: (progress) => seen.push(progress) });
    expect(seen).toEqual([{ bytes: TABLE.length, events: 3, format: 'a table' }]);

    let closed = 0;
    const stop = new AbortController();
    async function* endless() {
      try {
        yield utf8('user,item\n');
        for (;;) yield utf8('a,b\n');
      } finally {
        closed++;
      }
    }
    const onProgress = ({ events }: { events: number }) => events > 3 && stop.abort(new Error('enough'));
    await expect(readInteractions(endless(), { signal: stop.signal, onProgress })).rejects.toThrow('enough');
    expect(closed).toBe(1);
    await expect(readInteractions(TABLE, { signal: stop.signal })).rejects.toThrow('enough');

    let cancelled = 0;
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(gzipSync('a line that is no event\n'))),
      cancel: () => {
        cancelled++;
      },
    });
    await expect(readInteractions(stream, { format: pairFormat() })).rejects.toThrow(
      /Line 1 must have a user and an item/,
    );
    // the unpacking stream hands the end on to its source in its own time
    await vi.waitFor(() => expect(cancelled).toBe(1));
  });

  it('takes a catalogue', async () => {
    const catalog = new Catalog(['tea']);
    expect((await readInteractions(TABLE, { catalog, unknown: 'drop' })).rows).toBe(2);
    await expect(readInteractions(TABLE, { catalog })).rejects.toThrow(/Line 3: .* got 'cup'/);
  });

  const damaged = (at: number) => {
    const bad = packed.slice();
    bad[at] = (bad[at] as number) ^ 0xff;
    return bad;
  };
  it.each<[string, () => unknown, RegExp]>([
    ['no bytes', () => new Uint8Array(0), /at least one event/],
    ['blank lines only', () => '\n \n\r\n', /at least one event/],
    ['a header only', () => 'user,item\n', /at least one event/],
    [
      'invalid UTF-8',
      () => Uint8Array.of(...utf8('user,item\na,b\nc,'), 0xff, 0x0a, 0x64),
      /Line 3 is not valid UTF-8/,
    ],
    ['a cut character', () => Uint8Array.of(...utf8('user,item\na,'), 0xe2, 0x82), /Line 2 is not valid UTF-8/],
    ['UTF-16 with a mark', () => Uint8Array.of(0xff, 0xfe, 0x61, 0), /Line 1 is not valid UTF-8/],
    ['a NUL character', () => 'user,item\na,b\nc,d\0\n', /Line 3 has a NUL character/],
    ['old Mac line ends', () => 'user,item\ra,b\rc,d', /Line 1 has a carriage return/],
    ['a stray carriage return', () => 'user,item\na,b\nc\r,d\n', /Line 3 has a carriage return/],
    ['truncated gzip', () => packed.slice(0, -12), /gzip data are damaged or end too early, in or after line \d/],
    ['gzip without its check', () => packed.slice(0, -4), /gzip data are damaged or end too early/],
    ['damaged gzip', () => damaged(14), /gzip data are damaged/],
    ['a wrong checksum', () => damaged(packed.length - 6), /gzip data are damaged/],
    [
      'a stream of texts',
      () => Readable.from(['user,item\n']),
      /pieces of a source must be Uint8Arrays, got 'user,item/,
    ],
    ['a number', () => 5, /source must be a text, .* got 5/],
    ['nothing', () => null, /source must be a text, .* got null/],
  ])('refuses %s', async (_, source, message) => {
    await expect(readInteractions(source() as TextSource)).rejects.toThrow(message);
  });

  it('refuses every truncation of gzip', async () => {
    for (let length = 2; length < packed.length; length++) {
      await expect(readInteractions(packed.slice(0, length))).rejects.toThrow(/gzip data are damaged or end too early/);
    }
  });

  it('refuses a line that does not end', async () => {
    async function* endless() {
      for (;;) yield new Uint8Array(2 ** 20).fill(97);
    }
    await expect(readInteractions(endless())).rejects.toThrow(/Line 1 is longer than 16 MiB/);
  });

  it('passes on the errors of a source', async () => {
    async function* broken(start: Uint8Array) {
      yield start;
      throw new Error('disk on fire');
    }
    await expect(readInteractions(broken(utf8(TABLE)))).rejects.toThrow('disk on fire');
    await expect(readInteractions(broken(packed.slice(0, 20)))).rejects.toThrow('disk on fire');
  });
});

describe('tableFormat', () => {
  const table = (text: string, options = {}) => read(text, { format: tableFormat(options) });

  it.each([
    ['comma', 'user,item,time\nu,a,1\n'],
    ['tab', 'user\titem\ttime\nu\ta\t1\n'],
    ['semicolon', 'user;item;time\nu;a;1\n'],
    ['bar', 'user|item|time\nu|a|1\n'],
    ['quoted header', '"user","item","time"\n"u","a","1"\n'],
    ['other columns and order', 'rating,Timestamp,Item-ID,User ID,note\n5,1,a,u,x\n'],
    ['RecBole', 'user_id:token\titem_id:token\trating:float\ttimestamp:float\nu\ta\t3\t1\n'],
    ['sessions', 'SessionId,ItemId,Time\nu,a,1\n'],
    ['blanks around names', ' user , item , time \nu,a,1\n'],
  ])('finds the columns of a table: %s', async (_, text) => {
    expect(await table(text)).toEqual([['u', 'a', 1]]);
    expect(await read(text)).toEqual([['u', 'a', 1]]);
  });

  it('takes named and numbered columns', async () => {
    const text = 'session;user;item;day\ns1;u1;a;3\ns1;u1;b;2\n';
    expect(await table(text, { columns: { user: 'session', time: 'day' } })).toEqual([
      ['s1', 'b', 2],
      ['s1', 'a', 3],
    ]);
    expect(await table(text, { columns: { user: 'user' } })).toEqual([
      ['u1', 'a'],
      ['u1', 'b'],
    ]);
    expect(
      await table('1::10::5::978\n1::11::3::977\n', { delimiter: '::', columns: { user: 0, item: 1, time: 3 } }),
    ).toEqual([
      ['1', '11', 977],
      ['1', '10', 978],
    ]);
    expect(await table('u\ta\n', { columns: { user: 0, item: 1 } })).toEqual([['u', 'a']]);
    expect(await table('user,item,time\nu,b,2\nu,a,1\n', { columns: { time: false } })).toEqual([
      ['u', 'b'],
      ['u', 'a'],
    ]);
  });

  it('reads quoted values as CSV does', async () => {
    const text = '"user","item, or sku",time\n"u ""1""","a,b",1\nv,"two\nlines",2\n\n"w",c,3\n';
    const log = await table(text, { columns: { item: 'item, or sku' } });
    expect(log).toEqual([
      ['u "1"', 'a,b', 1],
      ['v', 'two\nlines', 2],
      ['w', 'c', 3],
    ]);
    await expect(table(`${text}"x","d"\n`, { columns: { item: 'item, or sku' } })).rejects.toThrow(
      /Line 7 must have 3 columns/,
    );
  });

  it('reads back what was written, whatever the values', async () => {
    const value = fc.string({ minLength: 1, unit: fc.constantFrom('a', 'b', ',', '"', '\n', ' ', 'é', ';') });
    const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(value, value), { minLength: 1, maxLength: 8 }), async (rows) => {
        const text = `user,item\n${rows.map((row) => row.map(quoted).join(',')).join('\n')}`;
        const log = await readInteractions(inPieces(utf8(text), 7), { format: tableFormat() });
        const users = [...new Set(rows.map(([user]) => user))];
        expect(triples(log)).toEqual(users.flatMap((user) => rows.filter((row) => row[0] === user)));
      }),
    );
  });

  it('can take quotes as ordinary characters', async () => {
    const text = 'user\titem\nu\t12" vinyl\n';
    expect(await table(text, { quote: false })).toEqual([['u', '12" vinyl']]);
    expect(await table("user,item\nu,'a,b'\n", { quote: "'" })).toEqual([['u', 'a,b']]);
  });

  it('reads dates, in UTC unless they say otherwise', async () => {
    const times = async (...dates: string[]) =>
      (await table(`user,item,date\n${dates.map((date) => `u,a,${date}\n`).join('')}`)).map((event) => event[2]);
    const noon = Date.UTC(2014, 3, 7, 12);
    expect(await times('2014-04-07T12:00:00.000Z')).toEqual([noon]);
    expect(await times('2014-04-07 12:00:00')).toEqual([noon]);
    expect(await times('2014-04-07T14:00+02:00')).toEqual([noon]);
    expect(await times('2014-04-07 14:00:00+0200', '2014-04-07 14:00:01+02')).toEqual([noon, noon + 1000]);
    expect(await times('2014-04-07')).toEqual([Date.UTC(2014, 3, 7)]);
    expect(await table('user,item,time\nu,a, -1.5e3 \n')).toEqual([['u', 'a', -1500]]);
  });

  it('chooses lines and makes ids of numbers', async () => {
    const text = 'user,item,rating\n1,10,5\n1,11,2\n2,12,4\n';
    const where = (cell: (column: string) => string) => Number(cell('rating')) >= 4;
    expect(await table(text, { where, userId: Number, itemId: Number })).toEqual([
      [1, 10],
      [2, 12],
    ]);
    expect(
      await table('1,2\n', { columns: { user: 0, item: 1 }, where: (cell: (n: number) => string) => cell(1) === '2' }),
    ).toEqual([['1', '2']]);
    await expect(table(text, { where: (cell: (column: string) => string) => cell('stars') === '5' })).rejects.toThrow(
      /A column must be one of 'user', 'item', 'rating', got 'stars'/,
    );
    await expect(table('user,item\nu,x1\n', { itemId: Number })).rejects.toThrow(/Line 2: the item .* got NaN/);
  });

  it('keeps ids that objects use themselves', async () => {
    expect(await table('user,item\n__proto__,constructor\n')).toEqual([['__proto__', 'constructor']]);
    expect(
      await table('__proto__,constructor\nu,a\n', { columns: { user: '__proto__', item: 'constructor' } }),
    ).toEqual([['u', 'a']]);
  });

  it.each([
    ['too few columns', 'user,item,time\nu,a,1\n\nu,b\n', {}, /Line 4 must have 3 columns like the first one, got 2/],
    ['too many columns', 'user,item\nu,a,b\n', {}, /Line 2 must have 2 columns like the first one, got 3/],
    ['an empty user', 'user,item\n,a\n', {}, /Line 2 has no user/],
    ['an empty item', 'user,item\nu,a\nu,""\n', {}, /Line 3 has no item/],
    ['an empty time', 'user,item,time\nu,a,\n', {}, /Line 2 has no time/],
    [
      'a time that is none',
      'user,item,time\nu,a,yesterday\n',
      {},
      /Line 2: the time must be a number or a date .* got 'yesterday'/,
    ],
    ['a month that is none', 'user,item,time\nu,a,2024-13-01\n', {}, /Line 2: the time must be/],
    ['an infinite time', 'user,item,time\nu,a,1e999\n', {}, /Line 2: the time must be a finite number/],
    [
      'a time that is not exact',
      'user,item,time\nu,a,1700000000000000001\n',
      {},
      /Line 2: the time must be below 2\^53/,
    ],
    [
      'dates among numbers',
      'user,item,time\nu,a,1\nu,b,2024-01-01\n',
      {},
      /Line 3 has a Date where the ones before have a number/,
    ],
    [
      'a quote inside a value',
      'user,item\nu,12" vinyl\nu,7" vinyl\n',
      {},
      /Line 2 has a damaged quote .* quote: false/,
    ],
    ['text after a quote', 'user,item\nu,b\nu,"a"b\n', {}, /Line 3 has a damaged quote/],
    ['a quote that does not end', 'user,item\nu,a\nu,"b\nu,c\n', {}, /damaged quote/],
    [
      'no user column',
      'who,item\nu,a\n',
      {},
      /a usual name for the user, but the first line has the columns 'who', 'item' \(separated by ","\)/,
    ],
    ['no item column', 'user,what\nu,a\n', {}, /a usual name for the item/],
    [
      'a named column that is missing',
      'user,item\nu,a\n',
      { columns: { time: 'when' } },
      /the name 'when', but the first line/,
    ],
    [
      'two candidates',
      'session_id;user_id;item_id\ns;u;a\n',
      {},
      /Both 'session_id' and 'user_id' may hold the user: say which/,
    ],
    ['the same name twice', 'user,item,item\nu,a,b\n', { columns: { item: 'item' } }, /Both 'item' and 'item'/],
    ['lists', 'user_id:token\titem_id:token_seq\nu\ta b\n', {}, /'item_id:token_seq' holds lists/],
    ['a number that is no column', 'u,a\n', { columns: { user: 0, item: 2 } }, /one of 0 to 1, got 2/],
    ['names and numbers', 'u,a\n', { columns: { user: 0, item: 'item' } }, /number of a column, got 'item'/],
    [
      'numbers without an item',
      'u,a\n',
      { columns: { user: 0 } },
      /columns.item must be the number of a column, got undefined/,
    ],
  ])('refuses %s', async (_, text, options, message) => {
    await expect(table(text, options)).rejects.toThrow(message);
  });

  it('refuses options that cannot be', () => {
    expect(() => tableFormat({ delimiter: '' })).toThrow(/at least one character/);
    expect(() => tableFormat({ quote: '""' })).toThrow(/one character or false/);
  });

  it('stops at a quote that never ends', async () => {
    async function* endless() {
      yield utf8('user,item\nu,"');
      for (;;) yield utf8('a\n'.repeat(2 ** 19));
    }
    await expect(readInteractions(endless(), { format: tableFormat() })).rejects.toThrow(
      /in or after line 2 does not end/,
    );
  });
});

describe('sequenceFormat', () => {
  it('reads items a line, the line is the user', async () => {
    expect(await read('1 2  3\n\n2\t1\n', { format: sequenceFormat() })).toEqual([
      [1, '1'],
      [1, '2'],
      [1, '3'],
      [3, '2'],
      [3, '1'],
    ]);
    expect(await read('5 6\n', { format: sequenceFormat({ itemId: Number }) })).toEqual([
      [1, 5],
      [1, 6],
    ]);
  });

  it('reads a user and items a line', async () => {
    const format = sequenceFormat({ user: true, userId: Number });
    expect(await read('7 a b\n3 a\n', { format })).toEqual([
      [7, 'a'],
      [7, 'b'],
      [3, 'a'],
    ]);
    await expect(read('7 a\n8\n', { format })).rejects.toThrow(
      /Line 2 must have a user and at least one item, got '8'/,
    );
    await expect(read('7 a\n8 b\n7 c\n', { format })).rejects.toThrow(/Line 3 repeats the user '7'/);
  });
});

describe('pairFormat', () => {
  it('reads a user and an item a line', async () => {
    expect(await read('1 5\n1 6\n2 5\n1 7\n', { format: pairFormat() })).toEqual([
      ['1', '5'],
      ['1', '6'],
      ['1', '7'],
      ['2', '5'],
    ]);
    await expect(read('1 5\n1 6 7\n', { format: pairFormat() })).rejects.toThrow(
      /Line 2 must have a user and an item, got 3 values/,
    );
  });
});

describe('detectFormat', () => {
  it.each([
    ['a table', 'userId,movieId,rating,timestamp\n1,2,3,4\n'],
    ['a table', '"user_id"\t"item_id"\n1\t2\n'],
    ['a user and an item a line', '1 5\n1 6\n2 5\n2 9\n'],
    ['a user and items a line', '1 5 6 7\n2 8 9\n3 5\n'],
    ['a user and items a line', '0 5 6 7\n1 8 9\n2 5 3 1\n'],
    ['items a line', '1 2\n3 4 5\n1 7\n'],
  ])('recognises %s', (name, text) => {
    expect(detectFormat(text).name).toBe(name);
  });

  it.each([
    [
      'a table without a header',
      '196\t242\t3\t881250949\n',
      /name no user and item|names no user and item.*"196\\t242/,
    ],
    ['ratings.dat', '1::1193::5::978300760\n', /sequenceFormat|tableFormat/],
    ['two values that may be both', '1 2\n3 4\n', /two values a line may be pairFormat\(\) or sequenceFormat\(\)/],
    ['different first values', '4 5 6\n9 2\n', /sequenceFormat\(\{ user: true \}\)/],
    ['a table of something else', 'title,year\nx,1\n', /names no user and item/],
    ['nothing', '\n \n', /at least one line/],
  ])('does not guess: %s', (_, text, message) => {
    expect(() => detectFormat(text)).toThrow(message);
  });

  it('gives way to the option', async () => {
    expect(await read('1 2\n3 4\n', { format: pairFormat() })).toEqual([
      ['1', '2'],
      ['3', '4'],
    ]);
  });
});
