/** The objective of BERT4Rec: hidden events are predicted from all others. */
import { Ragged } from '../../core/ragged.ts';
import type { Rng } from '../../core/rng.ts';
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import type { Batch, Objective } from './objective.ts';

export interface ClozeOptions {
  /** The share of the events that are asked for, at least one a sequence. @defaultValue 0.2 */
  probability?: number | undefined;
  /** The share of these that show a random item in place of [MASK]. @defaultValue 0 */
  random?: number | undefined;
  /** The share of these that show their own item in place of [MASK]. @defaultValue 0 */
  keep?: number | undefined;
  /** The share of the examples of which the last event alone is asked for, as when the model serves. @defaultValue 1/11 */
  lastItem?: number | undefined;
}

/**
 * Of each sequence's most recent `maxLength` events, max(1, round(probability · n)) are hidden behind [MASK] and asked for
 * where they stood (Sun et al., CIKM 2019, section 3.6); every epoch draws others. In one of eleven examples only the last
 * event is hidden.
 *
 * The authors' code (FeiSun/BERT4Rec, `gen_data_fin.py`) writes ten random copies of a sequence and one with the last event
 * hidden, once and for all; here an epoch draws one of these eleven, so ten times as many epochs see as much. Its
 * probability is 0.2 for MovieLens 1M and 0.6 for Beauty, and it hides all that is asked for, as here; BERT's own
 * 80/10/10 is `{ random: 0.1, keep: 0.1 }`.
 *
 * @throws Error in training for a model without a row for [MASK]
 */
export function cloze(options: ClozeOptions = {}): Objective {
  const { probability = 0.2, random = 0, keep = 0, lastItem = 1 / 11, ...others } = options;
  refuseOthers('cloze', others, options);
  checkNumber('cloze: probability', probability, { above: 0, max: 1 });
  checkNumber('cloze: lastItem', lastItem, { min: 0, max: 1 });
  checkNumber('cloze: random', random, { min: 0, max: 1 });
  checkNumber('cloze: keep', keep, { min: 0, max: 1 - random });
  return {
    name: 'cloze',
    options: { probability, random, keep, lastItem },
    batch(examples, { maxLength, items, mask, stream }): Batch {
      if (mask === undefined) {
        throw new Error('cloze() needs a model with a row for [MASK], such as BERT4Rec, and this one has none.');
      }
      const recent = examples.last(maxLength);
      const shown = recent.item.slice();
      const row: number[] = [];
      const sequence: number[] = [];
      for (let b = 0; b < recent.count; b++) {
        const rng = stream(b).fork('cloze');
        for (const place of askedPlaces(rng, recent.length(b), probability, lastItem)) {
          const at = (recent.offsets[b] as number) + place;
          if (recent.item[at] === mask) continue; // an augmentation hid it for good
          row.push(at);
          sequence.push(b);
          const draw = rng.fork('shown').uniform(place);
          if (draw < random) shown[at] = rng.fork('item').int(place, items);
          else if (draw >= random + keep) shown[at] = mask;
        }
      }
      const item = Int32Array.from(row, (r) => recent.item[r] as number);
      return {
        inputs: new Ragged(recent.offsets, { ...recent.events, item: shown }, recent.sequences),
        targets: {
          row: Int32Array.from(row),
          sequence: Int32Array.from(sequence),
          item,
          weight: new Float32Array(item.length).fill(1),
        },
      };
    },
  };
}

/** In ascending order. */
function askedPlaces(rng: Rng, length: number, probability: number, lastItem: number): Int32Array {
  if (rng.fork('last').uniform(0) < lastItem) return Int32Array.of(length - 1);
  const count = Math.max(1, Math.round(probability * length));
  return rng.fork('places').permutation(length).subarray(0, count).sort();
}
