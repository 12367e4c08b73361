/** The file of a trained model: safetensors with the model's name, options and catalogue beside its arrays. */
import { describe } from '../core/shape.ts';
import { checksum } from './checksum.ts';
import { FileFormatError } from './error.ts';
import { readSafetensors, type TensorData, writeSafetensors } from './safetensors.ts';

/** What a model file holds. */
export interface ModelFile {
  /** The class's `modelName`. */
  readonly model: string;
  /** The model's options as JSON, without the catalogue. */
  readonly config: unknown;
  /** The catalogue as JSON. */
  readonly items: unknown;
  readonly tensors: ReadonlyMap<string, TensorData>;
}

/** The version that this library writes; it reads this and all earlier ones. */
export const FORMAT_VERSION = 1;

/** A model file as bytes; its metadata are `format_version`, `model`, `config`, `items` and `checksum`. */
export function writeModelFile({ model, config, items, tensors }: ModelFile): Uint8Array<ArrayBuffer> {
  const metadata = {
    format_version: String(FORMAT_VERSION),
    model,
    config: JSON.stringify(config),
    items: JSON.stringify(items),
  };
  return writeSafetensors(tensors, { ...metadata, checksum: checksum(tensors, metadata) });
}

/**
 * Reads a model file; the arrays are views of `file` where it is aligned.
 *
 * @throws FileFormatError when it is damaged, no model file, or of a later version
 */
export function readModelFile(file: Uint8Array): ModelFile {
  const { tensors, metadata } = readSafetensors(file);
  const field = (name: 'format_version' | 'model' | 'config' | 'items' | 'checksum'): string => {
    const value = metadata[name];
    if (value === undefined) {
      throw new FileFormatError(
        `A model file must have the metadata '${name}', the file has none: was it made by save()?`,
      );
    }
    return value;
  };
  const version = Number(field('format_version'));
  if (!Number.isInteger(version) || version < 1) {
    throw new FileFormatError(
      `The format_version must be a number from 1, the file has ${describe(metadata.format_version)}.`,
    );
  }
  if (version > FORMAT_VERSION) {
    throw new FileFormatError(
      `This version of seqrec reads files up to format_version ${FORMAT_VERSION}, the file has ${version}: update seqrec.`,
    );
  }
  const stored = field('checksum');
  const { checksum: _, ...rest } = metadata;
  const computed = checksum(tensors, rest);
  if (stored !== computed) {
    throw new FileFormatError(
      `The file is damaged: its checksum is ${describe(stored)}, its contents give '${computed}'.`,
    );
  }
  return {
    model: field('model'),
    config: json('config', field('config')),
    items: json('items', field('items')),
    tensors,
  };
}

function json(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FileFormatError(`The metadata '${name}' must be JSON, the file has ${describe(text)}.`);
  }
}
