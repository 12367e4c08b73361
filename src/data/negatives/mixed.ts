/** Negatives of several samplers together. */
import { checkNumber, refuseOthers } from '../../core/shape.ts';
import { checkSampler, type NegativeRequest, type Negatives, type Sampler } from './sampler.ts';

/** Options of {@link mixed}. */
export interface MixedOptions {
  /** Either all share their negatives among the targets of a step, or none does. */
  samplers: readonly Sampler[];
  /** For each sampler, what it draws of the loss's number of negatives. @defaultValue 1 for each: all of them */
  shares?: readonly number[] | undefined;
}

/**
 * The negatives of all `samplers`, one after the other: `mixed({ samplers: [inBatch(), popularity({ alpha: 0.5, shared:
 * true })] })` are those of GRU4Rec (Hidasi & Karatzoglou, CIKM 2018, section 3.1), and in-batch with uniform ones those of
 * Yang et al. (WWW 2020). Each draws from a random stream of its own.
 *
 * `logQ` of a negative is that of the sampler that drew it, and of a target that of the first one, as in the authors'
 * GRU4Rec; theirs takes counts instead of probabilities, which shifts the samplers against each other by a constant. A
 * sampler that tells no `logQ` counts as drawing all items alike.
 */
export function mixed({ samplers, shares: given, ...others }: MixedOptions): Sampler {
  refuseOthers('mixed', others);
  const shares = given === undefined ? samplers.map(() => 1) : given;
  if (samplers.length === 0) throw new RangeError('mixed needs at least one sampler, got none.');
  for (const sampler of samplers) checkSampler('mixed: every one of samplers', sampler);
  if (shares.length !== samplers.length) {
    throw new RangeError(
      `mixed needs one share for each of its ${samplers.length} samplers, got ${shares.length} shares.`,
    );
  }
  for (const share of shares) checkNumber('mixed: a share', share, { above: 0 });
  return {
    name: 'mixed',
    options: { samplers, shares },
    perTarget: samplers.every((sampler) => sampler.perTarget),
    prepare(train, items) {
      const draws = samplers.map((sampler) => sampler.prepare(train, items));
      return (request) => {
        const drawn = draws.map((draw, i) => draw(ownRequest(request, i, shares[i] as number)));
        if (drawn.some(({ hardest }) => hardest !== undefined)) {
          throw new Error('mixed cannot hold hardest(), which chooses by scores: put hardest() around mixed().');
        }
        const withQ = drawn.some(({ logQ }) => logQ) ? drawn.map((each) => alike(each, request)) : drawn;
        return withQ.every(({ shared }) => shared) ? joinShared(withQ) : joinOwn(withQ, request.target.length);
      };
    },
  };
}

/** Streams of its own, or two samplers would draw by the same random numbers. */
function ownRequest(request: NegativeRequest, index: number, share: number): NegativeRequest {
  const count = Math.max(1, Math.round(share * request.count));
  return { ...request, count, stream: (sequence) => request.stream(sequence).fork('mixed').fork(index) };
}

function alike(drawn: Negatives, { items, target }: NegativeRequest): Negatives {
  if (drawn.logQ) return drawn;
  const every = (length: number) => new Float32Array(length).fill(-Math.log(items));
  return { ...drawn, logQ: every(drawn.items.length), targetLogQ: every(target.length) };
}

function joinShared(drawn: readonly Negatives[]): Negatives {
  if (drawn.filter(({ own }) => own).length > 1) {
    throw new Error('mixed may have one sampler that holds the targets, such as inBatch().');
  }
  const count = drawn.reduce((sum, { items }) => sum + items.length, 0);
  const items = new Int32Array(count);
  const logQ = drawn[0]?.logQ && new Float32Array(count);
  let own: Int32Array | undefined;
  let first = 0;
  for (const each of drawn) {
    const from = first;
    items.set(each.items, from);
    if (each.logQ) logQ?.set(each.logQ, from);
    own ??= each.own?.map((place) => (place < 0 ? place : place + from));
    first += each.items.length;
  }
  return { items, shared: true, count, logQ, targetLogQ: drawn[0]?.targetLogQ, own };
}

/** Target after target. */
function joinOwn(drawn: readonly Negatives[], targets: number): Negatives {
  if (drawn.some(({ shared }) => shared)) {
    throw new Error(
      'The samplers of mixed must all share their negatives or none: set { shared: true } for the others.',
    );
  }
  const count = drawn.reduce((sum, each) => sum + each.count, 0);
  const join = <T extends Int32Array | Float32Array>(out: T, columns: readonly T[]): T => {
    let at = 0;
    for (let m = 0; m < targets; m++) {
      for (const [i, column] of columns.entries()) {
        const { count: width } = drawn[i] as Negatives;
        out.set(column.subarray(m * width, (m + 1) * width), at);
        at += width;
      }
    }
    return out;
  };
  const size = targets * count;
  const logQs = drawn.flatMap(({ logQ }) => (logQ ? [logQ] : []));
  return {
    items: join(
      new Int32Array(size),
      drawn.map(({ items }) => items),
    ),
    shared: false,
    count,
    logQ: logQs.length > 0 ? join(new Float32Array(size), logQs) : undefined,
    targetLogQ: drawn[0]?.targetLogQ,
  };
}
