/**
 * `import 'seqrec/wasm'` runs seqrec on WebAssembly.
 *
 * @module seqrec/wasm
 */

import { requestBackend } from '../backend/select.ts';
import { wasm } from '../backend/wasm.ts';

requestBackend(wasm);

export { configureWasm, type WasmFile, type WasmOptions } from '../backend/wasm.ts';
