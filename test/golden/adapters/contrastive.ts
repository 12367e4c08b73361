/** InfoNCE as WarpRec, CL4SRec and DuoRec write it. */
import * as tf from '@tensorflow/tfjs-core';
import {
  cosineSimilarity,
  dotSimilarity,
  gatherRows,
  type InfoNCEOptions,
  infoNCE,
  Module,
  Parameter,
  tensorOf,
  zeros,
} from 'seqrec';
import type { Adapter, AdapterTable, GoldenCase } from '../case.ts';
import { Peer, same } from '../peer.ts';

/** The two views `[B, D]` of B sequences. */
class Views extends Module {
  readonly z1: Parameter;
  readonly z2: Parameter;

  constructor(kase: GoldenCase) {
    super();
    this.z1 = new Parameter(kase.shape('state/z1'), zeros);
    this.z2 = new Parameter(kase.shape('state/z2'), zeros);
  }

  /** `[2B, D]`, the views of a sequence one after the other. */
  get pairs(): tf.Tensor2D {
    const both = tf.concat([this.z1, this.z2].map((view) => tensorOf<tf.Tensor>(view) as tf.Tensor2D));
    const count = this.z1.shape[0] as number;
    return gatherRows(
      both,
      Int32Array.from({ length: 2 * count }, (_, i) => (i % 2) * count + (i >> 1)),
    );
  }
}

/** The options behind a name like `duorec_warprec_cos_t0.5`. */
function optionsOf(name: string): InfoNCEOptions {
  const temperature = Number(/_t([\d.]+)$/.exec(name)?.[1]);
  const oneWay = name.startsWith('warprec_infonce');
  const cosine = oneWay || name.includes('_cos_');
  return {
    similarity: cosine ? cosineSimilarity : dotSimilarity,
    temperature,
    oneWay,
    maskSameItem: name.startsWith('duorec_warprec'),
  };
}

const infoNce: Adapter = async (kase) => {
  const views = new Views(kase);
  const peer = new Peer(kase, views, [
    ['z1', same('z1')],
    ['z2', same('z2')],
  ]);
  const targets = kase.ints('in/targets');
  const item = Int32Array.from({ length: 2 * targets.length }, (_, i) => targets[i >> 1] as number);
  const mean = (options: InfoNCEOptions) => () => {
    const weight = Float32Array.from(item, (_, i) => (options.oneWay && i % 2 ? 0 : 1));
    const states = views.pairs;
    const sum = infoNCE(options).forward(states, { weight: states }, { item, weight });
    return tf.div(
      sum,
      weight.reduce((total, w) => total + w, 0),
    ) as tf.Scalar;
  };
  const names = kase.keys('loss/').map((key) => key.slice('loss/'.length));
  await peer.check(new Map(names.map((name) => [name, mean(optionsOf(name))])));
  views.dispose();
};

export const adapters: AdapterTable = [[/^loss_infonce/, infoNce]];
