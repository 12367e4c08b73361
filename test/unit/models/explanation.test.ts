/** What explanations say, and their pictures. */
import * as tf from '@tensorflow/tfjs-core';
import {
  Catalog,
  Explanation,
  Interactions,
  Layout,
  learnedFromStart,
  MarkovChain,
  MultiStepMarkov,
  Popularity,
  Ragged,
  SASRec,
  type SequenceBlock,
  sasrecBlock,
  transformerBlock,
} from 'seqrec';
import { beforeAll, describe, expect, test } from 'vitest';
import { backends, use } from '../../support/backends.ts';

const log = Interactions.from(
  [
    ['a', 'b', 'c'],
    ['a', 'c', 'b', 'd'],
    ['b', 'c', 'a', 'c'],
  ].flatMap((items, user) => items.map((item, time) => ({ user, item, time }))),
);

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => use(backend));

  test.each([
    ['SASRec blocks', sasrecBlock()],
    ['pre-norm blocks', transformerBlock({ normFirst: true })],
  ])('%s: what an event contributes is what the score loses without it', async (_name, block) => {
    const items = new Catalog(['a', 'b', 'c', 'd', 'e', 'f']);
    using model = new SASRec({ items, maxLength: 4, dim: 8, heads: 2, block, positions: learnedFromStart() }).init(2);
    const score = async (history: string[]) =>
      (await model.recommend(history, { k: 6, excludeSeen: false })).find(({ item }) => item === 'e')?.score as number;
    const before = tf.memory().numTensors;
    const why = await model.explain(['f', 'a', 'b', 'a', 'c'], { item: 'e' });
    expect(why.item).toBe('e');
    expect(why.score).toBeCloseTo(await score(['a', 'b', 'a', 'c']), 5);
    expect(why.events.map(({ item }) => item)).toEqual(['a', 'b', 'a', 'c']);
    const without = [
      ['b', 'a', 'c'],
      ['a', 'a', 'c'],
      ['a', 'b', 'c'],
      ['a', 'b', 'a'],
    ];
    for (const [i, history] of without.entries()) {
      expect(why.events[i]?.contribution).toBeCloseTo(why.score - (await score(history)), 5);
    }
    expect(tf.memory().numTensors).toBe(before);

    // The attention is the mean over the heads of the last block, for the last row.
    const events = Ragged.from([[0, 1, 0, 2]]);
    using layout = new Layout(events);
    const weights = tf.tidy(() => {
      const [first, second] = model.blocks as [SequenceBlock, SequenceBlock];
      const lookup = { scale: model.scale, plus: model.positions.forward(layout, events) };
      const x = first.forward(model.items.forward(events.item, lookup), layout);
      return tf.slice(second.attentionWeights?.(x, layout)[0] as tf.Tensor3D, [0, 3, 0], [2, 1, 4]);
    });
    const values = await weights.data();
    why.events.forEach(({ attention }, t) => {
      expect(attention).toBeCloseTo(((values[t] as number) + (values[4 + t] as number)) / 2, 5);
    });
    weights.dispose();
  });

  test('without an item the best one is explained; a single event brings the whole score', async () => {
    using model = new SASRec({ items: log.items, maxLength: 4, dim: 8 }).init(2);
    const [best] = await model.recommend(['a', 'b']);
    const why = await model.explain(['a', 'b']);
    expect([why.item, why.score]).toEqual([best?.item, expect.closeTo(best?.score as number, 5)]);
    const other = await model.explain(['a', 'b'], { exclude: [best?.item as string], excludeSeen: false });
    expect(other.item).not.toBe(best?.item);
    const [only] = (await model.explain(['a'], { item: 'b' })).events;
    expect(only).toEqual({ item: 'a', contribution: expect.any(Number), attention: 1 });
    await expect(model.explain([])).rejects.toThrow('at least one item');
  });

  test('a network without blocks has no attention', async () => {
    using model = new SASRec({ items: log.items, layers: 0, dim: 4 }).init(1);
    expect(Object.keys((await model.explain(['a', 'b'])).events[0] as object)).toEqual(['item', 'contribution']);
  });
});

