/** The programs of docs and docs/models, run as a user runs them: on the built package, in a process of their own. */
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as seqrec from 'seqrec';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The pages of a folder, each with its programs. */
async function pagesOf(folder: string) {
  const names = (await readdir(`${root}/${folder}`)).filter((name) => name.endsWith('.md')).sort();
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(`${root}/${folder}/${name}`, 'utf8');
      return { name, text, blocks: [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block = '']) => block) };
    }),
  );
}

const [docs, models] = [await pagesOf('docs'), await pagesOf('docs/models')];
const pages = models.filter(({ name }) => name !== 'README.md');
const programs = [...docs, ...models].flatMap(({ name, blocks }) => blocks.map((block, i) => ({ name, block, i })));

test.each(programs)('$name, program $i', { timeout: 120_000 }, async ({ name, block, i }) => {
  await mkdir(`${root}/.cache/docs`, { recursive: true });
  const file = `${root}/.cache/docs/${name.replace('.md', '')}-${i}.ts`;
  await writeFile(file, block);
  await promisify(execFile)(process.execPath, [file], { cwd: root });
});

test('every page of a model has a program and a place in the index, and every link leads to a page', () => {
  expect(pages.filter(({ blocks }) => blocks.length === 0)).toEqual([]);
  const linksOf = (text: string) => [...text.matchAll(/\]\(([\w-]+\.md)\)/g)].map(([, name]) => name);
  const index = models.find(({ name }) => name === 'README.md')?.text ?? '';
  expect(pages.filter(({ name }) => !linksOf(index).includes(name))).toEqual([]);
  const names = models.map(({ name }) => name);
  expect(models.flatMap(({ text }) => linksOf(text)).filter((name) => !names.includes(name as string))).toEqual([]);
});

test('every model is made in a program', () => {
  // Classes to derive from have no name in files.
  const classes = Object.entries(seqrec).flatMap(([name, value]) =>
    typeof value === 'function' && value.prototype instanceof seqrec.Recommender && Object.hasOwn(value, 'modelName')
      ? [name]
      : [],
  );
  const code = pages.flatMap(({ blocks }) => blocks).join('\n');
  expect(classes.filter((name) => !code.includes(`new ${name}(`))).toEqual([]);
});
