import { functionPart, type Part } from 'seqrec';
import { describe, expect, test } from 'vitest';
import { isPart, partsFromJson, partsToJson } from '../../../src/core/part.ts';
import { checkNumber } from '../../../src/core/shape.ts';

const gelu = functionPart('gelu', (x: number) => x + 1);
const block = (options: { activation?: typeof gelu; hidden?: number } = {}): Part & { run(): number } => ({
  name: 'block',
  options,
  run: () => (options.activation ?? gelu)(options.hidden ?? 0),
});

describe('parts', () => {
  test('go through JSON and come back working, also nested', () => {
    const json = JSON.parse(JSON.stringify(partsToJson({ dim: 8, block: block({ activation: gelu, hidden: 2 }) })));
    expect(json).toEqual({
      dim: 8,
      block: { part: 'block', options: { activation: { part: 'gelu', options: {} }, hidden: 2 } },
    });
    const back = partsFromJson(json, { block, gelu }) as { dim: number; block: ReturnType<typeof block> };
    expect(back.dim).toBe(8);
    expect(back.block.run()).toBe(3);
  });

  test('a part that was not given is named', () => {
    expect(() => partsFromJson({ part: 'block', options: {} }, {})).toThrow(
      "The part 'block' is not known here: import it from seqrec and pass it as { parts: { block } }.",
    );
    expect(() => partsFromJson({ part: 'constructor', options: {} }, {})).toThrow(
      "The part 'constructor' is not known",
    );
  });

  test('a function can be a part', () => {
    expect(isPart(gelu)).toBe(true);
    expect(isPart(() => 1)).toBe(false);
    expect(gelu.name).toBe('gelu');
  });
});

describe('checkNumber', () => {
  test.each([
    [
      () => checkNumber('dropout', 1, { min: 0, below: 1 }),
      'dropout must be a number at least 0 and less than 1, got 1.',
    ],
    [() => checkNumber('k', 2.5, { min: 1, integer: true }), 'k must be an integer at least 1, got 2.5.'],
    [() => checkNumber('k', '3', { min: 1 }), "k must be a number at least 1, got '3'."],
    [() => checkNumber('k', Number.NaN), 'k must be a number, got NaN.'],
    [() => checkNumber('rate', 0, { above: 0 }), 'rate must be a number greater than 0, got 0.'],
  ])('%#', (call, message) => {
    expect(call).toThrow(message);
  });

  test('returns what fits', () => {
    expect(checkNumber('k', 3, { min: 1, max: 3, integer: true })).toBe(3);
    expect(checkNumber('clip', Infinity, { above: 0 })).toBe(Infinity);
  });
});
