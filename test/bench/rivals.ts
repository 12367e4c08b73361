/** Libraries that only benches use, installed beside them and not by the project's own `npm ci`. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(new URL('./rivals/package.json', import.meta.url));

/** Imports a rival; undefined, and a hint on stderr, where it is not installed. */
export async function importRival<T>(name: string): Promise<T | undefined> {
  let path: string;
  try {
    path = require.resolve(name);
  } catch {
    console.error(`Without ${name}: npm ci --ignore-scripts --prefix test/bench/rivals installs it.`);
    return undefined;
  }
  return (await import(pathToFileURL(path).href)) as T;
}
