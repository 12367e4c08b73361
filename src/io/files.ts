/** Files where the runtime has them (Node, Deno, Bun); a browser keeps bytes instead. */

type FileSystem = typeof import('node:fs/promises');

/** Writes a file so that a crash at any moment leaves either the old or the new one: temporary file, sync, rename. */
export async function writeFileAtomic(path: string, bytes: Uint8Array): Promise<void> {
  const fs = fileSystem(path);
  const temporary = `${path}.${globalThis.process.pid}.tmp`;
  try {
    const handle = await fs.open(temporary, 'w');
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(temporary, path);
  } catch (error) {
    await fs.rm(temporary, { force: true });
    throw error;
  }
}

/** The bytes of a file, or `undefined` when there is none. */
export async function readFileIfPresent(path: string): Promise<Uint8Array | undefined> {
  try {
    return await fileSystem(path).readFile(path);
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return undefined;
    throw error;
  }
}

function fileSystem(path: string): FileSystem {
  // Not an import: bundlers for the browser would have to resolve it.
  const fs = globalThis.process?.getBuiltinModule?.('node:fs/promises');
  if (!fs) throw new Error(`This runtime has no files, so '${path}' cannot be used: pass { write } and bytes instead.`);
  return fs;
}
