/** What a program for a GPU is: WGSL with the names of what it reads and writes. */

export type NumberType = 'i32' | 'u32' | 'f32';

/**
 * `code` declares `fn run(group: i32, lane: i32)`, which a workgroup of `lanes` invocations calls; a few groups more than
 * asked for may run, so it begins with a check. It reads and writes tensors as flat arrays by their names, and numbers as
 * `u.name`, or `name(i)` for a list. Constants are compiled in.
 */
export interface Program<
  Input extends string = string,
  Output extends string = string,
  Numbers extends string = string,
  Lists extends string = string,
  Constant extends string = string,
> {
  readonly name: string;
  readonly lanes: number;
  readonly inputs: { readonly [name in Input]: 'f32' | 'i32' };
  /** May be read as well. */
  readonly outputs: { readonly [name in Output]: 'f32' | 'i32' };
  readonly numbers: { readonly [name in Numbers]: NumberType };
  /** Short lists of u32. */
  readonly lists?: readonly Lists[];
  readonly constants?: readonly Constant[];
  readonly code: string;
}

/** Keeps the names that a program declares in its type. */
export function program<
  Input extends string,
  Output extends string,
  Numbers extends string,
  Lists extends string = never,
  Constant extends string = never,
>(of: Program<Input, Output, Numbers, Lists, Constant>): Program<Input, Output, Numbers, Lists, Constant> {
  return of;
}

/** Invocations of a workgroup where nothing else asks for a number. */
export const LANES = 64;

/** `total(lane, value)`: the sum over the lanes of a workgroup, always in the same order; all of them must call it. */
export const total = (lanes: number) => /* wgsl */ `
var<workgroup> parts: array<f32, ${lanes}>;

fn total(lane: i32, value: f32) -> f32 {
  parts[lane] = value;
  workgroupBarrier();
  for (var half = ${lanes / 2}; half > 0; half /= 2) {
    if (lane < half) { parts[lane] += parts[lane + half]; }
    workgroupBarrier();
  }
  let sum = parts[0];
  workgroupBarrier();
  return sum;
}`;

/** `highest(lane, value)`: the maximum over the lanes of a workgroup that has {@link total}. */
export const highest = (lanes: number) => /* wgsl */ `
fn highest(lane: i32, value: f32) -> f32 {
  parts[lane] = value;
  workgroupBarrier();
  for (var half = ${lanes / 2}; half > 0; half /= 2) {
    if (lane < half) { parts[lane] = max(parts[lane], parts[lane + half]); }
    workgroupBarrier();
  }
  let most = parts[0];
  workgroupBarrier();
  return most;
}`;

/** Below every score that counts; WGSL has no infinity. */
export const LOWEST = '-3.4028234e38';
