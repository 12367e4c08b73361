/** Bundles test files for portable.ts. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Take long, or are about what only Node has. */
const inNodeOnly = ['large.test.ts', 'plain-simd.test.ts'];

/** The test files of ops, blocks and models. */
const files = ['test/conformance', 'test/unit/ops'].flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((file) => file.endsWith('.test.ts') && !inNodeOnly.includes(file))
    .map((file) => `${folder}/${file}`),
);

/**
 * Writes one module that exports `run(pattern): Promise<Outcome>`, which runs the test files whose path matches. For
 * browsers everything is in it; for servers the packages stay where they are installed.
 */
export async function buildTests(outfile: string, platform: 'browser' | 'node'): Promise<void> {
  const at = (path: string) => JSON.stringify(join(root, path));
  const imports = files.map((file) => `${JSON.stringify(file)}: () => import(${at(file)})`);
  await build({
    stdin: {
      contents: `
        import ${at('test/setup.ts')};
        import { runTests } from ${at('test/support/portable.ts')};
        export { configureWasm } from ${at('src/backend/wasm-options.ts')};
        const files = { ${imports.join(',\n')} };
        export const run = (pattern = /./) =>
          runTests(Object.fromEntries(Object.entries(files).filter(([path]) => pattern.test(path))));`,
      resolveDir: root,
    },
    outfile,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    platform,
    absWorkingDir: root,
    alias: {
      seqrec: join(root, 'src/entries/main.ts'),
      '@tensorflow/tfjs-core/dist/register_all_gradients.js': '@tensorflow/tfjs',
    },
    external: platform === 'node' ? ['@tensorflow/*', 'vitest', 'fast-check', 'csv-parse'] : ['node:*'],
    // Else our own package.json would drop the imports of setup.ts and of the gradients.
    ignoreAnnotations: true,
    logLevel: 'warning',
  });
}
