/** The metrics of the model beside those of simple ones. */
import { find, make } from '../dom.ts';
import type { Trained } from '../messages.ts';

export function resultsView() {
  const section = find('#results');
  return {
    hide: () => {
      section.hidden = true;
    },
    show({ reports, protocol }: Trained) {
      const keys = Object.keys(reports[0]?.metrics ?? {});
      const best = (key: string) => Math.max(...reports.map(({ metrics }) => metrics[key] ?? 0));
      const head = ['', ...keys].map((key) => (key ? make('th', { scope: 'col' }, key) : make('td')));
      const rows = reports.map(({ model, metrics }) =>
        make(
          'tr',
          {},
          make('th', { scope: 'row' }, model),
          ...keys.map((key) => {
            const value = metrics[key] ?? Number.NaN;
            return make('td', { className: value === best(key) ? 'best' : '' }, value.toFixed(4));
          }),
        ),
      );
      find('thead', section).replaceChildren(make('tr', {}, ...head));
      find('tbody', section).replaceChildren(...rows);
      find('#protocol').textContent = protocol;
      section.hidden = false;
    },
  };
}
