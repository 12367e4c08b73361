/** The programs of docs/models and docs/features.md, run as a user runs them: on the built package, in a process of their own. */
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as seqrec from 'seqrec';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pages = (await readdir(`${root}/docs/models`)).filter((page) => page.endsWith('.md')).sort();
pages.push('../features.md');

const programs = await Promise.all(
  pages.map(async (page) => {
    const text = await readFile(`${root}/docs/models/${page}`, 'utf8');
    return { page, text, blocks: [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block = '']) => block) };
  }),
);

test.each(programs.flatMap(({ page, blocks }) => blocks.map((block, i) => ({ page, block, i }))))(
  '$page, program $i',
  { timeout: 120_000 },
  async ({ page, block, i }) => {
    await mkdir(`${root}/.cache/docs`, { recursive: true });
    const file = `${root}/.cache/docs/${page.replace(/\W/g, '')}-${i}.ts`;
    await writeFile(file, block);
    await promisify(execFile)(process.execPath, [file], { cwd: root });
  },
);

test('every page has a program and a place in the index, and every link leads to a page', () => {
  expect(programs.filter(({ page, blocks }) => page !== 'README.md' && blocks.length === 0)).toEqual([]);
  const index = programs.find(({ page }) => page === 'README.md')?.text ?? '';
  expect(pages.filter((page) => page !== 'README.md' && !index.includes(`](${page})`))).toEqual([]);
  for (const { text } of programs) {
    expect(pages).toEqual(expect.arrayContaining([...text.matchAll(/\]\(([\w-]+\.md)\)/g)].map(([, page]) => page)));
  }
});

test('every model is made in a program', () => {
  // Classes to derive from have no name in files.
  const models = Object.entries(seqrec).flatMap(([name, value]) =>
    typeof value === 'function' && value.prototype instanceof seqrec.Recommender && Object.hasOwn(value, 'modelName')
      ? [name]
      : [],
  );
  const code = programs.flatMap(({ blocks }) => blocks).join('\n');
  expect(models.filter((name) => !code.includes(`new ${name}(`))).toEqual([]);
});
