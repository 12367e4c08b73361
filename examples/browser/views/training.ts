/** The training as it goes: status, progress, curves, and the run that can be resumed. */
import { models } from '../choices.ts';
import { count, find, make } from '../dom.ts';
import { push } from '../lab/points.ts';
import type { Baselines, Progress, Run } from '../messages.ts';
import { chart } from './chart.ts';
import { nameOf } from './data.ts';

export function trainingView({ stop, resume, discard }: { stop(): void; resume(): void; discard(): void }) {
  const status = find('#status');
  const running = find('#running');
  const bar = find<HTMLProgressElement>('progress', running);
  const speed = find('#speed');
  const curves = find('#curves');
  const notices = find('#notices');
  const backend = find('#backend');
  const resumable = find('#resumable');
  const stopper = find('#stop');
  stopper.addEventListener('click', stop);
  find('#resume').addEventListener('click', resume);
  find('#discard').addEventListener('click', discard);

  let charts: { loss: ReturnType<typeof chart>; ndcg: ReturnType<typeof chart> } | undefined;
  let points: Progress[] = [];
  let baselines: Baselines = {};
  let offered: Run | undefined;
  let drawing = 0;

  /** Once a frame at most: points come faster, above all those of a run that goes on. */
  function drawSoon(): void {
    cancelAnimationFrame(drawing);
    drawing = requestAnimationFrame(draw);
  }

  function draw(): void {
    const last = points.at(-1);
    if (!last) return;
    const { epochs, loss } = last;
    curves.hidden = false;
    charts ??= {
      loss: chart('#loss-curve', [{ label: 'loss', color: '--accent' }]),
      ndcg: chart('#ndcg-curve', [
        { label: 'Popularity', color: '--popularity', dashed: true, width: 1.5 },
        { label: 'Markov chain', color: '--markov', dashed: true, width: 1.5 },
        { label: 'model', color: '--accent' },
      ]),
    };
    charts.loss.draw(
      [points.map((point) => point.at), points.map((point) => point.loss)],
      epochs,
      `Loss by epoch, now ${loss.toFixed(3)}`,
    );
    const measured = points.filter(({ ndcg }) => ndcg !== undefined);
    const x = [0, ...measured.map(({ at }) => at), epochs];
    const flat = (name: string) => x.map(() => baselines[name] ?? null);
    const own = [null, ...measured.map(({ ndcg }) => ndcg ?? null), null];
    charts.ndcg.draw([x, flat('Popularity'), flat('Markov chain'), own], epochs, described(measured.at(-1)?.ndcg));
  }

  function described(ndcg = 0): string {
    const others = Object.entries(baselines).map(([name, value]) => `${name} ${value.toFixed(3)}`);
    return `NDCG@10 by epoch, now ${ndcg.toFixed(3)}; ${others.join(', ')}`;
  }

  return {
    begin(text: string) {
      points = [];
      notices.replaceChildren();
      backend.textContent = '';
      resumable.hidden = true;
      curves.hidden = true;
      status.textContent = text;
      bar.removeAttribute('value');
      speed.textContent = '';
      running.hidden = false;
      stopper.focus(); // what was pressed is disabled or gone, and on a phone this is out of sight
    },
    reading(text: string) {
      status.textContent = text;
    },
    baselines: (values: Baselines) => {
      baselines = values;
    },
    progress(point: Progress) {
      push(points, point);
      const { epoch, epochs, at, loss, ndcg, sequencesPerSecond, remainingSeconds } = point;
      bar.value = at / epochs;
      speed.textContent = `${count(Math.round(sequencesPerSecond))} sequences a second, about ${Math.ceil(remainingSeconds)} s left`;
      // Once an epoch: a screen reader reads it out.
      if (ndcg !== undefined) {
        status.textContent = `Epoch ${epoch} of ${epochs}: loss ${loss.toFixed(3)}, NDCG@10 ${ndcg.toFixed(3)}`;
      }
      drawSoon();
    },
    end(text: string) {
      if (document.activeElement === stopper) find('#training-title').focus();
      running.hidden = true;
      status.textContent = text;
    },
    backend(text: string) {
      backend.textContent = text;
    },
    notice(text: string) {
      notices.append(make('li', {}, text));
    },
    /** Offers to go on with a run that was stopped, by the visitor, an error or a reload. */
    offer(run: Run, before: readonly Progress[] = points) {
      offered = run;
      const { settings, source } = run;
      const { at = 0 } = before.at(-1) ?? {};
      find('p', resumable).textContent =
        `${models[settings.model]} on ${nameOf(source)} can go on: ${at.toFixed(1)} of ${settings.epochs} epochs are done.`;
      resumable.hidden = false;
    },
    get offered() {
      return offered;
    },
    withdraw() {
      offered = undefined;
      resumable.hidden = true;
    },
  };
}
