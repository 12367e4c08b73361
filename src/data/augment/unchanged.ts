/** A sequence as it is. */
import { type Augmentation, sameView } from './augmentation.ts';

/** Leaves the sequence as it is: two views of it differ by dropout alone (DuoRec: Qiu et al., WSDM 2022). */
export function unchanged(): Augmentation {
  return { name: 'unchanged', options: {}, view: sameView };
}
