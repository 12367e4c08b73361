/** The gradient of a bias. */

/** `sums` [columns] = the sum over the rows of `x` [rows, columns]. */
export function columnSums(x: usize, rows: i32, columns: i32, sums: usize): void {
  memory.fill(sums, 0, (<usize>columns) << 2);
  const vectors: usize = (<usize>(columns >> 2)) << 4;
  const width: usize = (<usize>columns) << 2;
  for (let row = 0; row < rows; row++) {
    let j: usize = 0;
    for (; j < vectors; j += 16) v128.store(sums + j, f32x4.add(v128.load(sums + j), v128.load(x + j)));
    for (; j < width; j += 4) store<f32>(sums + j, load<f32>(sums + j) + load<f32>(x + j));
    x += width;
  }
}
