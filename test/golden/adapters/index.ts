/** The adapter of every case, by name. */
import type { AdapterTable } from '../case.ts';
import { adapters as bert4rec } from './bert4rec.ts';
import { adapters as bsarec } from './bsarec.ts';
import { adapters as bst } from './bst.ts';
import { adapters as caser } from './caser.ts';
import { adapters as cl4srec } from './cl4srec.ts';
import { adapters as contrastive } from './contrastive.ts';
import { adapters as core } from './core.ts';
import { adapters as esasrec } from './esasrec.ts';
import { adapters as factorized } from './factorized.ts';
import { adapters as gru4rec } from './gru4rec.ts';
import { adapters as gsasrec } from './gsasrec.ts';
import { adapters as layers } from './layers.ts';
import { adapters as lightsans } from './lightsans.ts';
import { adapters as linrec } from './linrec.ts';
import { adapters as losses } from './losses.ts';
import { adapters as markov } from './markov.ts';
import { adapters as metrics } from './metrics.ts';
import { adapters as narm } from './narm.ts';
import { adapters as optimizers } from './optimizers.ts';
import { adapters as rectools } from './rectools.ts';
import { adapters as recurrent } from './recurrent.ts';
import { adapters as sasrec } from './sasrec.ts';
import { adapters as srgnn } from './sr-gnn.ts';
import { adapters as stan } from './stan.ts';

export const adapters: AdapterTable = [
  ...sasrec,
  ...bert4rec,
  ...rectools,
  ...esasrec,
  ...core,
  ...gsasrec,
  ...lightsans,
  ...linrec,
  ...bsarec,
  ...narm,
  ...layers,
  ...losses,
  ...contrastive,
  ...cl4srec,
  ...optimizers,
  ...metrics,
  ...bst,
  ...markov,
  ...recurrent,
  ...stan,
  ...gru4rec,
  ...caser,
  ...srgnn,
  ...factorized,
];
