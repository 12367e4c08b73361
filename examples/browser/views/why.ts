/** The history of clicks, and what each of them did for an item. */
import { find, make } from '../dom.ts';
import type { Item, Why } from '../messages.ts';

export function historyTable({ remove, clear }: { remove(index: number): void; clear(): void }) {
  const section = find('#history');
  const body = find<HTMLTableSectionElement>('tbody', section);
  const note = find('#why-note');
  const title = find('#why-title');
  find('#clear').addEventListener('click', clear);

  return {
    show(history: Item[]) {
      section.hidden = history.length === 0;
      title.textContent = 'Your history';
      note.textContent = '';
      body.replaceChildren(
        ...history.map(({ name }, index) => {
          const button = make('button', { type: 'button', className: 'remove', textContent: '×' });
          button.setAttribute('aria-label', `Remove ${name}, click ${index + 1}`);
          button.addEventListener('click', () => {
            remove(index);
            const buttons = body.querySelectorAll('button');
            (buttons[Math.min(index, buttons.length - 1)] ?? find('#search')).focus();
          });
          return make('tr', {}, make('th', { scope: 'row' }, name), make('td'), make('td'), make('td', {}, button));
        }),
      );
    },
    explain(item: Item, { score, events }: Why) {
      title.textContent = `Your history, and why ${item.name}`;
      const rows = [...body.rows];
      const first = rows.length - events.length;
      const most = Math.max(...events.map(({ contribution }) => Math.abs(contribution)), 1e-9);
      rows.forEach((row, i) => {
        const event = events[i - first];
        const [, contribution, attention] = row.cells;
        contribution?.replaceChildren(
          ...(event ? [number(signed(event.contribution)), bar(event.contribution / most)] : ['not read']),
        );
        const share = event?.attention;
        attention?.replaceChildren(
          ...(share === undefined ? ['–'] : [number(`${Math.round(100 * share)} %`), bar(share)]),
        );
      });
      const attends = events.some(({ attention }) => attention !== undefined);
      note.textContent =
        `Score ${score.toFixed(2)}. A contribution is what the score would lose without the click. ` +
        (attends ? 'Attention is where the model looked.' : 'This model has no attention.');
    },
  };
}

const number = (text: string) => make('span', { className: 'number' }, text);

/** As long as the share, which is at most 1; its colour tells the sign. */
function bar(share: number): HTMLElement {
  const element = make('span', { className: share < 0 ? 'bar costs' : 'bar' });
  element.style.setProperty('--share', Math.abs(share).toFixed(3));
  return element;
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`;
}
