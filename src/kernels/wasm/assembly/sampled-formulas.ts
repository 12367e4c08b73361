// The formulas of losses over sampled scores, with their slopes by the scores.
import { exp1, expNegative4, log1, madd, maxLanes, sigmoid4, sumLanes } from './math';

/**
 * loss = share · (beta · ln(1 + e^-p) + Σ ln(1 + e^n)) for the score p of each target and the scores n of its `width`
 * negatives. Slopes: `dPositive` [count], `dNegative` [count, width].
 *
 * @param betas  [count], or 0: `beta` for all
 * @param shares [count], or 0: `share` for all
 */
export function logistic(
  positive: usize,
  negative: usize,
  count: i32,
  width: i32,
  betas: usize,
  beta: f32,
  shares: usize,
  share: f32,
  loss: usize,
  dPositive: usize,
  dNegative: usize,
): void {
  for (let i: usize = 0; i < (<usize>count) << 2; i += 4) {
    if (betas) beta = load<f32>(betas + i);
    if (shares) share = load<f32>(shares + i);
    const p = f32x4.splat(-load<f32>(positive + i));
    store<f32>(dPositive + i, -share * beta * f32x4.extract_lane(sigmoid4(p), 0));
    let sum = beta * f32x4.extract_lane(softplus4(p), 0);
    const by = f32x4.splat(share);
    let total = f32x4.splat(0);
    let k = width;
    for (; k >= 4; k -= 4) {
      const x = v128.load(negative);
      total = f32x4.add(total, softplus4(x));
      v128.store(dNegative, f32x4.mul(by, sigmoid4(x)));
      negative += 16;
      dNegative += 16;
    }
    sum += sumLanes(total);
    for (; k > 0; k--) {
      const x = v128.load_splat<f32>(negative);
      sum += f32x4.extract_lane(softplus4(x), 0);
      store<f32>(dNegative, share * f32x4.extract_lane(sigmoid4(x), 0));
      negative += 4;
      dNegative += 4;
    }
    store<f32>(loss + i, share * sum);
  }
}

/** ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|), and ln(1 + e) = 2 artanh(s) with s = e / (2 + e), at most a third. */
@inline
function softplus4(x: v128): v128 {
  const e = expNegative4(f32x4.neg(f32x4.abs(x)));
  const s = f32x4.div(e, f32x4.add(e, f32x4.splat(2)));
  const q = f32x4.mul(s, s);
  let series = f32x4.splat(1 / 15);
  series = madd(series, q, f32x4.splat(1 / 13));
  series = madd(series, q, f32x4.splat(1 / 11));
  series = madd(series, q, f32x4.splat(1 / 9));
  series = madd(series, q, f32x4.splat(1 / 7));
  series = madd(series, q, f32x4.splat(1 / 5));
  series = madd(series, q, f32x4.splat(1 / 3));
  series = madd(series, q, f32x4.splat(1));
  return madd(f32x4.add(s, s), series, f32x4.max(x, f32x4.splat(0)));
}

/** loss = ln(e^p + Σ e^n) - p, with its slopes. */
export function softmaxOverNegatives(
  positive: usize,
  negative: usize,
  count: i32,
  width: i32,
  loss: usize,
  dPositive: usize,
  dNegative: usize,
): void {
  const bytes: usize = (<usize>width) << 2;
  const whole = bytes & ~15;
  for (let i: usize = 0; i < (<usize>count) << 2; i += 4) {
    const p = load<f32>(positive + i);
    let highest4 = f32x4.splat(p);
    let k: usize = 0;
    for (; k < whole; k += 16) highest4 = f32x4.pmax(highest4, v128.load(negative + k));
    let highest = maxLanes(highest4);
    for (; k < bytes; k += 4) highest = max(highest, load<f32>(negative + k));
    const shift = f32x4.splat(highest);
    let total4 = f32x4.splat(0);
    for (k = 0; k < whole; k += 16) {
      const e = expNegative4(f32x4.sub(v128.load(negative + k), shift));
      v128.store(dNegative + k, e);
      total4 = f32x4.add(total4, e);
    }
    const ofPositive = exp1(p - highest);
    let others = sumLanes(total4);
    for (; k < bytes; k += 4) {
      const e = exp1(load<f32>(negative + k) - highest);
      store<f32>(dNegative + k, e);
      others += e;
    }
    const total = ofPositive + others;
    // The logarithm of a NaN would be a number.
    store<f32>(loss + i, isNaN(total) ? total : log1(total) + (highest - p));
    // 1 - the target's share, without taking a difference.
    store<f32>(dPositive + i, -others / total);
    const by = f32x4.splat(1 / total);
    for (k = 0; k < whole; k += 16) v128.store(dNegative + k, f32x4.mul(v128.load(dNegative + k), by));
    for (; k < bytes; k += 4) store<f32>(dNegative + k, load<f32>(dNegative + k) / total);
    negative += bytes;
    dNegative += bytes;
  }
}
