/**
 * The loops of a matrix product, as AssemblyScript for `build.ts`: all accumulators of a tile are variables, so that what
 * is the same for every row and step has to be written out.
 *
 * A processor that starts twelve multiply-adds in six cycles has little room for other instructions, and less where two
 * threads share it, so several steps of the sum share the additions to addresses and the test of the loop. A test after each
 * of them keeps the compilers from mixing the steps, which would need more registers than there are. Panels beside each other
 * share what a call takes.
 */

/** The module `tiles` of the kernels. Steps take bytes, of which there are 40,000: the largest tile has most of the work. */
export function tiles(): string {
  return [
    "import { madd } from './math';",
    tile('tileOf6', 6, 8, PANEL_ROW),
    tile('tileOf4', 4, 4),
    // Inlined by name: it is small enough for Binaryen with fused multiply-adds only, and variants alike compress better.
    `@inline ${tile('tileOf1', 1, 1, PANEL_ROW)}`,
  ].join('\n');
}

/** Bytes of a row of a panel, eight columns of B. */
const PANEL_ROW = 32;

/**
 * Sets `rows` x 8 results at `c` to those at `from` (0: none) plus the product of rows of A, `aRow` bytes apart, and `k` rows
 * of B, `bRow` bytes apart; then the same for the next panel, `bPanel` bytes on, and the columns beside, `panels` times in
 * all. The function has arguments for the two unless it is told `bRow` here, where panels follow each other.
 */
function tile(name: string, rows: number, steps: number, bRow?: number): string {
  const each = (count: number, text: (i: number) => string) =>
    Array.from({ length: count }, (_, i) => text(i)).join('\n');
  const step = (s: number) => `{
    const left = v128.load(at, ${s * (bRow ?? 0)});
    const right = v128.load(at, ${s * (bRow ?? 0) + 16});
    let x: v128;
    ${each(rows, (r) => `x = v128.load_splat<f32>(a${r}, ${4 * s}); l${r} = madd(x, left, l${r}); r${r} = madd(x, right, r${r});`)}
    ${bRow ? '' : 'at += bRow;'}
  }`;
  return `
export function ${name}(
  panels: i32, k: i32, a: usize, aRow: usize, b: usize,${bRow ? '' : ' bRow: usize, bPanel: usize,'}
  from: usize, fromRow: usize, c: usize, cRow: usize,
): void {
  for (; panels > 0; panels--) {
    ${each(rows, (r) => `let l${r} = f32x4.splat(0), r${r} = f32x4.splat(0), a${r} = ${r ? `a${r - 1} + aRow` : 'a'};`)}
    if (from) {
      let row = from;
      ${each(rows, (r) => `${r ? 'row += fromRow; ' : ''}l${r} = v128.load(row); r${r} = v128.load(row, 16);`)}
      from += ${PANEL_ROW};
    }
    let at = b, terms = k;
    while (terms > 0) {
      ${each(steps, (s) => (s === 0 ? '' : `if (terms === ${s}) break;`) + step(s))}
      ${each(rows, (r) => `a${r} += ${4 * steps};`)}
      ${bRow ? `at += ${bRow * steps};` : ''}
      terms -= ${steps};
    }
    let row = c;
    ${each(rows, (r) => `${r ? 'row += cRow; ' : ''}v128.store(row, l${r}); v128.store(row, r${r}, 16);`)}
    b += ${bRow ? `<usize>k * ${bRow}` : 'bPanel'};
    c += ${PANEL_ROW};
  }
}`;
}
