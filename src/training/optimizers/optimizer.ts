/** Optimizers: what `fit` calls, and the bookkeeping that all of them share. */
import * as tf from '@tensorflow/tfjs-core';
import type { Gradient, Parameter, RowGradient } from '../../core/parameter.ts';
import type { Part } from '../../core/part.ts';
import { sizeOf } from '../../core/shape.ts';
import { toDense } from '../../ops/gradients.ts';
import { rateAt, type Schedule } from '../schedules/schedule.ts';

/** An update rule with its settings; `start` binds it to parameters. */
export interface Optimizer extends Part {
  /** @param parameters by path; every one must have values */
  start(parameters: ReadonlyMap<string, Parameter>): OptimizerRun;
}

/** What an optimizer remembers, by key: `adam.m/<path>`, `adam.steps/<path>`, `adam.steps`. */
export type OptimizerState = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

/** An optimizer at work on some parameters. */
export interface OptimizerRun {
  /**
   * One update. A parameter without a gradient is left as it is, its moments and step count too, as in PyTorch. The
   * gradients stay the caller's to dispose of.
   */
  step(gradients: ReadonlyMap<string, Gradient>): void;
  /** A copy of everything that the next steps depend on besides the parameters. */
  state(): Promise<OptimizerState>;
  /** Continues, to the bit, where `state` was taken. */
  restore(state: OptimizerState): void;
  dispose(): void;
}

/** What one update of one parameter works on. Tensors made by it are tidied away, save those it returns. */
export interface Update<Slot extends string> {
  readonly value: tf.Tensor;
  /** What is remembered of this parameter, zeros at first. */
  readonly slots: { readonly [slot in Slot]: tf.Tensor };
  readonly learningRate: number;
  /** Updates of this parameter so far, this one included. */
  readonly steps: number;
}

/** New values of a parameter and of what is remembered of it. */
export type Updated<Slot extends string> = { readonly value: tf.Tensor } & { readonly [slot in Slot]: tf.Tensor };

/** The rule of an optimizer for one parameter. */
export interface Rule<Slot extends string> {
  readonly learningRate: number | Schedule;
  readonly slots: readonly Slot[];
  dense(gradient: tf.Tensor, update: Update<Slot>): Updated<Slot>;
  /** Updates only the rows that were read. Without it a row gradient is made dense. */
  rows?: ((gradient: RowGradient, update: Update<Slot>) => Updated<Slot>) | undefined;
}

/** Applies `rule` to parameters; names of the state begin with `name`. */
export function startRule<Slot extends string>(
  name: string,
  rule: Rule<Slot>,
  parameters: ReadonlyMap<string, Parameter>,
): OptimizerRun {
  return new RuleRun(name, rule, parameters);
}

/** What is remembered of one parameter. */
interface Memory<Slot extends string> {
  steps: number;
  slots: { [slot in Slot]: tf.Tensor };
}

class RuleRun<Slot extends string> implements OptimizerRun {
  #steps = 0;
  readonly #memory = new Map<string, Memory<Slot>>();

  constructor(
    readonly name: string,
    readonly rule: Rule<Slot>,
    readonly parameters: ReadonlyMap<string, Parameter>,
  ) {}

  step(gradients: ReadonlyMap<string, Gradient>): void {
    const learningRate = rateAt(this.rule.learningRate, this.#steps);
    for (const [path, gradient] of gradients) this.#update(path, gradient, learningRate);
    this.#steps++;
  }

  #update(path: string, gradient: Gradient, learningRate: number): void {
    const parameter = this.parameters.get(path);
    if (!parameter) throw new Error(`There is a gradient for '${path}', which is not a parameter of this optimizer.`);
    const memory = this.#memory.get(path) ?? this.#remember(path, 0, () => tf.zeros([...parameter.shape]));
    const { rule } = this;
    memory.steps++;
    const update = { value: parameter.value, slots: memory.slots, learningRate, steps: memory.steps };
    const updated = tf.tidy(() =>
      !(gradient instanceof tf.Tensor) && rule.rows
        ? rule.rows(gradient, update)
        : rule.dense(toDense(gradient, parameter.shape[0] as number), update),
    );
    parameter.assign(updated.value);
    for (const slot of rule.slots) {
      memory.slots[slot].dispose();
      memory.slots[slot] = tf.keep<tf.Tensor>(updated[slot]);
    }
  }

  #remember(path: string, steps: number, make: (slot: Slot) => tf.Tensor): Memory<Slot> {
    const slots = Object.fromEntries(this.rule.slots.map((slot) => [slot, tf.keep(make(slot))]));
    const memory = { steps, slots: slots as { [slot in Slot]: tf.Tensor } };
    this.#memory.set(path, memory);
    return memory;
  }

  async state(): Promise<OptimizerState> {
    const count = (steps: number) => ({ shape: [], data: Float32Array.of(steps) });
    const state = new Map<string, { shape: readonly number[]; data: Float32Array }>();
    state.set(`${this.name}.steps`, count(this.#steps));
    // Clones, because a step during the reading would dispose of the tensors.
    const copies: [key: string, copy: tf.Tensor][] = [];
    for (const [path, { steps, slots }] of this.#memory) {
      state.set(`${this.name}.steps/${path}`, count(steps));
      for (const slot of this.rule.slots) copies.push([`${this.name}.${slot}/${path}`, tf.keep(tf.clone(slots[slot]))]);
    }
    for (const [key, copy] of copies) {
      state.set(key, { shape: copy.shape, data: Float32Array.from(await copy.data()) });
      copy.dispose();
    }
    return state;
  }

  restore(state: OptimizerState): void {
    const paths = this.#check(state);
    this.dispose();
    const count = (key: string) => state.get(key)?.data[0] as number;
    this.#steps = count(`${this.name}.steps`);
    for (const path of paths) {
      this.#remember(path, count(`${this.name}.steps/${path}`), (slot) => {
        const { shape, data } = state.get(`${this.name}.${slot}/${path}`) as { shape: number[]; data: Float32Array };
        return tf.tensor(data.slice(), shape, 'float32');
      });
    }
  }

  /** The paths that `state` remembers; throws if it is not the state of this optimizer and these parameters. */
  #check(state: OptimizerState): string[] {
    const { name, parameters, rule } = this;
    const prefix = `${name}.steps/`;
    const paths = [...state.keys()].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
    const expected = new Map<string, readonly number[]>([[`${name}.steps`, []]]);
    for (const path of paths) {
      expected.set(prefix + path, []);
      for (const slot of rule.slots) expected.set(`${name}.${slot}/${path}`, parameters.get(path)?.shape ?? []);
    }
    const fits = (key: string, shape: readonly number[]) => {
      const stored = state.get(key);
      return stored && `${stored.shape}` === `${shape}` && stored.data.length === sizeOf(shape);
    };
    const wrong = [
      ...paths.filter((path) => !parameters.has(path)),
      ...[...state.keys()].filter((key) => !expected.has(key)),
      ...[...expected].flatMap(([key, shape]) => (fits(key, shape) ? [] : [key])),
    ];
    if (wrong.length) {
      throw new Error(
        `This is not the state of ${name} on these parameters; missing, unknown or misshapen: ${[...new Set(wrong)].join(', ')}.`,
      );
    }
    return paths;
  }

  dispose(): void {
    for (const { slots } of this.#memory.values()) tf.dispose(Object.values(slots) as tf.Tensor[]);
    this.#memory.clear();
  }
}
