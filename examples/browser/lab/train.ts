/** One training, from data to a model that answers. */
import { evaluate, ndcg, type Report, type Scorer, type SequenceModel } from 'seqrec';
import { models } from '../choices.ts';
import { type Kept, keepProgress, keepRun, keptRun } from '../kept-run.ts';
import type { Baselines, Run, Trained } from '../messages.ts';
import type { Tell } from '../worker.ts';
import { backendInWords } from './backend.ts';
import { baselines, byFame, type Data, metrics, openData, protocolInWords } from './data.ts';
import { points } from './points.ts';
import { makeModel, recipe } from './recipes.ts';
import { serve } from './serve.ts';

/** The last checkpoint, for browsers that store nothing. */
let latest: Kept | undefined;

export async function train(run: Run, tell: Tell, signal: AbortSignal): Promise<Trained> {
  const { settings } = run;
  const kept = run.resume ? await keptOf(run) : undefined;
  const data = await openData(run.source, tell);
  tell({ news: 'backend', text: await backendInWords() });
  const others = await baselines(data);
  tell({ news: 'baselines', values: await ndcgOf(others, data) });

  const model = makeModel(settings, data.log);
  const { summary, stopped } = await fit(model, run, data, kept, tell, signal);
  const reports: Record<string, Report> = {};
  for (const [name, each] of Object.entries({ [models[settings.model]]: model, ...others })) {
    reports[name] = await evaluate(each, data.split.test, { metrics });
  }
  return {
    stopped,
    summary,
    served: await serve(model, byFame(data.log)),
    reports: Object.entries(reports).map(([name, report]) => ({ model: name, metrics: { ...report.metrics } })),
    protocol: protocolInWords(Object.values(reports)[0] as Report, settings.seed),
  };
}

/** Trains until the end or until the page says stop; both leave a model that can be used. */
async function fit(
  model: SequenceModel,
  run: Run,
  { split }: Data,
  kept: Kept | undefined,
  tell: Tell,
  signal: AbortSignal,
): Promise<Pick<Trained, 'summary' | 'stopped'>> {
  const curve = points(kept?.points ?? [], (progress) => tell({ news: 'progress', progress }));
  const store = storage(tell);
  let isKept = kept !== undefined;
  try {
    const report = await model.fit(split.train, {
      ...recipe(run.settings, model),
      validation: split.validation,
      earlyStopping: { metric: ndcg(10), patience: 5 },
      checkpoint: {
        write: async (checkpoint) => {
          latest = { id: run.id, checkpoint, points: curve.points };
          if (!isKept) await store(keepRun(run)); // not sooner: a run that never begins must not replace the one before
          isKept = true;
          await store(keepProgress(latest));
        },
      },
      resume: kept?.checkpoint ?? false,
      signal,
      onProgress: curve.add,
      onWarning: (text) => tell({ news: 'notice', text }),
      onRecovery: ({ from, to, epoch }) =>
        tell({
          news: 'notice',
          text: `The GPU took its device away (${from}); training goes on in epoch ${epoch} on ${to === from ? 'a new one' : to}.`,
        }),
    });
    // The other lines were told as notices.
    return { summary: `${String(report).split('\n', 1)}.`, stopped: false };
  } catch (error) {
    if (signal.aborted && latest?.id === run.id) {
      return { summary: 'Stopped; the model is as far as it came.', stopped: true };
    }
    model.dispose();
    throw signal.aborted ? new Error('Stopped before the first step.') : error;
  }
}

async function keptOf({ id }: Run): Promise<Kept> {
  const kept = latest?.id === id ? latest : (await keptRun())?.kept;
  if (kept?.id === id) return kept;
  throw new Error('There is no checkpoint of this run any more (another tab may have begun one): train afresh.');
}

/** Waits for what is stored. A browser that stores nothing must not keep a model from being trained: it is told, once. */
function storage(tell: Tell) {
  let told = false;
  return async (storing: Promise<void>) => {
    await storing.catch(({ message }: Error) => {
      const text = `The browser stores no checkpoint (${message}): after a reload this run cannot go on.`;
      if (!told) tell({ news: 'notice', text });
      told = true;
    });
  };
}

async function ndcgOf(scorers: Record<string, Scorer>, { split }: Data): Promise<Baselines> {
  const out: Baselines = {};
  for (const [name, scorer] of Object.entries(scorers)) {
    out[name] = (await evaluate(scorer, split.validation, { metrics: [ndcg(10)] })).metrics['NDCG@10'];
  }
  return out;
}
