/** The page: what the visitor does goes to the worker, what the worker says goes to the views. */
import './style.css';
import { attempt, tellProblem } from './dom.ts';
import { forgetRun, keptRun } from './kept-run.ts';
import { Lab } from './lab.ts';
import type { Facts, News, Run, Served, Source } from './messages.ts';
import { dataView, dropTarget, nameOf } from './views/data.ts';
import { exploreView } from './views/explore.ts';
import { fileView } from './views/file.ts';
import { resultsView } from './views/results.ts';
import { settingsView } from './views/settings.ts';
import { trainingView } from './views/training.ts';

const lab = new Lab(hear);
const data = dataView((source) => void open(source));
const settings = settingsView(() => void train(newRun()));
const file = fileView({ load: (chosen) => void load(chosen), save: () => lab.call('save', undefined) });
const training = trainingView({
  stop: () => lab.stop(),
  resume: () => void resume(),
  discard: () => void discard(),
});
const results = resultsView();
const explore = exploreView(lab);

/** What the next training is of. */
let opened: { source: Source; facts: Facts } | undefined;
let openings = 0;
let busy = false;

function hear(message: News): void {
  if (message.news === 'reading') (busy ? training : data).reading(message.text);
  else if (message.news === 'progress') training.progress(message.progress);
  else if (message.news === 'baselines') training.baselines(message.values);
  else if (message.news === 'backend') training.backend(message.text);
  else training.notice(message.text);
}

async function open(source: Source): Promise<void> {
  const turn = ++openings;
  settings.waiting = true;
  data.reading('Reading…');
  const facts = await attempt('data', () => lab.call('open', source), nameOf(source));
  if (turn !== openings) return; // another source was chosen meanwhile
  settings.waiting = false;
  if (facts) {
    opened = { source, facts };
    settings.suggestLength(facts.suggested);
  }
  if (opened) data.show(opened.source, opened.facts);
  else data.reading('No data yet.');
}

function newRun(): Run {
  return { id: crypto.randomUUID(), source: opened?.source ?? 'shop', settings: settings.settings, resume: false };
}

async function train(run: Run): Promise<void> {
  setBusy(true);
  withdraw();
  lab.use(settings.backend);
  training.begin('Getting ready…');
  const trained = await attempt('training', () => lab.call('train', run));
  training.end(trained?.summary ?? 'The training ended early.');
  if (trained) {
    results.show(trained);
    serve(trained.served);
  }
  if (trained && !trained.stopped) await forgetRun().catch(() => {});
  else await offerToResume(trained && run);
  setBusy(false);
}

/** Offers the run that was kept, or `stopped`, which the worker remembers where the browser stores nothing. */
async function offerToResume(stopped?: Run): Promise<void> {
  const kept = await keptRun().catch(() => undefined);
  const run = kept?.run ?? stopped;
  if (run) training.offer(run, kept?.kept.points);
}

async function resume(): Promise<void> {
  const run = training.offered;
  if (!run) return;
  tellProblem('training');
  await open(run.source);
  settings.settings = run.settings;
  await train({ ...run, resume: true });
}

async function discard(): Promise<void> {
  settings.focus();
  training.withdraw();
  await attempt('training', forgetRun);
}

async function load(chosen: File): Promise<void> {
  if (lab.use(settings.backend)) withdraw();
  const served = await attempt('file', () => lab.call('load', chosen), chosen.name);
  if (!served) return;
  withdraw();
  serve(served);
  file.note(`${chosen.name} holds a ${served.model} of ${served.items.length.toLocaleString('en')} items.`);
}

function serve(served: Served): void {
  explore.show(served);
  file.offer(served.model);
}

/** Takes back what was shown of the model before. */
function withdraw(): void {
  results.hide();
  explore.hide();
  file.withdraw();
}

function setBusy(now: boolean): void {
  busy = now;
  settings.disabled = now;
  data.disabled = now;
  file.disabled = now;
}

dropTarget((dropped) => {
  const isModel = dropped.name.endsWith('.safetensors');
  if (busy) tellProblem(isModel ? 'file' : 'data', 'Stop the training before you drop another file.');
  else if (isModel) void load(dropped);
  else void open(dropped);
});
await open('shop');
await offerToResume();
