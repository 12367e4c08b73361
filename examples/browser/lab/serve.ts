/** The model that answers the clicks, from a training or from a file. */
import { DeviceLostError, readSafetensors, type SequenceModel } from 'seqrec';
import { models } from '../choices.ts';
import type { Answer, Calls, Item, Served, Why } from '../messages.ts';
import type { Tell } from '../worker.ts';
import { backendInWords } from './backend.ts';
import { classes } from './recipes.ts';

/** The model beside its file, from which it is made again when a GPU has lost it. */
let serving: { model: SequenceModel; file: Uint8Array<ArrayBuffer> } | undefined;

export async function serve(model: SequenceModel, items: Item[]): Promise<Served> {
  const file = await model.save();
  serving?.model.dispose();
  serving = { model, file };
  return { model: nameOf(file), backend: await backendInWords(), items };
}

export async function load(chosen: File): Promise<Served> {
  const model = await read(new Uint8Array(await chosen.arrayBuffer()));
  const { ids } = model.catalog;
  return serve(
    model,
    ids.map((id, row) => ({ id, name: model.catalog.name(row) })),
  );
}

export async function recommend(history: Calls['recommend']['takes'], tell: Tell): Promise<Answer> {
  return answer(tell, async (model) => {
    const began = performance.now();
    const list = await model.recommend(history, { k: 10 });
    const milliseconds = performance.now() - began;
    const { catalog } = model;
    return {
      items: list.map(({ item, score }) => ({ id: item, score, name: catalog.name(catalog.row(item)) })),
      milliseconds,
    };
  });
}

export async function explain({ history, item }: Calls['explain']['takes'], tell: Tell): Promise<Why> {
  return answer(tell, async (model) => {
    const { score, events } = await model.explain(history, { item });
    return { score, events: [...events] };
  });
}

export async function save(): Promise<Uint8Array<ArrayBuffer>> {
  return served().file;
}

/** Asks the model; if the GPU is lost meanwhile, once more, on a new device or the next backend. */
async function answer<T>(tell: Tell, ask: (model: SequenceModel) => Promise<T>): Promise<T> {
  const { model, file } = served();
  try {
    return await ask(model);
  } catch (error) {
    if (!(error instanceof DeviceLostError)) throw error;
    serving = { model: await read(file), file };
    tell({ news: 'notice', text: 'The GPU took its device away; the model was loaded again from its file.' });
    tell({ news: 'backend', text: await backendInWords() });
    return ask(serving.model);
  }
}

function served() {
  if (!serving) throw new Error('There is no model yet: train one, or load one from a file.');
  return serving;
}

/** @throws FileFormatError when the bytes are no model file, or one of another model than the page has */
async function read(file: Uint8Array): Promise<SequenceModel> {
  const stored = nameOf(file);
  const known = Object.values(classes).find(({ modelName }) => modelName === stored);
  if (known) return known.load(file);
  const names = Object.values(models).join(', ');
  throw new Error(
    stored
      ? `The file holds a ${stored}, and this page knows ${names} only.`
      : 'The file has tensors but no model: choose one that was saved here, or by model.save().',
  );
}

const nameOf = (file: Uint8Array) => readSafetensors(file).metadata.model ?? '';
