/** The form: what is trained, how and where. */
import { type BackendName, backends, losses, models } from '../choices.ts';
import { find, make } from '../dom.ts';
import type { Settings } from '../messages.ts';

const NUMBERS = ['epochs', 'seed', 'dim', 'maxLength'] as const;

export function settingsView(train: () => void) {
  const form = find<HTMLFormElement>('#settings form');
  const button = find<HTMLButtonElement>('#train');
  const field = (name: string) => form.elements.namedItem(name) as HTMLInputElement | HTMLSelectElement;
  for (const [name, choices] of Object.entries({ model: models, loss: losses, backend: backends })) {
    field(name).append(...Object.entries(choices).map(([value, text]) => make('option', { value }, text)));
  }
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    train();
  });
  return {
    /** As they stand; the library says what is wrong with them. */
    get settings(): Settings {
      const { model, loss } = Object.fromEntries(new FormData(form)) as unknown as Settings;
      const numbers = Object.fromEntries(NUMBERS.map((name) => [name, Number(field(name).value || Number.NaN)]));
      return { model, loss, ...numbers } as Settings;
    },
    set settings(settings: Settings) {
      for (const [name, value] of Object.entries(settings)) field(name).value = String(value);
    },
    get backend() {
      return field('backend').value as BackendName;
    },
    suggestLength(length: number) {
      field('maxLength').value = String(Math.min(50, Math.max(2, length)));
    },
    set disabled(now: boolean) {
      for (const each of form.elements) (each as HTMLInputElement).disabled = now;
    },
    /** While data are read. */
    set waiting(now: boolean) {
      button.disabled = now;
    },
    focus: () => button.focus(),
  };
}
