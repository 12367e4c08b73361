/**
 * One request at a time: `npm run bench -- request [--rounds N]`. `recommend` with a history of 50 events, 3,401 items and
 * a list of 10, against ONNX Runtime on one thread. Its graph holds the same weights, computes the last block for the
 * last event only, as ours does, and ends with the list; the lists are compared before anything is timed. Ours
 * takes item ids, leaves the history out and returns ids; the rival is given rows and returns rows.
 *
 * Last come STAN and V-SkNN, without a rival, on made sessions: a request every line, histories of 4 or 10 events, a list of
 * 20.
 */
import { parseArgs } from 'node:util';
import 'seqrec/wasm';
import {
  Catalog,
  Interactions,
  layerNormalization,
  learnedFromStart,
  Ragged,
  Rng,
  ready,
  SASRec,
  STAN,
  transformerBlock,
  VSKNN,
} from 'seqrec';
import { abab, report, type Times, timed } from './abab.ts';
import { type OnnxConstant, type OnnxNode, onnxModel } from './onnx.ts';
import { importRival } from './rivals.ts';

const [items, dim, heads, layers, k] = [3401, 64, 2, 2, 10];
const epsilon = 1e-5;

export async function run(options: string[]): Promise<void> {
  const { values } = parseArgs({ args: options, options: { rounds: { type: 'string', default: '5' } } });
  await ready();
  for (const length of [50, 10]) {
    const model = network();
    const file = onnxModel(await graphOf(model, length));
    const histories = Array.from({ length: 16 }, (_, i) => history(i, length));
    for (const name of ['onnxruntime-node', 'onnxruntime-web']) {
      const rival = await session(name, file);
      if (!rival) continue;
      for (const rows of histories) await compare(model, rows, rival);
      let [mine, its] = [0, 0];
      const next = () => histories[mine++ % histories.length] as number[];
      const ours = timed(() => model.recommend(next(), { k }), 300);
      const theirs = timed(() => rival(histories[its++ % histories.length] as number[]), 300);
      const [a, b] = (await abab([ours, theirs], Number(values.rounds))) as [Times, Times];
      report({ bench: 'request', case: `L${length}-V${items}`, rival: name }, a, b);
    }
    model.dispose();
  }
  await neighbors(Number(values.rounds));
}

/**
 * 100,000 sessions of 4.5 events in the mean, of 20,000 items whose frequency falls as 1 / rank; 500 neighbours of the
 * 5,000 most recent sessions. The figure is the median over single requests, as the garbage collector and the few
 * requests of many popular items would rule a mean.
 */
async function neighbors(rounds: number): Promise<void> {
  const [count, size] = [100_000, 20_000];
  const catalog = new Catalog(Array.from({ length: size }, (_, row) => row));
  const draw = new Rng(1).fork('sessions');
  let drawn = 0;
  const item = () => Math.min(size - 1, Math.floor(size ** draw.uniform(drawn++)) - 1);
  const session = (length: number) => Array.from({ length }, item);
  const lists = Array.from({ length: count }, () => session(2 - Math.floor(3 * Math.log(1 - draw.uniform(drawn++)))));
  const { offsets, item: rows } = Ragged.from(lists);
  const time = new Float64Array(rows.length);
  for (let b = 0; b < count; b++) time.fill(10 * b, offsets[b], offsets[b + 1]);
  const log = new Interactions(catalog, [...lists.keys()], new Ragged(offsets, { item: rows, time }));
  for (const model of [
    new STAN({ items: catalog, k: 500, sample: 5000, recency: 500_000 }),
    new VSKNN({ items: catalog, k: 500, sample: 5000 }),
  ]) {
    await model.fit(log);
    for (const length of [4, 10]) {
      const histories = Array.from({ length: 200 }, () => session(length));
      const oneByOne = async () => {
        const times: number[] = [];
        for (const history of histories) {
          const start = performance.now();
          await model.recommend(history, { k: 20, excludeSeen: false });
          times.push(performance.now() - start);
        }
        return times.sort((a, b) => a - b)[histories.length / 2] as number;
      };
      const [times] = (await abab([oneByOne], rounds)) as [Times];
      const { modelName } = model.constructor as typeof STAN;
      report({ bench: 'request', case: `${modelName}-L${length}-${count}-sessions` }, times);
    }
  }
}

/** The model of the training bench: pre-norm blocks, learned positions, a last norm. */
function network(): SASRec {
  const catalog = new Catalog(Array.from({ length: items }, (_, row) => row));
  return new SASRec({
    items: catalog,
    maxLength: 50,
    dim,
    layers,
    heads,
    scale: Math.sqrt(dim),
    positions: learnedFromStart(),
    block: transformerBlock({ hidden: dim, normFirst: true, epsilon }),
    norm: layerNormalization({ epsilon }),
  }).init(1);
}

function history(number: number, length: number): number[] {
  const rng = new Rng(number).fork('history');
  return Array.from({ length }, (_, t) => rng.int(t, items));
}

interface Answer {
  rows: number[];
  scores: number[];
}

type Rival = (rows: readonly number[]) => Promise<Answer>;

/** The part of ONNX Runtime that is needed. */
interface Runtime {
  readonly env: { wasm: { numThreads: number } };
  readonly InferenceSession: {
    create(
      file: Uint8Array,
      options: object,
    ): Promise<{ run(feeds: object): Promise<Record<string, { data: unknown }>> }>;
  };
  readonly Tensor: new (type: string, data: BigInt64Array, shape: readonly number[]) => object;
}

