/** Activation functions and their slopes. */
import { LANES, program } from './program.ts';

/** The number by which programs know an activation; 0 is none. */
export const ACTIVATIONS = { relu: 1, gelu: 2, silu: 3 } as const;

/** `activate(x)` and `slope(x)` for the constant `activation`. */
export const activate = /* wgsl */ `
/** The normal distribution function, to 1e-7 (Abramowitz & Stegun, 7.1.26, for the tail that is below ½). */
fn normalCdf(x: f32) -> f32 {
  let t = 1.0 / (1.0 + 0.231641888 * abs(x)); // 0.3275911 / √2
  let p = (((0.5307027145 * t - 0.7265760135) * t + 0.7107068705) * t - 0.142248368) * t + 0.127414796;
  let tail = p * t * exp(-0.5 * min(x * x, 160.0));
  return select(1.0 - tail, tail, x < 0.0);
}

fn logistic(x: f32) -> f32 { return 1.0 / (1.0 + exp(-max(x, -80.0))); }

fn activate(x: f32) -> f32 {
  if (activation == 1) { return max(x, 0.0); }
  if (activation == 2) { return x * normalCdf(x); }
  if (activation == 3) { return x * logistic(x); }
  return x;
}

fn slope(x: f32) -> f32 {
  if (activation == 1) { return select(0.0, 1.0, x > 0.0); }
  if (activation == 2) { return normalCdf(x) + x * 0.39894228 * exp(-0.5 * min(x * x, 160.0)); } // times 1 / √(2π)
  let s = logistic(x);
  return s * (1.0 + x * (1.0 - s));
}`;

export const activationForward = program({
  name: 'activation',
  lanes: LANES,
  inputs: { x: 'f32' },
  outputs: { y: 'f32' },
  numbers: { size: 'i32' },
  constants: ['activation'],
  code: /* wgsl */ `${activate}
fn run(group: i32, lane: i32) {
  let i = group * ${LANES} + lane;
  if (i < u.size) { y[i] = activate(x[i]); }
}`,
});

export const activationBackward = program({
  name: 'activationGradient',
  lanes: LANES,
  inputs: { x: 'f32', dy: 'f32' },
  outputs: { dx: 'f32' },
  numbers: { size: 'i32' },
  constants: ['activation'],
  code: /* wgsl */ `${activate}
fn run(group: i32, lane: i32) {
  let i = group * ${LANES} + lane;
  if (i < u.size) { dx[i] = dy[i] * slope(x[i]); }
}`,
});
