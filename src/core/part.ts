/** Parts: the exchangeable pieces of a model or a run, which a model file can name. */
import { describe } from './shape.ts';

/** Anything JSON can hold, or a part inside the options of another. */
export type PartOption = string | number | boolean | null | undefined | Part | readonly PartOption[];

/**
 * A value made by an exported function (`gbce({ t: 0.5 })`, `learnedFromEnd()`) or such a function itself (`gelu`).
 * `name` is the export's name and `options` what it was called with, so that a file can store a part and a worker can
 * make it again.
 */
export interface Part {
  readonly name: string;
  readonly options: { readonly [option: string]: PartOption };
  /** Of a part that is not this library's: the URL of the module that exports it, `import.meta.url`, for workers. */
  readonly module?: string | undefined;
}

/** A part as JSON. */
export interface PartJson {
  part: string;
  options: { [option: string]: unknown };
}

/** What makes a part again: the exported function, or the exported part itself where it has no options. */
// biome-ignore lint/suspicious/noExplicitAny: factories take options of many types
export type PartSource = ((...options: any[]) => any) | Part;

export function isPart(value: unknown): value is Part {
  return (
    value !== null &&
    (typeof value === 'object' || typeof value === 'function') &&
    typeof (value as Part).name === 'string' &&
    typeof (value as Part).options === 'object' &&
    (value as Part).options !== null
  );
}

/** Returns `part` if it has `method`, else throws; most often the function that makes the part was not called. */
export function checkPart<P extends object>(name: string, part: P, method: keyof P & string): P {
  if (typeof part?.[method] === 'function') return part;
  const advice = typeof part === 'function' ? ': call it' : '';
  throw new TypeError(`${name} must be a part with the method '${method}', got ${describe(part)}${advice}.`);
}

/** What the part `name` makes for `size`. */
export function create<S, B>(name: string, part: { create(size: S): B }, size: S): B {
  return checkPart(name, part, 'create').create(size);
}

/** `value` with every part in it replaced by its JSON. */
export function partsToJson(value: unknown): unknown {
  if (isPart(value)) return { part: value.name, options: partsToJson({ ...value.options }) };
  if (Array.isArray(value)) return value.map(partsToJson);
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, entry]) => (entry === undefined ? [] : [[key, partsToJson(entry)]])),
    );
  }
  return value;
}

/**
 * The inverse of {@link partsToJson}.
 *
 * @param sources the exported functions by name; every part in `json` must be among them
 */
export function partsFromJson(json: unknown, sources: { readonly [name: string]: PartSource }): unknown {
  if (Array.isArray(json)) return json.map((entry) => partsFromJson(entry, sources));
  if (json === null || typeof json !== 'object') return json;
  const { part, options } = json as Partial<PartJson>;
  const entries = (from: object) =>
    Object.fromEntries(Object.entries(from).map(([key, entry]) => [key, partsFromJson(entry, sources)]));
  if (typeof part !== 'string') return entries(json);
  const source = Object.hasOwn(sources, part) ? sources[part] : undefined;
  if (source === undefined) {
    throw new Error(
      `The part '${part}' is not known here: import it from seqrec and pass it as { parts: { ${part} } }.`,
    );
  }
  if (isPart(source) && Object.keys(options ?? {}).length === 0) return source;
  if (typeof source === 'function') return source(entries(options ?? {}));
  throw new TypeError(
    `The part '${part}' is made again by its function, got ${describe(source)}: pass { parts: { ${part} } }, without calling it.`,
  );
}

/** Gives a function the name and the (empty) options of a part, so that the function itself can be passed as one. */
export function functionPart<F extends (...args: never[]) => unknown>(name: string, fn: F): F & Part {
  Object.defineProperty(fn, 'name', { value: name });
  return Object.assign(fn, { options: {} }) as unknown as F & Part;
}
