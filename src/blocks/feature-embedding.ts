/** Embeddings of several fields of a row, joined into one vector. */
import * as tf from '@tensorflow/tfjs-core';
import { type Codes, checkCodes, countCodes } from '../core/codes.ts';
import { Module } from '../core/module.ts';
import type { Initializer } from '../core/parameter.ts';
import type { Part } from '../core/part.ts';
import { refuseOthers } from '../core/shape.ts';
import { segmentSum } from '../ops/segment-sum.ts';
import { Embedding } from './embedding.ts';

/** One field: a table of `size` rows of width `dim`. */
export interface Field {
  /** The number of different codes. */
  readonly size: number;
  readonly dim: number;
  /** How several codes of one row are joined. @defaultValue 'mean' */
  readonly combine?: 'mean' | 'sum' | undefined;
}

/** Joins the vectors of the fields. */
export interface JoinPart extends Part {
  /** The width of the result. @throws RangeError for fields that do not fit together */
  width(fields: { readonly [name: string]: Field }): number;
  /** @param parts `[N, dim]` each */
  join(parts: readonly tf.Tensor2D[]): tf.Tensor2D;
}

/** The fields side by side (BST, section 2.1; Wide & Deep): their widths add up. */
export function concatenated(): JoinPart {
  return {
    name: 'concatenated',
    options: {},
    width: (fields) => Object.values(fields).reduce((sum, { dim }) => sum + dim, 0),
    join: (parts) => (parts.length === 1 ? (parts[0] as tf.Tensor2D) : tf.concat([...parts], 1)),
  };
}

/** The sum of the fields, which all have one width. */
export function added(): JoinPart {
  return {
    name: 'added',
    options: {},
    width(fields) {
      const [first, ...others] = Object.entries(fields);
      const other = others.find(([, { dim }]) => dim !== first?.[1].dim);
      if (!first || !other) return first?.[1].dim ?? 0;
      throw new RangeError(
        `added() joins fields of one width, got ${first[1].dim} (${first[0]}) and ${other[1].dim} (${other[0]}): make them equal or use concatenated().`,
      );
    },
    join: (parts) => parts.reduce((sum, part) => tf.add(sum, part)),
  };
}

export interface FeatureEmbeddingOptions {
  /** @defaultValue concatenated() */
  join?: JoinPart | undefined;
  /** Initial tables. @defaultValue xavierUniform */
  init?: Initializer | undefined;
}

/**
 * A table for each field, and the vectors of a row's fields joined. A row without a code in a field has the zero vector
 * there; of several codes the vectors are averaged or added.
 *
 * @example
 * ```ts
 * const embed = new FeatureEmbedding({ item: { size: 360, dim: 32 }, tags: { size: 12, dim: 8 } }).init(1);
 * embed.forward({ item: Int32Array.of(5, 7), tags: { offsets: Int32Array.of(0, 2, 2), values: Int32Array.of(3, 4) } }); // [2, 40]
 * ```
 */
export class FeatureEmbedding extends Module {
  readonly tables: { readonly [field: string]: Embedding };
  readonly fields: { readonly [field: string]: Field };
  /** The width of the result. */
  readonly width: number;
  readonly #join: JoinPart;

  constructor(fields: { readonly [name: string]: Field }, options: FeatureEmbeddingOptions = {}) {
    const { join = concatenated(), init, ...others } = options;
    super();
    refuseOthers('FeatureEmbedding', others, options);
    this.fields = fields;
    this.width = join.width(fields);
    this.#join = join;
    this.tables = Object.fromEntries(
      Object.entries(fields).map(([name, { size, dim }]) => [name, new Embedding(size, dim, { init })]),
    );
  }

  /**
   * @param codes    of each field for the N rows
   * @param capacity the rows of the result; rows past N are 0 @defaultValue N
   * @returns `[capacity, width]`
   */
  forward(codes: { readonly [field: string]: Codes }, capacity?: number): tf.Tensor2D {
    const parts = Object.entries(this.fields).map(([name, field]) => {
      const given = codes[name];
      if (!given) throw new Error(`FeatureEmbedding has the field '${name}' and got no codes of it.`);
      const rows = countCodes(given);
      checkCodes(given, `The field '${name}'`, rows, field.size);
      return lookUp(this.tables[name] as Embedding, given, capacity ?? rows, field);
    });
    return this.#join.join(parts);
  }
}

function lookUp(table: Embedding, codes: Codes, rows: number, { dim, combine = 'mean' }: Field): tf.Tensor2D {
  if (codes instanceof Int32Array && codes.length === rows && !codes.includes(-1)) return table.forward(codes);
  const { values, owners, shares } = flattened(codes);
  if (values.length === 0) return tf.zeros([rows, dim]);
  const found = table.forward(values);
  const weighted = combine === 'mean' && shares ? tf.mul(found, tf.tensor2d(shares, [shares.length, 1])) : found;
  return segmentSum(weighted as tf.Tensor2D, owners, rows);
}

/** All codes in a row, whose they are, and the share of each in the mean of its row if a row has several. */
function flattened(codes: Codes): { values: Int32Array; owners: Int32Array; shares?: Float32Array } {
  if (codes instanceof Int32Array) {
    const owners = Int32Array.from(codes.keys()).filter((row) => codes[row] !== -1);
    return { values: codes.filter((code) => code !== -1), owners };
  }
  const { offsets, values } = codes;
  const owners = new Int32Array(values.length);
  const shares = new Float32Array(values.length);
  for (let row = 0; row + 1 < offsets.length; row++) {
    const [begin, end] = [offsets[row] as number, offsets[row + 1] as number];
    owners.fill(row, begin, end);
    shares.fill(1 / (end - begin), begin, end);
  }
  return { values, owners, shares };
}