describe('counting models', () => {
  test('a Markov chain is driven by its last event', async () => {
    const model = new MarkovChain({ items: log.items });
    await model.fit(log);
    const why = await model.explain(['a', 'b'], { item: 'c' });
    expect(why.score).toBeCloseTo(2 / 3, 6); // b is followed by c, d, c
    // Without b the last event is a, which is followed by b, c, c.
    expect(why.events.map(({ contribution }) => contribution)).toEqual([0, 0]);
    expect((await model.explain(['a', 'b'], { item: 'd' })).events[1]?.contribution).toBeCloseTo(1 / 3, 6);
    expect((await model.explain(['b'], { item: 'd' })).events).toEqual([
      { item: 'b', contribution: expect.closeTo(1 / 3, 6) },
    ]);
    await expect(model.explain(['d'])).rejects.toThrow('The model recommends nothing after this history');
  });

  test('popularity is driven by none, an empty history has no events', async () => {
    const model = new Popularity({ items: log.items });
    await model.fit(log);
    const why = await model.explain(['a', 'b', 'b'], { item: 'c' });
    expect(why.events.map(({ contribution }) => contribution)).toEqual([0, 0, 0]);
    expect(await model.explain([])).toEqual(new Explanation(log.items, 'c', 4, []));
  });

  test('unknown ids are reported or refused', async () => {
    const model = new MultiStepMarkov({ items: log.items });
    await model.fit(log);
    const left: unknown[] = [];
    const why = await model.explain(['x', 'a'], { onUnknown: (ids) => void left.push(...ids) });
    expect(left).toEqual(['x']);
    expect(why.events).toHaveLength(1);
    await expect(model.explain(['x', 'a'], { unknown: 'error' })).rejects.toThrow("'x'");
    await expect(model.explain(['a'], { item: 'x' })).rejects.toThrow("'x'");
    // biome-ignore lint/suspicious/noExplicitAny: a wrong argument
    await expect(model.explain('a' as any)).rejects.toThrow('A history must be a list of item ids');
  });
});

describe('the picture', () => {
  const ids = ['plain', 'a < b & "c"', 'far too long a name for one line of a picture', '\u0000\ud800'];
  const names = new Catalog([0, 1, 2, 3, 4], { names: [...ids, "it's <script>alert(1)</script>"] });
  const events = [
    { item: 0, contribution: 0.5, attention: 0.25 },
    { item: 1, contribution: -0.25, attention: 0.75 },
    { item: 2, contribution: 0 },
    { item: 3, contribution: Number.NaN },
  ];

  test('is one well-formed document with names in place of ids', () => {
    const svg = new Explanation(names, 4, 1.234, events).toSVG();
    expect(openTags(svg)).toEqual([]);
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    expect(svg).not.toMatch(/<script|href|NaN (H|V)|="NaN|Infinity/);
    expect(svg).toContain('it&#39;s &#60;script&#62;alert(1)&#60;/script&#62;');
    expect(svg).toContain('a &#60; b &#38; &#34;c&#34;');
    expect(svg).toContain('far too long a name for one lin…');
    expect(svg).toContain('<title>far too long a name for one line of a picture: +0.000</title>');
    expect(svg).toContain('\ufffd\ufffd');
    expect(svg).toContain('prefers-color-scheme:dark');
    expect(
      [...svg.matchAll(/<rect class="(brings|costs)" x="([\d.]+)".*? width="([\d.]+)"/g)].map((m) => m.slice(1)),
    ).toEqual([
      ['brings', '342.7', '157.3'],
      ['costs', '264.0', '78.7'],
      ['brings', '342.7', '0.0'],
      ['brings', '342.7', '0.0'],
    ]);
    expect(svg).toContain('75 %');
  });

  test('of a long history shows what contributes most, in its order', () => {
    const svg = new Explanation(names, 4, 1, events.slice(0, 3)).toSVG({ events: 2 });
    expect([...svg.matchAll(/<title>(.*?):/g)].map(([, name]) => name)).toEqual([
      'plain',
      'a &#60; b &#38; &#34;c&#34;',
    ]);
    expect(svg).toContain('and 1 more that contributes less');
    expect(() => new Explanation(names, 4, 1, events).toSVG({ events: 0 })).toThrow(
      'events must be an integer at least 1',
    );
  });

  test('of no events is empty, of no attention has no column for it', () => {
    expect(openTags(new Explanation(names, 4, 1, []).toSVG())).toEqual([]);
    const svg = new Explanation(names, 4, 1, events.slice(2, 3)).toSVG();
    expect(svg).not.toContain('attention');
  });

  test('and the table', () => {
    expect(String(new Explanation(names, 0, 1.234, events.slice(0, 3)))).toBe(
      [
        'plain has a score of 1.2340; its events contribute',
        '    0.5000  attention 0.250  plain',
        '   -0.2500  attention 0.750  a < b & "c"',
        '    0.0000  far too long a name for one line of a picture',
      ].join('\n'),
    );
  });
});

/** The tags that are not closed in their order, and ampersands that begin no reference. */
function openTags(xml: string): string[] {
  const open: string[] = [];
  for (const [, closing, name = '', closed] of xml.matchAll(/<(\/?)(\w+)(?:\s+[\w:-]+="[^"<]*")*(\/?)>/g)) {
    if (closing && open.pop() !== name) return [`</${name}>`];
    if (!closing && !closed) open.push(name);
  }
  return [...open, ...(xml.match(/&(?!#\d+;)/g) ?? [])];
}
