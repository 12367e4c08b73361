/**
 * Runs test files where vitest cannot: in a Web Worker, Deno, Bun. What follows stands in for vitest's worker; the files
 * are bundled by portable-build.ts.
 */
import { afterEach, beforeEach } from 'vitest';
import { startTests } from 'vitest/internal/browser';
import { expectNoDeviceError } from './backends.ts';
import { skipExceptions } from './exceptions.ts';

export interface Outcome {
  passed: number;
  skipped: number;
  /** Name and error of each test that failed. */
  failed: string[];
}

type Runner = Parameters<typeof startTests>[1];
interface Task {
  name: string;
  type: 'suite' | 'test';
  tasks?: Task[];
  result?: { state?: string; errors?: { message: string; stack?: string }[] };
}

const config = {
  root: '/',
  name: '',
  setupFiles: [],
  sequence: { hooks: 'stack', setupFiles: 'list', seed: 0 },
  maxConcurrency: 1,
  testTimeout: 120_000,
  hookTimeout: 120_000,
  retry: 0,
  tags: [],
  expect: {},
  snapshotOptions: {},
};

/** Runs `files`, by their paths, one after the other. */
export async function runTests(files: Record<string, () => Promise<unknown>>): Promise<Outcome> {
  Object.assign(globalThis, { __vitest_worker__: { config, ctx: {}, environment: { name: 'portable' } } });
  const runner = {
    config,
    async importFile(path: string) {
      beforeEach(skipExceptions);
      afterEach(expectNoDeviceError);
      await files[path]?.();
    },
  } as unknown as Runner;
  const outcome: Outcome = { passed: 0, skipped: 0, failed: [] };
  const count = (task: Task, path: string[]): void => {
    const name = [...path, task.name];
    for (const { message, stack } of task.result?.errors ?? []) {
      outcome.failed.push(`${name.join(' > ')}: ${message}\n${stack ?? ''}`);
    }
    if (task.type === 'test' && task.result?.state === 'pass') outcome.passed++;
    else if (task.type === 'test' && task.result?.state !== 'fail') outcome.skipped++;
    for (const child of task.tasks ?? []) count(child, name);
  };
  for (const file of await startTests(Object.keys(files), runner)) count(file as unknown as Task, []);
  return outcome;
}
