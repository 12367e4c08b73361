/** References of the activations, for one number. */

export const relu = (x: number) => Math.max(x, 0);
export const sigmoid = (x: number) => (x > 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
export const tanh = Math.tanh;
export const silu = (x: number) => x * sigmoid(x);
export const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
export const logSigmoid = (x: number) => -softplus(-x);
export const gelu = (x: number) => 0.5 * x * erfc(-x / Math.SQRT2);
export const geluTanh = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
export const elu = (alpha: number) => (x: number) => (x > 0 ? x : alpha * Math.expm1(x));
export const leakyRelu = (slope: number) => (x: number) => (x > 0 ? x : slope * x);

/** The complementary error function, by its series near 0 and its continued fraction elsewhere. */
function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  if (x < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; n < 100; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 100; n >= 1; n--) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}
