/**
 * The loops of a matrix product, as AssemblyScript for `build.ts`: all accumulators of a tile are variables, so that what
 * is the same for every row and step has to be written out.
 *
 * A processor that starts twelve multiply-adds in six cycles has little room for other instructions, and less where two
 * threads share it, so several steps of the sum share the additions to addresses and the test of the loop. A test after each
 * of them keeps the compilers from mixing the steps, which would need more registers than there are.
 */

/** The module `tiles` of the kernels, with loops of `steps` steps. */
export function tiles(steps: number): string {
  return [
    "import { madd } from './math';",
    tile('tileOfRows', 6, steps),
    tile('tileOf4', 4, steps),
    tile('tileOf1', 1, steps),
  ].join('\n');
}

/** Sets `rows` x 8 results at `c` to those at `from` plus the product of rows of A, `aRow` bytes apart, and a panel of B [k][8]. */
function tile(name: string, rows: number, steps: number): string {
  const each = (count: number, text: (i: number) => string) =>
    Array.from({ length: count }, (_, i) => text(i)).join('\n');
  const step = (s: number) => `{
    const left = v128.load(b, ${32 * s});
    const right = v128.load(b, ${32 * s + 16});
    let x: v128;
    ${each(rows, (r) => `x = v128.load_splat<f32>(a${r}, ${4 * s}); l${r} = madd(x, left, l${r}); r${r} = madd(x, right, r${r});`)}
  }`;
  return `
export function ${name}(k: i32, a: usize, aRow: usize, b: usize, from: usize, fromRow: usize, c: usize, cRow: usize): void {
  ${each(rows, (r) => `const from${r} = from + ${r} * fromRow; let l${r} = v128.load(from${r}), r${r} = v128.load(from${r}, 16);`)}
  ${each(rows, (r) => `let a${r} = a + ${r} * aRow;`)}
  while (k > 0) {
    ${each(steps, (s) => (s === 0 ? '' : `if (k === ${s}) break;`) + step(s))}
    ${each(rows, (r) => `a${r} += ${4 * steps};`)}
    b += ${32 * steps};
    k -= ${steps};
  }
  ${each(rows, (r) => `const to${r} = c + ${r} * cRow; v128.store(to${r}, l${r}); v128.store(to${r}, r${r}, 16);`)}
}`;
}
