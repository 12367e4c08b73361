/** What WarpRec's models share: items 0 … n-1 and the pad n on the right, and a penalty on the rows that were looked up. */
import * as tf from '@tensorflow/tfjs-core';
import { l2, type Weight } from 'seqrec';
import type { GoldenCase } from '../case.ts';
import { linearNames, type Source, torchAttention } from '../peer.ts';

/**
 * `reg_weight` / 2 · Σ w² over the rows of a table with the given ids, divided by the number of sequences. Pads among the
 * ids count, but train nothing.
 */
export function penalty(kase: GoldenCase, table: Weight<tf.Tensor2D>, state: string, ids: Int32Array): tf.Scalar {
  const pad = kase.number('padId');
  const width = kase.size(state, 1);
  const padRow = kase.floats(state).subarray(pad * width, (pad + 1) * width);
  const pads = ids.filter((id) => id === pad).length * padRow.reduce((sum, value) => sum + value * value, 0);
  const strength = kase.number('reg_weight') / kase.size('in/right/item_seq', 0);
  const items = ids.filter((id) => id !== pad);
  return tf.add(l2(table, strength, items), (strength / 2) * pads);
}

/** The ids of several tensors one after the other. */
export function idsOf(kase: GoldenCase, ...keys: string[]): Int32Array {
  return Int32Array.from(keys.flatMap((key) => [...kase.ints(key)]));
}

/** PyTorch's encoder layer as our TransformerBlock. */
export function encoderLayer(theirs: string, ours: string): [string, Source][] {
  return [
    ...torchAttention(`${theirs}.self_attn`, `${ours}.attention`),
    ...linearNames(`${theirs}.linear1`, `${ours}.feedForward.up`),
    ...linearNames(`${theirs}.linear2`, `${ours}.feedForward.down`),
    ...linearNames(`${theirs}.norm1`, `${ours}.norm1`),
    ...linearNames(`${theirs}.norm2`, `${ours}.norm2`),
  ];
}
