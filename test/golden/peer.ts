/** A module of ours beside a peer's parameters: names, shapes, gradients and training compared both ways. */
import * as tf from '@tensorflow/tfjs-core';
import {
  type Activation,
  adam,
  type Gradient,
  gelu,
  gradients,
  type Module,
  type Parameter,
  relu,
  toDense,
} from 'seqrec';
import type { GoldenCase } from './case.ts';

/** One of our parameters inside a peer's tensor. */
export interface Piece {
  /** Its path in the module. */
  readonly path: string;
  /** The peer stores `[in, out]` (or `[1, in, out]`), we store `[out, in]`. */
  readonly transpose?: boolean | undefined;
  /** The peer's rows are in the opposite order. */
  readonly reverse?: boolean | undefined;
  /** Only these of our rows, from and up to; rows that no peer has start at 0. */
  readonly rows?: readonly [from: number, to: number] | undefined;
  /** Only these of our columns, from and up to; the others are of other peers' tensors. */
  readonly columns?: readonly [from: number, to: number] | undefined;
  /** Our column c is the peer's column c + shift, counted round. */
  readonly shift?: number | undefined;
  /** The peer's values have the opposite sign. */
  readonly negate?: boolean | undefined;
  /** Where each of our values lies in the peer's tensor, and its sign; nothing where another tensor of the peer has it. */
  readonly scatter?: ((ours: number) => readonly [theirs: number, sign: 1 | -1] | undefined) | undefined;
}

/** What a peer's tensor is made of: pieces one below the other, the first at row `from`; other rows are the peer's alone. */
export interface Source {
  readonly pieces: readonly Piece[];
  readonly from?: number | undefined;
}

/** The peer's parameter names and what they are with us. */
export type Names = ReadonlyMap<string, Source>;

/** One parameter of ours is one tensor of the peer. */
export function same(path: string): Source {
  return { pieces: [{ path }] };
}

/** As {@link same}, stored `[in, out]`. */
export function transposed(path: string): Source {
  return { pieces: [{ path, transpose: true }] };
}

/** Our parameter is the peer's table without its first `from` rows. */
export function rowsFrom(path: string, from: number): Source {
  return { pieces: [{ path }], from };
}

/** Our parameter begins with the peer's `count` rows and has more. */
export function firstRows(path: string, count: number): Source {
  return { pieces: [{ path, rows: [0, count] }] };
}

/** A parameter that the peer has and does not use. */
export const unused: Source = { pieces: [] };

/** Our parameter is the peer's table with its rows in reverse. */
export function reversed(path: string): Source {
  return { pieces: [{ path, reverse: true }] };
}

/** PyTorch's MultiheadAttention: query, key and value are stacked. */
export function torchAttention(peer: string, ours: string): [string, Source][] {
  const stack = (leaf: string) => ['query', 'key', 'value'].map((part) => ({ path: join(ours, `${part}.${leaf}`) }));
  return [
    [join(peer, 'in_proj_weight'), { pieces: stack('weight') }],
    [join(peer, 'in_proj_bias'), { pieces: stack('bias') }],
    ...linearNames(join(peer, 'out_proj'), join(ours, 'output')),
  ];
}

/** PyTorch's nn.GRU of several layers. */
export function torchGruNames(peer: string, ours: string, layers: number, bias: boolean): [string, Source][] {
  const leaves = bias ? ['weight', 'bias'] : ['weight'];
  return Array.from({ length: layers }, (_, i) =>
    leaves.flatMap((leaf): [string, Source][] => [
      [join(peer, `${leaf}_ih_l${i}`), same(join(ours, `layers.${i}.input.${leaf}`))],
      [join(peer, `${leaf}_hh_l${i}`), same(join(ours, `layers.${i}.state.${leaf}`))],
    ]),
  ).flat();
}

/** A module with a weight and a bias on both sides: linear maps and layer norms. */
export function linearNames(peer: string, ours: string): [string, Source][] {
  return ['weight', 'bias'].map((leaf) => [join(peer, leaf), same(join(ours, leaf))]);
}

/** The key biases, alone or in a stack: softmax does not see them, so their gradient is zero by mathematics. */
export function keyBias(parameter: string): boolean {
  return /in_proj_bias$|(^|[._])(k|key)[._]+bias$/.test(parameter);
}

/** The names of all layers together. */
export function layersOf(count: number, names: (i: number) => [string, Source][]): [string, Source][] {
  return Array.from({ length: count }, (_, i) => names(i)).flat();
}

/** The activation of a config: 'relu', 'gelu', 'gelu(erf)'. */
export function activationOf(text: unknown): Activation {
  const found = { relu, gelu }[String(text).replace(/\(erf\)$/, '')];
  if (!found) throw new Error(`No activation is known for ${String(text)}.`);
  return found;
}

