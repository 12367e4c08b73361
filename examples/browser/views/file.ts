/** The model as a file: saved as a download, loaded from the disk. */
import { attempt, find, make } from '../dom.ts';

export function fileView({ load, save }: { load(file: File): void; save(): Promise<Uint8Array<ArrayBuffer>> }) {
  const chooser = find<HTMLInputElement>('#load');
  const button = find<HTMLButtonElement>('#save');
  const note = find('#file-note');
  let name = '';

  chooser.addEventListener('change', () => {
    const [chosen] = chooser.files ?? [];
    chooser.value = ''; // the same file again is a choice, too
    if (chosen) load(chosen);
  });
  button.addEventListener('click', async () => {
    const bytes = await attempt('file', save);
    if (!bytes) return;
    const href = URL.createObjectURL(new Blob([bytes]));
    make('a', { href, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(href), 1000);
    note.textContent = `Saved as ${name}, ${Math.ceil(bytes.length / 1000).toLocaleString('en')} kB.`;
  });
  return {
    offer(model: string) {
      name = `${model.toLowerCase()}.safetensors`;
      button.hidden = false;
    },
    withdraw() {
      button.hidden = true;
      note.textContent = '';
    },
    note(text: string) {
      note.textContent = text;
    },
    set disabled(now: boolean) {
      chooser.disabled = now;
    },
  };
}
