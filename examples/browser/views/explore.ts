/** Clicks: a history grows, and the model answers each click. */
import { attempt, count, find, make } from '../dom.ts';
import type { Lab } from '../lab.ts';
import type { Answer, Item, Served } from '../messages.ts';
import { itemList } from './items.ts';
import { historyTable } from './why.ts';

/** How many items are recommended. */
const PLACES = 10;

export function exploreView(lab: Lab) {
  const section = find('#explore');
  const latency = find('#latency');
  const places = Array.from({ length: PLACES }, () => place({ add, ask: (item) => void explain(item) }));
  find('#next').append(...places.map(({ row }) => row));
  const items = itemList(find('#items'), add);
  const table = historyTable({ remove, clear });

  let history: Item[] = [];
  /** Answers to clicks that others have followed come too late. */
  let clicks = 0;
  let questions = 0;
  let times: number[] = [];

  function add(item: Item): void {
    history = [...history, item];
    void changed();
  }

  function remove(index: number): void {
    history = history.filter((_, i) => i !== index);
    void changed();
  }

  function clear(): void {
    history = [];
    find('#search').focus();
    void changed();
  }

  async function changed(): Promise<void> {
    const click = ++clicks;
    table.show(history);
    if (history.length === 0) return showAnswer(undefined);
    const ids = history.map(({ id }) => id);
    const answer = await attempt('explore', () => lab.call('recommend', ids));
    if (click !== clicks) return;
    showAnswer(answer);
    if (answer?.items[0]) await explain(answer.items[0]);
  }

  /** Shows what the events of the history did for `item`. */
  async function explain(item: Item): Promise<void> {
    const question = ++questions;
    const click = clicks;
    const ids = history.map(({ id }) => id);
    const why = await attempt('explore', () => lab.call('explain', { history: ids, item: item.id }));
    if (!why || click !== clicks || question !== questions) return;
    table.explain(item, why);
    for (const { mark } of places) mark(item);
  }

  function showAnswer(answer: Answer | undefined): void {
    const list = answer?.items ?? [];
    const [low, high] = [list.at(-1)?.score ?? 0, list[0]?.score ?? 0];
    for (const [i, { fill }] of places.entries()) {
      const item = list[i];
      fill(item, item && high > low ? (item.score - low) / (high - low) : 1);
    }
    if (!answer) {
      latency.textContent = history.length === 0 ? 'Choose a first item.' : '';
      return;
    }
    times = [...times, answer.milliseconds];
    const median = [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] as number;
    latency.textContent = `Answered in ${milliseconds(answer.milliseconds)}; median of ${count(times.length)}: ${milliseconds(median)}.`;
  }

  return {
    hide() {
      section.hidden = true;
    },
    show({ model, items: all }: Served) {
      [history, times] = [[], []];
      clicks++;
      find('#explore-lead').textContent =
        `Choose items as a visitor would; ${model} answers each click with what it expects next.`;
      items.show(all);
      table.show([]);
      showAnswer(undefined);
      section.hidden = false;
    },
  };
}

/** A place of the list; it stays, and its item changes, so that focus does not get lost. */
function place({ add, ask }: { add(item: Item): void; ask(item: Item): void }) {
  let shown: Item | undefined;
  const name = make('button', { type: 'button', className: 'item', onclick: () => shown && add(shown) });
  const score = make('span', { className: 'score' });
  const why = make('button', { type: 'button', className: 'link', onclick: () => shown && ask(shown) }, 'Why?');
  const row = make('li', { hidden: true }, name, score, why);
  return {
    row,
    fill(item: (Item & { score: number }) | undefined, share: number) {
      shown = item;
      row.hidden = !item;
      if (!item) return;
      name.textContent = item.name;
      name.style.setProperty('--share', share.toFixed(3));
      score.textContent = item.score.toFixed(2);
      why.setAttribute('aria-label', `Why ${item.name}?`);
    },
    /** Marks the item that is explained. */
    mark(item: Item) {
      why.setAttribute('aria-pressed', String(shown?.id === item.id));
    },
  };
}

const milliseconds = (value: number) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
