/** Where the code runs, as far as the choice of a backend depends on it. */

interface Runtime {
  process?: { versions?: { node?: string }; env?: Record<string, string | undefined> };
  Deno?: unknown;
}

const runtime = globalThis as Runtime;

/** Whether this is Node or Bun, which have optional native packages; Deno brings its own WebGPU. */
export function isServer(): boolean {
  return runtime.process?.versions?.node !== undefined && runtime.Deno === undefined;
}

/** An environment variable; undefined where there is none or the runtime does not permit to read it. */
export function environmentVariable(name: string): string | undefined {
  try {
    return runtime.process?.env?.[name];
  } catch {
    return undefined;
  }
}

/** Imports an optional package at run time only, so that bundlers neither resolve nor include it. */
export function importOptional(name: string): Promise<unknown> {
  return import(/* webpackIgnore: true */ /* @vite-ignore */ name);
}

/** Whether the error of {@link importOptional} says that there is no such package, in the words of Node, Bun or Vite. */
export function isNotInstalled(error: unknown, name: string): boolean {
  const { code, message } = error as { code?: string; message: string };
  const missing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
  return (missing && message.includes(`'${name}'`)) || message.includes(`Could not resolve "${name}"`);
}
