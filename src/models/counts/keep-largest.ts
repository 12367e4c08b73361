/** Selection without sorting. */

/**
 * Moves the `k` pairs with the largest keys to the front, in no order; among equal keys the larger value wins. Values
 * must differ. Takes time proportional to `count`.
 */
export function keepLargest(keys: Float64Array, values: Int32Array, count: number, k: number): void {
  let [from, to] = [0, count - 1];
  while (from < to) {
    const middle = (from + to) >> 1;
    const pivotKey = keys[middle] as number;
    const pivotValue = values[middle] as number;
    let [left, right] = [from, to];
    while (left <= right) {
      for (let key = keys[left] as number; ; key = keys[++left] as number) {
        if (!(key > pivotKey || (key === pivotKey && (values[left] as number) > pivotValue))) break;
      }
      for (let key = keys[right] as number; ; key = keys[--right] as number) {
        if (!(key < pivotKey || (key === pivotKey && (values[right] as number) < pivotValue))) break;
      }
      if (left > right) break;
      const [key, value] = [keys[left] as number, values[left] as number];
      keys[left] = keys[right] as number;
      values[left] = values[right] as number;
      keys[right] = key;
      values[right] = value;
      left++;
      right--;
    }
    if (k - 1 <= right) to = right;
    else if (k - 1 >= left) from = left;
    else return;
  }
}