async function session(name: string, file: Uint8Array): Promise<Rival | undefined> {
  const imported = await importRival<Runtime & { default?: Runtime }>(name);
  if (!imported) return undefined;
  const runtime = imported.InferenceSession ? imported : (imported.default as Runtime);
  const web = name === 'onnxruntime-web';
  if (web) runtime.env.wasm.numThreads = 1;
  const loaded = await runtime.InferenceSession.create(file, {
    executionProviders: [web ? 'wasm' : 'cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
  });
  return async (rows) => {
    const input = new runtime.Tensor('int64', BigInt64Array.from(rows, BigInt), [rows.length]);
    const { rows: best, scores } = await loaded.run({ items: input });
    return {
      rows: Array.from(best?.data as BigInt64Array, Number),
      scores: Array.from(scores?.data as Float32Array),
    };
  };
}

/** Throws unless both give the same list. */
async function compare(model: SASRec, rows: number[], rival: Rival): Promise<void> {
  const ours = await model.recommend(rows, { k, excludeSeen: false });
  const theirs = await rival(rows);
  ours.forEach(({ item, score }, i) => {
    const other = theirs.scores[i] as number;
    const same = item === theirs.rows[i] && Math.abs(score - other) <= 1e-4 * Math.max(1, Math.abs(other));
    if (!same) throw new Error(`Place ${i}: ours is ${item} (${score}), the rival's ${theirs.rows[i]} (${other}).`);
  });
}

/** The network for histories of one length as an ONNX graph over rows `[length]`. */
async function graphOf(model: SASRec, length: number) {
  const constants: OnnxConstant[] = [];
  const nodes: OnnxNode[] = [];
  const parameters = model.parameters();
  let made = 0;

  const add = (op: string, inputs: string[], attributes: OnnxNode['attributes'] = {}): string => {
    const output = `${op}${made++}`;
    nodes.push({ op, inputs, outputs: [output], attributes });
    return output;
  };
  const numbers = (data: Float32Array, shape: readonly number[]): string => {
    constants.push({ name: `constant${made}`, data, shape });
    return `constant${made++}`;
  };
  const integers = (...values: number[]): string => {
    constants.push({ name: `constant${made}`, data: BigInt64Array.from(values, BigInt), shape: [values.length] });
    return `constant${made++}`;
  };
  const known = new Map<string, string>();
  for (const [path, parameter] of parameters) {
    if (path === 'positions.weight') {
      const rows = (await parameter.data()).slice(0, length * dim);
      known.set(path, numbers(rows, [length, dim]));
    } else known.set(path, numbers(await parameter.data(), parameter.shape));
  }
  const weight = (path: string) => known.get(path) as string;

  const linear = (x: string, path: string) =>
    add('Gemm', [x, weight(`${path}.weight`), weight(`${path}.bias`)], { transB: 1 });
  const norm = (x: string, path: string) =>
    add('LayerNormalization', [x, weight(`${path}.weight`), weight(`${path}.bias`)], { epsilon: { float: epsilon } });
  const last = (x: string) => add('Slice', [x, integers(length - 1), integers(length), integers(0)]);
  /** [T, D] to [heads, T, D / heads], or transposed to [heads, D / heads, T]. */
  const split = (x: string, perm: number[]) =>
    add('Transpose', [add('Reshape', [x, integers(-1, heads, dim / heads)])], { perm });

  const future = new Float32Array(length * length);
  for (let t = 0; t < length; t++) future.fill(-1e9, t * length + t + 1, (t + 1) * length);
  const mask = numbers(future, [length, length]);
  const rootOfWidth = numbers(Float32Array.of(1 / Math.sqrt(dim / heads)), []);

  const embedded = add('Gather', [weight('items.weight'), 'items'], { axis: 0 });
  const scaled = add('Mul', [embedded, numbers(Float32Array.of(model.scale), [])]);
  let x = add('Add', [scaled, weight('positions.weight')]);
  for (let i = 0; i < layers; i++) {
    const block = `blocks.${i}`;
    const keys = norm(x, `${block}.norm1`);
    const isLast = i === layers - 1;
    const query = split(linear(isLast ? last(keys) : keys, `${block}.attention.query`), [1, 0, 2]);
    const key = split(linear(keys, `${block}.attention.key`), [1, 2, 0]);
    const value = split(linear(keys, `${block}.attention.value`), [1, 0, 2]);
    const logits = add('Mul', [add('MatMul', [query, key]), rootOfWidth]);
    const shares = add('Softmax', [isLast ? logits : add('Add', [logits, mask])], { axis: -1 });
    const joined = add('Transpose', [add('MatMul', [shares, value])], { perm: [1, 0, 2] });
    const attended = linear(add('Reshape', [joined, integers(-1, dim)]), `${block}.attention.output`);
    x = add('Add', [isLast ? last(x) : x, attended]);
    const inner = add('Relu', [linear(norm(x, `${block}.norm2`), `${block}.feedForward.up`)]);
    x = add('Add', [x, linear(inner, `${block}.feedForward.down`)]);
  }
  const scores = add('Gemm', [norm(x, 'norm'), weight('items.weight')], { transB: 1 });
  nodes.push({ op: 'TopK', inputs: [scores, integers(k)], outputs: ['scores', 'rows'], attributes: { axis: -1 } });
  return {
    inputs: { items: [length] },
    constants,
    nodes,
    outputs: { scores: { type: 'float', shape: [1, k] }, rows: { type: 'int64', shape: [1, k] } } as const,
  };
}