/** Losses by the name they are stored under; each is evaluated anew for a value, its gradients and a training run. */
export type Losses = ReadonlyMap<string, () => tf.Scalar>;

export interface PeerOptions {
  /** Rows of our parameters that the peer never trains (`padding_idx`), by path; used only where nothing else reads them. */
  readonly frozen?: ReadonlyMap<string, number> | undefined;
  /** Peer parameters whose gradient is zero by mathematics. @default keyBias */
  readonly drifts?: ((parameter: string) => boolean) | undefined;
}

export class Peer {
  readonly kase: GoldenCase;
  readonly module: Module;
  readonly names: Names;
  readonly #options: PeerOptions;
  readonly #parameters: ReadonlyMap<string, Parameter>;

  /** Sets every parameter of `module` from the stored state. */
  constructor(kase: GoldenCase, module: Module, names: Iterable<readonly [string, Source]>, options: PeerOptions = {}) {
    this.kase = kase;
    this.module = module;
    this.names = new Map(names);
    this.#options = options;
    this.#parameters = module.parameters();
    const unnamed = kase.parameters().filter((name) => !this.names.has(name));
    if (unnamed.length > 0) throw new Error(`Peer parameters without a name of ours: ${unnamed.join(', ')}.`);
    this.load();
    const unset = [...this.#parameters].filter(([, parameter]) => !parameter.ready).map(([path]) => path);
    if (unset.length > 0) throw new Error(`Parameters that the peer does not have: ${unset.join(', ')}.`);
  }

  /** The stored state, again. */
  load(): void {
    const made = new Map<Parameter, Float32Array>();
    for (const [name, source] of this.names) {
      const stored = this.kase.floats(`state/${name}`);
      for (const { parameter, piece, begin, place } of this.#placed(source)) {
        if (!made.has(parameter)) made.set(parameter, new Float32Array(parameter.size));
        if (piece.scatter) {
          eachPlace(piece, parameter.size, (ours, theirs, sign) => {
            (made.get(parameter) as Float32Array)[ours] = sign * (stored[theirs] as number);
          });
          continue;
        }
        const values = stored.subarray(begin, begin + place.size);
        put(made.get(parameter) as Float32Array, place, turned(values, place, piece, 'ours'));
      }
    }
    for (const [parameter, values] of made) parameter.set(values);
  }

  /**
   * Every stored loss among `losses`, its gradients and its training run.
   *
   * @param training the losses of the training runs, where a peer trained on others
   */
  async check(losses: Losses, training: Losses = losses): Promise<void> {
    for (const [name, loss] of losses) {
      if (this.kase.has(`loss/${name}`)) this.kase.compare(`loss/${name}`, await numbers(loss));
      if (this.kase.keys(`grad/${name}/`).length > 0) await this.#checkGradients(name, loss);
      if (this.kase.has(`train/${name}/adam_losses`)) await this.#checkTraining(name, training.get(name) ?? loss);
    }
  }

  async #checkGradients(name: string, loss: () => tf.Scalar): Promise<void> {
    const step = this.#step(loss);
    const values = await this.#read(step.gradients);
    disposeStep(step);
    this.kase.compareGradients(name, new Map([...this.names].map(([peer]) => [peer, this.#assemble(peer, values)])));
  }

  /** Adam as stated in the README of the cases, for as many full-batch steps as losses are stored. */
  async #checkTraining(name: string, loss: () => tf.Scalar): Promise<void> {
    const steps = this.kase.size(`train/${name}/adam_losses`, 0) - 1;
    const optimizer = adam({ learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }).start(this.#parameters);
    const losses: number[] = [];
    for (let step = 0; step < steps; step++) {
      const made = this.#step(loss);
      losses.push((await made.value.data())[0] as number);
      optimizer.step(made.gradients);
      disposeStep(made);
    }
    optimizer.dispose();
    losses.push(...(await numbers(loss)));
    const trained = new Map<string, Float32Array>();
    for (const [path, parameter] of this.#parameters) trained.set(path, await parameter.data());
    const norms = [...this.names].map(([peer]) => [peer, l2(this.#assemble(peer, trained, true))] as const);
    this.load();
    this.kase.compareTraining(name, losses, new Map(norms), this.#options.drifts ?? keyBias);
  }

  /** One loss with its gradients, those of frozen rows set to zero. */
  #step(loss: () => tf.Scalar): Step {
    const { value, gradients: made } = gradients(loss, this.#parameters);
    for (const [path, row] of this.#options.frozen ?? []) {
      const gradient = made.get(path);
      if (gradient === undefined) continue;
      const rows = (this.#parameters.get(path) as Parameter).shape[0] as number;
      const cut = tf.tidy(() => {
        const keep = tf.tensor2d(
          Float32Array.from({ length: rows }, (_, i) => (i === row ? 0 : 1)),
          [rows, 1],
        );
        return tf.mul(toDense(gradient, rows), keep);
      });
      tf.dispose(gradient instanceof tf.Tensor ? gradient : gradient.values);
      made.set(path, cut);
    }
    return { value, gradients: made };
  }

  async #read(given: ReadonlyMap<string, Gradient>): Promise<Map<string, Float32Array>> {
    const values = new Map<string, Float32Array>();
    for (const [path, gradient] of given) {
      const rows = (this.#parameters.get(path) as Parameter).shape[0] as number;
      values.set(path, await numbers(() => toDense(gradient, rows)));
    }
    return values;
  }

  /** The peer's tensor from values of ours; its own rows are zero, or as stored. */
  #assemble(peer: string, values: ReadonlyMap<string, Float32Array>, ownRows = false): Float32Array {
    const stored = this.kase.floats(`state/${peer}`);
    const out = ownRows ? stored.slice() : new Float32Array(stored.length);
    for (const { parameter, piece, begin, place } of this.#placed(this.names.get(peer) as Source)) {
      const ours = values.get(piece.path) ?? new Float32Array(parameter.size);
      if (piece.scatter) {
        eachPlace(piece, parameter.size, (i, theirs, sign) => {
          out[theirs] = sign * (ours[i] as number);
        });
        continue;
      }
      out.set(turned(take(ours, place), place, piece, 'peer'), begin);
    }
    return out;
  }

  *#placed({
    pieces,
    from = 0,
  }: Source): Iterable<{ parameter: Parameter; piece: Piece; begin: number; place: Place }> {
    let begin = -1;
    for (const piece of pieces) {
      const parameter = this.#parameters.get(piece.path);
      if (!parameter) throw new Error(`The module has no parameter ${piece.path}.`);
      const all = parameter.shape[0] as number;
      const pitch = parameter.size / all;
      const [left, right] = piece.columns ?? [0, pitch];
      const columns = right - left;
      if (begin < 0) begin = from * columns;
      const [first, end] = piece.rows ?? [0, all];
      const rows = end - first;
      const place = { from: first * pitch + left, size: rows * columns, rows, columns, pitch };
      yield { parameter, piece, begin, place };
      begin += rows * columns;
    }
  }
}

/** Where a piece lies in the values of our parameter. */
interface Place {
  readonly from: number;
  readonly size: number;
  readonly rows: number;
  readonly columns: number;
  /** From one of our rows to the next. */
  readonly pitch: number;
}

function take(values: Float32Array, { from, size, rows, columns, pitch }: Place): Float32Array {
  const out = new Float32Array(size);
  for (let row = 0; row < rows; row++) {
    out.set(values.subarray(from + row * pitch, from + row * pitch + columns), row * columns);
  }
  return out;
}

function put(values: Float32Array, { from, rows, columns, pitch }: Place, piece: Float32Array): void {
  for (let row = 0; row < rows; row++) {
    values.set(piece.subarray(row * columns, (row + 1) * columns), from + row * pitch);
  }
}

/** The values of a tensor, which is disposed of. */
export async function numbers(make: () => tf.Tensor): Promise<Float32Array> {
  const tensor = tf.tidy(make);
  const values = Float32Array.from(await tensor.data());
  tensor.dispose();
  return values;
}

interface Step {
  readonly value: tf.Scalar;
  readonly gradients: Map<string, Gradient>;
}

function disposeStep({ value, gradients: made }: Step): void {
  value.dispose();
  for (const gradient of made.values()) tf.dispose(gradient instanceof tf.Tensor ? gradient : gradient.values);
}

function eachPlace(
  { scatter }: Piece,
  size: number,
  visit: (ours: number, theirs: number, sign: number) => void,
): void {
  for (let ours = 0; ours < size; ours++) {
    const found = scatter?.(ours);
    if (found) visit(ours, ...found);
  }
}

function turned(given: Float32Array, { rows, columns }: Place, piece: Piece, to: 'ours' | 'peer'): Float32Array {
  const values = piece.negate ? given.map((value) => -value) : given;
  if (!piece.transpose && !piece.reverse && !piece.shift) return values;
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const ours = row * columns + column;
      const peer = piece.transpose
        ? column * rows + row
        : (piece.reverse ? rows - 1 - row : row) * columns + ((column + (piece.shift ?? 0)) % columns);
      if (to === 'ours') out[ours] = values[peer] as number;
      else out[peer] = values[ours] as number;
    }
  }
  return out;
}

function l2(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

function join(prefix: string, name: string): string {
  return prefix ? `${prefix}.${name}` : name;
}
