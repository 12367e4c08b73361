/** Which data are trained on: the shop or a file, chosen or dropped. */
import { count, find, make } from '../dom.ts';
import type { Facts, Source } from '../messages.ts';

export const nameOf = (source: Source) => (source === 'shop' ? 'Synthetic shop' : source.name);

export function dataView(choose: (source: Source) => void) {
  const file = find<HTMLInputElement>('#data-file');
  file.addEventListener('change', () => {
    const [chosen] = file.files ?? [];
    file.value = ''; // the same file again is a choice, too
    if (chosen) choose(chosen);
  });
  const shop = find<HTMLButtonElement>('#data-shop');
  shop.addEventListener('click', () => choose('shop'));
  const name = find('#data-name');
  const facts = find('#data-facts');
  return {
    set disabled(now: boolean) {
      file.disabled = now;
      shop.disabled = now;
    },
    reading(text: string) {
      name.textContent = text;
      facts.replaceChildren();
    },
    show(source: Source, { users, items, events, median }: Facts) {
      name.textContent = nameOf(source);
      const rows = { users: count(users), items: count(items), events: count(events), 'a user': `${median}` };
      facts.replaceChildren(
        ...Object.entries(rows).map(([term, value]) => make('div', {}, make('dt', {}, term), make('dd', {}, value))),
      );
    },
  };
}

/** Files may be dropped anywhere. */
export function dropTarget(take: (file: File) => void): void {
  const veil = find('#drop');
  const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
  addEventListener('dragover', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    veil.hidden = false;
  });
  addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) veil.hidden = true;
  });
  addEventListener('drop', (event) => {
    veil.hidden = true;
    const [dropped] = event.dataTransfer?.files ?? [];
    if (!dropped) return;
    event.preventDefault();
    take(dropped);
  });
}
