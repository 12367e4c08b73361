/** The stored golden cases agree with seqrec, and a case that does not agree is noticed. */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { backends, use } from '../support/backends.ts';
import { adapters } from './adapters/index.ts';
import { type Adapter, GoldenCase } from './case.ts';
import { conclude, listCases, runCase, summary } from './runner.ts';
import { readCase, type StoredTensor } from './safetensors.ts';

const directory = fileURLToPath(new URL('./cases', import.meta.url));

/** What differs between backends is the ops; one case of each kind shows it. */
const onEveryBackend = /^(layer_|loss_|optimizers|rectools_sasrec|sasrec_(official_tf|seed2|recbole)$)/;

describe.each(backends)('on %s', (backend) => {
  const names = listCases(directory).filter((name) => backend === 'cpu' || onEveryBackend.test(name));

  test.each(names)('%s', async (name) => {
    await use(backend);
    const { line, status } = await runCase(directory, name, adapters);
    expect(status, line).toBe('pass');
  });
});

describe('a difference is noticed', () => {
  const adapterOf = (name: string) => adapters.find(([pattern]) => pattern.test(name))?.[1] as Adapter;

  /** Runs a case after adding 0.1 to the first value of one tensor. */
  async function mutated(name: string, key: string) {
    const { tensors, metadata } = readCase(`${directory}/${name}.safetensors`);
    const changed = new Map(tensors);
    const { shape, data } = changed.get(key) as StoredTensor;
    const copy = Float32Array.from(data);
    copy[0] = (copy[0] as number) + 0.1;
    changed.set(key, { shape, data: copy });
    const kase = new GoldenCase(name, changed, metadata);
    await adapterOf(name)(kase);
    return conclude(kase);
  }

  const encoder = 'layer_torch_encoder_relu';
  const { tensors } = readCase(`${directory}/${encoder}.safetensors`);
  // Masks are not read but checked.
  test.each([...tensors.keys()].filter((key) => !key.endsWith('mask')))('%s', async (key) => {
    await use('cpu');
    expect((await mutated(encoder, key)).status).toBe('FAIL');
  });

  test.each(['state/p.pos_emb', 'state/p.blocks__0__v__kernel', 'train/bce/adam_losses'])(
    '%s of SASRec',
    async (key) => {
      await use('cpu');
      expect((await mutated('sasrec_official_tf', key)).status).toBe('FAIL');
    },
  );
});

describe('the runner', () => {
  const stored = (data: number[]): StoredTensor => ({ shape: [data.length], data: Float32Array.from(data) });
  const make = (metadata = {}) =>
    new GoldenCase(
      'made_up',
      new Map([
        ['in/x', stored([1])],
        ['out/a', stored([1, 2])],
        ['loss/b', stored([3])],
        ['grad/b/w', stored([0])],
      ]),
      metadata,
    );

  test('calls a case with an uncompared result partial and counts it as skipped', () => {
    const kase = make();
    kase.compare('out/a', [1, 2]);
    kase.compareGradients('b', new Map([['w', [0]]]));
    const outcome = conclude(kase);
    expect(outcome).toMatchObject({ status: 'partial', detail: 'not compared: loss/b' });
    expect(outcome.line).toContain('out 1/1');
    expect(outcome.line).toContain('loss 0/1');
    expect(summary([outcome])).toBe('0 passed, 0 failed, 1 skipped');
  });

  test('passes a case whose other results are excepted with a reason', () => {
    const kase = make();
    kase.compare('out/a', [1, 2]);
    kase.compareGradients('b', new Map([['w', [0]]]));
    kase.except('loss/b', 'a reason');
    expect(conclude(kase)).toMatchObject({ status: 'pass', detail: 'loss/b: a reason' });
  });

  test('notices a NaN, a wrong number of values, a gradient the peer does not have, an empty comparison', () => {
    const kase = make();
    kase.compare('out/a', [1, NaN]);
    kase.compare('loss/b', [3, 3]);
    kase.compareGradients('b', new Map([['v', [1]]]));
    kase.compare('out/a', [1, 2], { where: { keep: () => false, why: 'none' } });
    expect(kase.differences).toEqual([
      'out/a[1] is 2, got NaN (1 of 2 differ)',
      'loss/b has 1 values [1], got 2',
      'grad/b/w: no gradient',
      'grad/b/v is zero in the peer, got another gradient',
      'out/a: nothing was compared',
    ]);
  });

  test('widens the tolerance where the peer is off itself', () => {
    expect(make({ f32_vs_f64_maxabs: { out: 5e-4 } }).tolerance('out/a')).toEqual({ abs: 1e-3, rel: 2e-5 });
    expect(make().tolerance('grad/b/w')).toEqual({ abs: 5e-5, rel: 1e-3 });
  });

  test('fails a case whose adapter throws and skips one without an adapter', async () => {
    const broken = await runCase(directory, 'sasrec_seed2', [[/./, () => Promise.reject(new Error('broken'))]]);
    expect(broken).toMatchObject({ status: 'FAIL', detail: 'broken' });
    const unknown = await runCase(directory, 'sasrec_seed2', []);
    expect(unknown.status).toBe('skip');
    expect(summary([broken, unknown])).toBe('0 passed, 1 failed, 1 skipped');
  });

  test('selects cases by a part of the name or by a pattern', () => {
    expect(listCases(directory, 'pmixer')).toEqual(['sasrec_pmixer_postnorm', 'sasrec_pmixer_prenorm']);
    expect(listCases(directory, 'layer_mh*')).toEqual(['layer_mha']);
    expect(listCases(directory, 'layer_*z')).toEqual([]);
  });
});
