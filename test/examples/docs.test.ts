/** The programs of README, docs and docs/models, run as a user runs them: on the built package, in a process of their own. */
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
  return Promise.all(names.map((name) => pageOf(folder, name)));
}

async function pageOf(folder: string, name: string) {
  const text = await readFile(`${root}/${folder}/${name}`, 'utf8');
  return { name, text, blocks: [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block = '']) => block) };
}

const [readme, docs, models] = [await pageOf('.', 'README.md'), await pagesOf('docs'), await pagesOf('docs/models')];
const pages = models.filter(({ name }) => name !== 'README.md');
const programs = [...docs, ...models].flatMap(({ name, blocks }) => blocks.map((block, i) => ({ name, block, i })));
/** What the reader of README has: the rows, and files. */
const given = `import { readFile, writeFile } from 'node:fs/promises';
import { syntheticShop } from 'seqrec';
const { rows } = syntheticShop({ users: 60, items: 60 });
`;
programs.push(...readme.blocks.map((block, i) => ({ name: 'front-page.md', block: given + block, i })));

test.each(programs)('$name, program $i', async ({ name, block, i }) => {
  const folder = `${root}/.cache/docs`;
  await mkdir(folder, { recursive: true });
  const file = `${folder}/${name.replace('.md', '')}-${i}.ts`;
  await writeFile(file, block);
  await promisify(execFile)(process.execPath, [file], { cwd: folder });
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
