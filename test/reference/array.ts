/** Element access that fails outside the array, which a bare index does not. */

export function at(values: ArrayLike<number>, index: number): number {
  const value = values[index];
  if (value === undefined) throw new RangeError(`Index ${index} is outside an array of ${values.length}.`);
  return value;
}

/** `values[index] += amount` */
export function addTo(values: Float64Array, index: number, amount: number): void {
  values[index] = at(values, index) + amount;
}
