/** Kernels for the memory of a tfjs-wasm with threads, which an application may have made in an isolated page. */

/** Of a WebAssembly module. */
const HEADER_BYTES = 8;
const IMPORT_SECTION = 2;
/** Limits of a memory that is shared and has a maximum. */
const SHARED = 3;
/** 65,536 pages, the most there can be: a maximum above that of the memory fits as well. */
const MAX_PAGES = [0x80, 0x80, 0x04];

/**
 * The same module for shared memory: WebAssembly compares the kinds of memory where modules are linked, and nothing else
 * in the code depends on it. The module must import a memory and nothing else, as ours do.
 */
export function forSharedMemory(module: Uint8Array): Uint8Array<ArrayBuffer> {
  let section = HEADER_BYTES;
  while (module[section] !== IMPORT_SECTION) {
    const [size, content] = unsigned(module, section + 1);
    section = content + size;
  }
  const [size, content] = unsigned(module, section + 1);
  const end = content + size;
  // How many imports (one), the names of module and field, what it is, limits.
  const [moduleLength, moduleName] = unsigned(module, content + 1);
  const [fieldLength, fieldName] = unsigned(module, moduleName + moduleLength);
  const limits = fieldName + fieldLength + 1;
  const minimum = module.subarray(limits + 1, unsigned(module, limits + 1)[1]);
  const imports = [...module.subarray(content, limits), SHARED, ...minimum, ...MAX_PAGES];
  // A section this short has one byte for its size.
  return Uint8Array.from([
    ...module.subarray(0, section),
    IMPORT_SECTION,
    imports.length,
    ...imports,
    ...module.subarray(end),
  ]);
}

/** The number in LEB128 at `at`, and where it ends. */
function unsigned(bytes: Uint8Array, at: number): [value: number, end: number] {
  let [value, end] = [0, at];
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[end++] as number;
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return [value, end];
  }
}
