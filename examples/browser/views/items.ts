/** The catalogue as a list to click, narrowed by a search. */
import { count, find, make } from '../dom.ts';
import type { Item } from '../messages.ts';

/** More would be slow to show and long to scroll. */
const MOST = 60;

export function itemList(list: HTMLElement, choose: (item: Item) => void) {
  const search = find<HTMLInputElement>('#search');
  const more = find('#items-more');
  let items: Item[] = [];

  function narrow(): void {
    const words = search.value.toLowerCase().split(/\s+/);
    const found = items.filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)));
    list.replaceChildren(
      ...found
        .slice(0, MOST)
        .map((item) =>
          make('li', {}, make('button', { type: 'button', className: 'item', onclick: () => choose(item) }, item.name)),
        ),
    );
    const rest = found.length - MOST;
    more.textContent =
      found.length === 0
        ? 'No item has this in its name.'
        : rest > 0
          ? `and ${count(rest)} more: search to find them`
          : '';
  }

  search.addEventListener('input', narrow);
  return {
    show(all: Item[]) {
      items = all;
      search.value = '';
      narrow();
    },
  };
}
