/** Numerical gradients, the oracle for every written-out one. */

/**
 * The gradient of `f` at `x` by central differences: exact to about `step` squared. `x` is restored.
 *
 * @param step relative to the size of each value, but at least absolute
 */
export function centralDifference(f: (x: Float64Array) => number, x: Float64Array, step = 1e-5): Float64Array {
  return x.map((value, i) => {
    const h = step * Math.max(1, Math.abs(value));
    x[i] = value + h;
    const above = f(x);
    x[i] = value - h;
    const below = f(x);
    x[i] = value;
    return (above - below) / (2 * h);
  });
}
