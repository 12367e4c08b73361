/**
 * `import 'seqrec/wasm'` runs seqrec on WebAssembly.
 *
 * @module seqrec/wasm
 */

import { requestBackend } from '../backend/select.ts';
import { wasm } from '../backend/wasm.ts';

requestBackend(wasm);

export { accelerateTensorFlow } from '../backend/accelerate.ts';
export type { KernelFile, KernelPaths } from '../backend/kernel-source.ts';
export { configureWasm, type WasmFile, type WasmOptions, type WasmPaths } from '../backend/wasm-options.ts';
