/** A tree of parameters, declared as plain fields. */
import { Parameter } from './parameter.ts';
import { Rng } from './rng.ts';

/** One line of {@link Module.summary}. */
export interface SummaryRow {
  path: string;
  shape: readonly number[];
  parameters: number;
}

/** The parameters of a module; prints as a table. */
export interface Summary {
  rows: SummaryRow[];
  /** The number of trainable values. */
  parameters: number;
  toString(): string;
}

/**
 * A tree of parameters. A subclass declares parameters and child modules as public fields, arrays or plain objects of
 * them; a parameter's name is its property path (`blocks.0.attention.query.weight`), which is also its key in files,
 * optimizer state and filters. Private (`#`) fields are not visited.
 *
 * @example
 * ```ts
 * class Gate extends Module {
 *   readonly linear = new Linear(64, 1);
 *   forward(x: tf.Tensor2D) { return tf.mul(x, tf.sigmoid(this.linear.forward(x))); }
 * }
 * ```
 */
export abstract class Module {
  /** Every parameter once, by path. A parameter reached by two paths (a tied weight) keeps the first. */
  parameters(): Map<string, Parameter> {
    const found = new Map<string, Parameter>();
    visit(this, '', [], new Set(), found);
    return found;
  }

  /**
   * Gives every parameter that has no values its initial ones. Each draws from its own stream, named by its path, so
   * adding a block does not change the values of the others. Needs a ready backend.
   */
  init(seed: number): this {
    const root = new Rng(seed).fork('init');
    for (const [path, parameter] of this.parameters()) {
      if (parameter.ready) continue;
      const values = new Float32Array(parameter.size);
      parameter.init(values, parameter.shape, root.fork(path));
      parameter.set(values);
    }
    return this;
  }

  /** Paths, shapes and counts of the parameters. */
  summary(): Summary {
    const rows = [...this.parameters()].map(([path, { shape, size }]) => ({ path, shape, parameters: size }));
    const parameters = rows.reduce((sum, row) => sum + row.parameters, 0);
    return { rows, parameters, toString: () => table(rows, parameters) };
  }

  /** Frees the memory of the parameters. */
  dispose(): void {
    for (const parameter of this.parameters().values()) parameter.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

function visit(
  field: unknown,
  path: string,
  above: readonly object[],
  seen: Set<Parameter>,
  found: Map<string, Parameter>,
): void {
  if (field instanceof Parameter) {
    if (!seen.has(field)) found.set(path, field);
    seen.add(field);
    return;
  }
  if (field === null || typeof field !== 'object' || !(field instanceof Module || isPlain(field))) {
    if ((field instanceof Map || field instanceof Set) && holdsParameters(field)) {
      throw new TypeError(`${path} is a ${field.constructor.name} with parameters: use an array or a plain object.`);
    }
    return;
  }
  if (above.includes(field)) throw new TypeError(`${path} leads back to a module above it: modules must form a tree.`);
  for (const [key, entry] of Object.entries(field)) {
    visit(entry, path ? `${path}.${key}` : key, [...above, field], seen, found);
  }
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === Object.prototype || prototype === null;
}

function holdsParameters(collection: Map<unknown, unknown> | Set<unknown>): boolean {
  return [...collection.values()].some((value) => value instanceof Parameter || value instanceof Module);
}

function table(rows: readonly SummaryRow[], total: number): string {
  const cells = rows.map((row) => [row.path, `[${row.shape.join(', ')}]`, row.parameters.toLocaleString('en-US')]);
  const lines = [['parameter', 'shape', 'values'], ...cells, ['total', '', total.toLocaleString('en-US')]];
  const width = (column: number) => Math.max(...lines.map((line) => (line[column] as string).length));
  const [a, b, c] = [width(0), width(1), width(2)];
  return lines
    .map(([path = '', shape = '', count = '']) => `${path.padEnd(a)}  ${shape.padEnd(b)}  ${count.padStart(c)}`)
    .join('\n');
}
