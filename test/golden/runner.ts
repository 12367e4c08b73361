/** Runs the golden cases of a directory through their adapters. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AdapterTable, GoldenCase } from './case.ts';

export interface Result {
  readonly name: string;
  readonly status: 'pass' | 'FAIL' | 'partial' | 'skip';
  /** Why it did not pass, or what a passing case leaves out. */
  readonly detail: string;
  /** The line of the report. */
  readonly line: string;
}

/** The cases of a directory: those its `index.json` lists, else every safetensors file. */
export function listCases(directory: string, pattern = '*'): string[] {
  const index = join(directory, 'index.json');
  const names = existsSync(index)
    ? (JSON.parse(readFileSync(index, 'utf8')) as { cases: { case: string }[] }).cases.map((entry) => entry.case)
    : readdirSync(directory).flatMap((file) =>
        file.endsWith('.safetensors') ? [file.replace(/\.safetensors$/, '')] : [],
      );
  const matches = glob(pattern);
  return names.filter((name) => matches.test(name)).sort();
}

/** Runs one case and says how it went; a case never throws. */
export async function runCase(directory: string, name: string, adapters: AdapterTable): Promise<Result> {
  const adapter = adapters.find(([pattern]) => pattern.test(name))?.[1];
  if (!adapter) return result(name, undefined, 'skip', 'no adapter for this model yet');
  let kase: GoldenCase | undefined;
  try {
    kase = GoldenCase.read(name, join(directory, `${name}.safetensors`));
    await adapter(kase);
  } catch (error) {
    return result(name, kase, 'FAIL', `${(error as Error).message ?? error}`.replace(/\s*\n\s*/g, ' '));
  }
  return conclude(kase);
}

/** The verdict on a case whose adapter has finished. */
export function conclude(kase: GoldenCase): Result {
  const [first, ...others] = kase.differences;
  if (first) return result(kase.name, kase, 'FAIL', others.length > 0 ? `${first}; ${others.length} more` : first);
  const missed = kase.missed();
  if (missed.length > 0) return result(kase.name, kase, 'partial', `not compared: ${missed.join(', ')}`);
  return result(kase.name, kase, 'pass', exceptions(kase));
}

/** The last line of a report. */
export function summary(results: readonly Result[]): string {
  const count = (...status: Result['status'][]) => results.filter((entry) => status.includes(entry.status)).length;
  return `${count('pass')} passed, ${count('FAIL')} failed, ${count('skip', 'partial')} skipped`;
}

/** What a case leaves out, by reason. */
function exceptions(kase: GoldenCase): string {
  const reasons = new Map<string, string[]>();
  for (const [key, why] of kase.exceptions) reasons.set(why, [...(reasons.get(why) ?? []), key]);
  return [...reasons].map(([why, keys]) => `${keys.join(', ')}: ${why}`).join('; ');
}

function result(name: string, kase: GoldenCase | undefined, status: Result['status'], detail: string): Result {
  const counts = kase
    ? Object.entries(kase.counts()).map(([group, { compared, stored }]) => `${group} ${compared}/${stored}`.padEnd(11))
    : [];
  const remarks = [
    ...(status === 'pass' && detail ? [`left out: ${detail}`] : []),
    ...(kase?.composed ? [`composed: ${kase.composed}`] : []),
  ];
  const verdict = (status === 'pass' ? 'pass' : `${status}: ${detail}`) + remarks.map((text) => ` (${text})`).join('');
  return {
    name,
    status,
    detail,
    line: [name.padEnd(30), (kase?.reading ?? '-').padEnd(5), ...counts, verdict].join('  '),
  };
}

/** `pmixer` means `*pmixer*`; with a `*` the pattern must match the whole name. */
function glob(pattern: string): RegExp {
  const source = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(pattern.includes('*') ? `^${source}$` : source);
}
