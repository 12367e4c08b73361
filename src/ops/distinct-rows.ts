/** Which rows are named, each once. */

/**
 * The distinct numbers of `rows` in the order of their first appearance, and for each element its place among them. A
 * hash table of its own, as it takes part in every step: in time and space independent of the size of a catalogue.
 */
export function distinctRows(rows: Int32Array): { rows: Int32Array; places: Int32Array } {
  const mask = 2 ** Math.ceil(Math.log2(2 * rows.length + 1)) - 1;
  const slots = new Int32Array(mask + 1); // a place from 1; 0 is free
  const distinct = new Int32Array(rows.length);
  const places = new Int32Array(rows.length);
  let count = 0;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    let slot = (Math.imul(row, 0x9e3779b1) >>> 7) & mask;
    while (slots[slot] !== 0 && distinct[(slots[slot] as number) - 1] !== row) slot = (slot + 1) & mask;
    if (slots[slot] === 0) {
      distinct[count++] = row;
      slots[slot] = count;
    }
    places[i] = (slots[slot] as number) - 1;
  }
  return { rows: distinct.slice(0, count), places };
}
