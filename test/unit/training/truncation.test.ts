import { adam, Interactions, prefixes, SASRec } from 'seqrec';
import { beforeAll, describe, expect, test } from 'vitest';
import { use } from '../../support/backends.ts';

/** Twenty users, of whom `long` have 30 events and the others 5. */
const logOf = (long: number) =>
  Interactions.from(
    Array.from({ length: 20 }, (_, user) =>
      Array.from({ length: user < long ? 30 : 5 }, (_, t) => ({ user, item: t % 7 })),
    ).flat(),
  );

describe('a history that is too short', () => {
  beforeAll(() => use('cpu'));
  const fit = async (log: Interactions, maxLength: number, options = {}) => {
    using model = new SASRec({ items: log.items, maxLength, dim: 4, layers: 0 });
    const heard: string[] = [];
    const onWarning = (warning: string) => void heard.push(warning);
    const report = await model.fit(log, { epochs: 1, optimizer: adam(), onWarning, ...options });
    expect(heard).toEqual(report.warnings);
    return report;
  };

  test('is told before training, and in the report, where it cuts more than a tenth of the sequences', async () => {
    const report = await fit(logOf(5), 10);
    const text =
      'maxLength (10) cuts 5 of 20 training sequences and leaves out 42 % of their events; 29 would read nine of ten whole.';
    expect(report.warnings).toEqual([text]);
    expect(String(report)).toContain(`\n${text}`);
  });

  test('is fine up to a tenth, at the length that is suggested, and where examples cover all events', async () => {
    expect((await fit(logOf(2), 10)).warnings).toEqual([]);
    expect((await fit(logOf(5), 29)).warnings).toEqual([]);
    expect((await fit(logOf(5), 10, { objective: prefixes() })).warnings).toEqual([]);
  });

  test('describe() suggests what nine of ten users do not exceed', () => {
    expect(logOf(2).describe().length.suggested).toBe(5);
    expect(logOf(3).describe().length.suggested).toBe(30);
    expect(`${logOf(2).describe()}`).toContain('median 5, nine of ten at most 5)');
  });
});
