/** Short ways to the document. */

/** The element that matches; the page is static, so one that is missing is a mistake in it. */
export function find<T extends HTMLElement = HTMLElement>(selector: string, within: ParentNode = document): T {
  const found = within.querySelector<T>(selector);
  if (!found) throw new Error(`The page has no ${selector}.`);
  return found;
}

export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Partial<HTMLElementTagNameMap[Tag]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Shows a sentence in the section's own place for problems; without one, clears it. */
export function tellProblem(section: string, sentence = ''): void {
  const place = find(`#${section} > .problem`);
  place.hidden = sentence === '';
  place.textContent = sentence;
}

/** Does `work` and shows what goes wrong in `section`, with the name of the file if it is of one; then there is no result. */
export async function attempt<T>(section: string, work: () => Promise<T>, file = ''): Promise<T | undefined> {
  tellProblem(section);
  try {
    return await work();
  } catch (error) {
    const { message } = error as Error;
    tellProblem(section, file ? `${file}: ${message}` : message);
    return undefined;
  }
}

export const count = (n: number) => n.toLocaleString('en');
