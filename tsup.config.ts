/** The build: ES modules, one entry a subpath of the package, what they share in chunks. */
import { readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { defineConfig, type Options } from 'tsup';
import { relaxed, simd } from './src/kernels/wasm/binary.ts';

type Plugin = NonNullable<Options['esbuildPlugins']>[number];

/** Makes the bundled gradients take all they can from the public tfjs-core instead of bringing copies of its ops. */
const publicOps: Plugin = {
  name: 'public-ops',
  setup(build) {
    build.onLoad({ filter: /tfjs-core.dist.(ops.)?\w+\.js$/ }, async ({ path }) => {
      const file = basename(path);
      if (file === 'base.js') return { contents: `export * from '@tensorflow/tfjs-core';` };
      if (file === 'engine.js') {
        return { contents: `import { engine } from '@tensorflow/tfjs-core'; export const ENGINE = engine();` };
      }
      const code = await readFile(path, 'utf8');
      const names = [...code.matchAll(/^export (?:const|function|class) (\w+)|^export \{ (\w+) \};/gm)].map(
        ([, declared, listed]) => (declared ?? listed) as string,
      );
      const complete = names.length > 0 && names.length === [...code.matchAll(/^export /gm)].length;
      if (!complete || !names.every((name) => name in tf)) return undefined;
      return { contents: `export { ${names.join(', ')} } from '@tensorflow/tfjs-core';` };
    });
  },
};

export default defineConfig({
  entry: {
    index: 'src/entries/main.ts',
    core: 'src/entries/core.ts',
    wasm: 'src/entries/wasm.ts',
    webgpu: 'src/entries/webgpu.ts',
    node: 'src/entries/node.ts',
    cpu: 'src/entries/cpu.ts',
    gradients: 'src/backend/gradients.ts',
    worker: 'src/entries/worker.ts',
  },
  format: 'esm',
  target: 'es2022',
  platform: 'neutral',
  splitting: true,
  clean: true,
  // All else of tfjs-core stays external, so that there is one copy of it in an application.
  noExternal: ['@tensorflow/tfjs-core/dist/register_all_gradients.js'],
  esbuildPlugins: [publicOps],
  // The kernels are inlined in the code; configureWasm({ kernels }) takes them as files.
  async onSuccess() {
    for (const [name, base64] of Object.entries({ relaxed, simd })) {
      await writeFile(`dist/kernels-${name}.wasm`, Buffer.from(base64, 'base64'));
    }
  },
  dts: { banner: '/// <reference lib="esnext.disposable" />' },
});
