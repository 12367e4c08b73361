/** Checks at the boundary, with errors that say what was expected, what came and what to do. */
import type { Tensor } from '@tensorflow/tfjs-core';

/** The number of elements of `shape`. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

/**
 * Throws unless `tensor` has the shape `expected`; `-1` stands for any size.
 *
 * @param what the name of the tensor in the error
 */
export function expectShape(tensor: Tensor, expected: readonly number[], what: string): void {
  const fits =
    tensor.shape.length === expected.length && expected.every((n, axis) => n === -1 || n === tensor.shape[axis]);
  if (!fits) {
    const wanted = expected.map((n) => (n === -1 ? 'any' : n)).join(', ');
    throw new RangeError(`${what} must have the shape [${wanted}], got [${tensor.shape.join(', ')}].`);
  }
}

/** Limits of a numeric option; both ends are allowed unless `above` or `below` says otherwise. */
export interface NumberLimits {
  min?: number | undefined;
  max?: number | undefined;
  /** Must be greater than this. */
  above?: number | undefined;
  /** Must be less than this. */
  below?: number | undefined;
  integer?: boolean | undefined;
}

/** Returns `value` if it is a number within `limits`, else throws a sentence with the option's name and the limits. */
export function checkNumber(name: string, value: unknown, limits: NumberLimits = {}): number {
  const { min = -Infinity, max = Infinity, above = -Infinity, below = Infinity, integer = false } = limits;
  const ok =
    typeof value === 'number' &&
    (value > above || above === -Infinity) &&
    (value < below || below === Infinity) &&
    value >= min &&
    value <= max &&
    (!integer || Number.isInteger(value));
  if (!ok) {
    const parts = [
      ...(min > -Infinity ? [`at least ${min}`] : []),
      ...(above > -Infinity ? [`greater than ${above}`] : []),
      ...(max < Infinity ? [`at most ${max}`] : []),
      ...(below < Infinity ? [`less than ${below}`] : []),
    ];
    const kind = integer ? 'an integer' : 'a number';
    throw new RangeError(
      `${name} must be ${kind}${parts.length ? ` ${parts.join(' and ')}` : ''}, got ${describe(value)}.`,
    );
  }
  return value;
}

/** Returns `value` if it can be a width, a number of columns. */
export function checkWidth(name: string, value: number): number {
  return checkNumber(name, value, { min: 1, max: 65536, integer: true });
}

/** Returns `value` if it can be a number of blocks, of which there may be none. */
export function checkLayers(name: string, value: number): number {
  return checkNumber(name, value, { min: 0, max: 1000, integer: true });
}

/** Returns `heads` if it is a number of attention heads that divides `dim`. */
export function checkHeads(dim: number, heads: number): number {
  if (dim % checkNumber('heads', heads, { min: 1, integer: true }) === 0) return heads;
  throw new RangeError(`dim (${dim}) must be a multiple of heads (${heads}).`);
}

/** Returns `value` if it is true or false: any other value of a switch would pass as true. */
export function checkBoolean(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new TypeError(`${name} must be true or false, got ${describe(value)}.`);
}

/** Returns `value` if it is one of `values`. */
export function checkOneOf<V extends string>(name: string, value: V, values: readonly V[]): V {
  if (values.includes(value)) return value;
  throw new RangeError(`${name} must be ${values.map((each) => `'${each}'`).join(' or ')}, got ${describe(value)}.`);
}

/**
 * Throws if there are `others`, options that `what` does not have: a misspelt one would be ignored without a word, as
 * would `options` that are a number.
 */
export function refuseOthers(
  what: string,
  others: { readonly [option: string]: never },
  options: object = others,
): void {
  const [name] = Object.keys(others);
  if (name !== undefined) throw new TypeError(`${what} has no option '${name}': correct its name or leave it out.`);
  if (typeof options !== 'object') {
    throw new TypeError(`${what} takes its options by name, in an object, got ${describe(options)}.`);
  }
}

/** Throws unless `signal` is an AbortSignal, or there is none. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal === undefined || typeof signal?.throwIfAborted === 'function') return;
  throw new TypeError(`signal must be an AbortSignal, got ${describe(signal)}: pass the signal of a controller.`);
}

/** A short text of any value for an error message. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 40 ? `${value.slice(0, 40)}…` : value}'`;
  if (typeof value === 'bigint') return `${value}n`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'function') return `the function ${value.name || '(anonymous)'}`;
  if (value !== null && typeof value === 'object') return `an object (${value.constructor?.name ?? 'no prototype'})`;
  return String(value);
}
