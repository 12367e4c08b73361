/** What a visitor of the page does, and what the visitor sees. */
import assert from 'node:assert/strict';
import type { Page } from 'playwright';

/** A table with `users` visitors, each of whom walks through 12 of 30 items in their order. */
export function table(users: number, { header = 'user,item,time', events = 12 } = {}): Buffer {
  const rows = Array.from({ length: users * events }, (_, i) => {
    const [user, step] = [Math.floor(i / events), i % events];
    return `u${user},item ${((user * 7) % 30) + step},${step}`;
  });
  return Buffer.from([header, ...rows].join('\n'));
}

export class Visitor {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  async arrive(url: string): Promise<void> {
    await this.page.goto(url);
    await this.page.locator('#data-facts div').first().waitFor();
  }

  async bring(name: string, buffer: Buffer): Promise<void> {
    await this.page.locator('#data-file').setInputFiles({ name, mimeType: 'text/plain', buffer });
  }

  async train(settings: { epochs: number; model?: string; backend?: string }): Promise<void> {
    const { epochs, model, backend } = settings;
    await this.page.getByLabel('Epochs').fill(String(epochs));
    if (model) await this.page.locator('[name=model]').selectOption(model);
    if (backend) await this.page.locator('[name=backend]').selectOption(backend);
    await this.page.locator('#train').click();
  }

  /** Waits for a text in the status of the training; a problem in its stead is an error. */
  async status(pattern: RegExp): Promise<string> {
    const problem = this.page.locator('#training > .problem');
    for (const end = Date.now() + 180_000; Date.now() < end; await this.page.waitForTimeout(20)) {
      const text = await this.text('#status');
      if (pattern.test(text)) return text;
      const sentence = await problem.innerText();
      if (sentence !== '') throw new Error(`The page says: ${sentence}`);
    }
    throw new Error(`The status never was ${pattern}: ${await this.text('#status')}`);
  }

  async trained(): Promise<void> {
    await this.page.locator('#explore:not([hidden])').waitFor();
  }

  async click(...items: string[]): Promise<void> {
    for (const item of items) {
      const before = await this.text('#latency');
      await this.page.locator('#search').fill(item);
      await this.page.locator('#items').getByRole('button', { name: item, exact: true }).click();
      await this.page.waitForFunction((old) => document.querySelector('#latency')?.textContent !== old, before);
    }
    await this.page.getByRole('heading', { name: /^Your history, and why/ }).waitFor();
  }

  /** What comes next, with scores. */
  async next(): Promise<string[]> {
    return (await this.page.locator('#next li:visible').allInnerTexts()).map((text) => text.replace(/\s*Why\?$/, ''));
  }

  /** The sentence in which a section says what went wrong. */
  async problem(section: string): Promise<string> {
    const place = this.page.locator(`#${section} > .problem`);
    await place.waitFor();
    return place.innerText();
  }

  async text(selector: string): Promise<string> {
    return (await this.page.locator(selector).innerText()).replace(/\s+/g, ' ');
  }

  /** Whether the page is as wide as the screen. */
  async fits(): Promise<void> {
    const [content, screen] = await this.page.evaluate(() => [
      Math.max(document.documentElement.scrollWidth, document.body.scrollWidth),
      innerWidth,
    ]);
    assert.equal(content, screen, `${content} pixels of content on a screen of ${screen}`);
  }
}
