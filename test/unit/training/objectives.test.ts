/** Objectives and what a model can answer. */
import { crossEntropy, type FitDefaults, Interactions, nextItem, prefixes, SASRec, sgd, slidingWindows } from 'seqrec';
import { beforeAll, describe, expect, test } from 'vitest';
import { backends, use } from '../../support/backends.ts';

const log = Interactions.from(
  Array.from({ length: 12 }, (_, user) =>
    Array.from({ length: 2 + (user % 5) }, (_, t) => ({ user, item: (user + t) % 9, time: t })),
  ).flat(),
);
const size = { items: log.items, maxLength: 3, dim: 6, layers: 2, dropout: 0.3 };
const options = { epochs: 2, batchSize: 5, optimizer: sgd({ learningRate: 0.1 }) };

class Bidirectional extends SASRec {
  static override readonly modelName: string = 'Bidirectional';
  override get reads() {
    return 'all' as const;
  }
}

class LastOnly extends SASRec {
  static override readonly modelName: string = 'LastOnly';
  override get reads() {
    return 'last' as const;
  }
  override get defaults(): FitDefaults {
    return { objective: prefixes(), batchSize: 4 };
  }
}

/** Knows nothing of queries. */
class Unpruned extends SASRec {
  static override readonly modelName: string = 'Unpruned';
  override encode(...[events, layout, rng]: Parameters<SASRec['encode']>) {
    return super.encode(events, layout, rng);
  }
}

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => use(backend));

  test.each([prefixes(), slidingWindows({ length: 2, targets: 2 })])(
    '$name learns the same with the last rows alone and with all',
    async (objective) => {
      using pruned = new SASRec(size);
      using whole = new Unpruned(size);
      const losses = (model: SASRec) => model.fit(log, { ...options, objective }).then((report) => report.epochs);
      const [a, b] = [await losses(pruned), await losses(whole)];
      expect(a.map(({ loss }) => loss)).toEqual(b.map(({ loss }) => expect.closeTo(loss, 5)));
      expect(a[1]?.loss).toBeLessThan(a[0]?.loss as number);
    },
  );

  test('what a model cannot answer is refused', async () => {
    using all = new Bidirectional(size);
    await expect(all.fit(log, { ...options, objective: nextItem() })).rejects.toThrow(
      'The states of Bidirectional read the events that nextItem asks for',
    );
    using last = new LastOnly(size);
    await expect(last.fit(log, { ...options, objective: nextItem() })).rejects.toThrow(
      'LastOnly has a state for the last event of a sequence only',
    );
    const middle = { ...nextItem(), name: 'middle', causal: false };
    await expect(last.fit(log, { ...options, objective: middle })).rejects.toThrow('and middle asks others');
  });

  test('a model says how it is trained unless told otherwise', async () => {
    using model = new LastOnly(size);
    const steps: number[] = [];
    await model.fit(log, {
      epochs: 1,
      onProgress: (progress) => void steps.push(progress.steps),
      loss: crossEntropy(),
    });
    expect(steps[0]).toBe(Math.ceil((log.rows - log.count) / 4));
    steps.length = 0;
    await model.fit(log, { epochs: 1, batchSize: 100, onProgress: (progress) => void steps.push(progress.steps) });
    expect(steps[0]).toBe(1);
  });
});
