/** What RecBole's models share. */
import { linearNames, type Source } from '../peer.ts';

/** RecBole's encoder layer as our TransformerBlock. */
export function encoderLayer(theirs: string, ours: string): [string, Source][] {
  return [
    ...['query', 'key', 'value'].flatMap((part) =>
      linearNames(`${theirs}.multi_head_attention.${part}`, `${ours}.attention.${part}`),
    ),
    ...linearNames(`${theirs}.multi_head_attention.dense`, `${ours}.attention.output`),
    ...linearNames(`${theirs}.multi_head_attention.LayerNorm`, `${ours}.norm1`),
    ...feedForward(theirs, ours),
  ];
}

/** Its second half. */
export function feedForward(theirs: string, ours: string): [string, Source][] {
  return [
    ...linearNames(`${theirs}.feed_forward.dense_1`, `${ours}.feedForward.up`),
    ...linearNames(`${theirs}.feed_forward.dense_2`, `${ours}.feedForward.down`),
    ...linearNames(`${theirs}.feed_forward.LayerNorm`, `${ours}.norm2`),
  ];
}
