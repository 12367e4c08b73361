/** What is tested of the page, each with a browser of its own: storage and models of one are none of another's. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import type { BrowserContextOptions, Worker } from 'playwright';
import { table, type Visitor } from './visitor.ts';

interface Step {
  options?: BrowserContextOptions;
  run(visitor: Visitor, url: string, picture: (state: string) => Promise<unknown>): Promise<void>;
}

const phone: BrowserContextOptions = { viewport: { width: 375, height: 740 }, hasTouch: true, isMobile: true };

export const steps: Record<string, Step> = {
  'trains on the shop, answers clicks, and again from its file after a reload': {
    async run(visitor, url, picture) {
      const { page } = visitor;
      await visitor.arrive(url);
      await picture('start');
      await visitor.train({ epochs: 4 });
      await visitor.status(/^Epoch 2 of 4: loss 5\.\d+, NDCG@10 0\.\d+/);
      assert.match((await page.locator('#loss-curve').getAttribute('aria-label')) ?? '', /now 5\.\d/);
      assert.ok(await page.locator('#ndcg-curve canvas').evaluate(isDrawn), 'no curve is drawn');
      await picture('training');
      await visitor.trained();
      assert.match(await visitor.text('#status'), /^4 epochs in .*NDCG@10 0\.\d+ after epoch 4\.$/);
      assert.match(await visitor.text('#results table'), /HR@10 NDCG@10 MRR SASRec 0\.\d+ .*Popularity .*Markov chain/);
      assert.match(
        await visitor.text('#protocol'),
        /1,000 users, leave-last-out test.* all 360 items .* ties count against the target; seed 42/,
      );
      assert.match(await visitor.text('#backend'), /^Runs on wasm .*Not webgpu: .*software/);

      const clicks = ['Red Rolling Pin 143', 'Yellow Yoga Block 92', 'Blue Suitcase 171'];
      const answers: string[] = [];
      for (const click of clicks) {
        await visitor.click(click);
        answers.push((await visitor.next()).join());
      }
      assert.equal(new Set(answers).size, 3, 'the answers do not change');
      assert.match(await visitor.text('#latency'), /^Answered in [\d.]+ ms; median of 3: [\d.]+ ms\.$/);
      const shares = [...(await visitor.text('.why tbody')).matchAll(/(\d+) %/g)].map(([, share]) => Number(share));
      assert.ok(shares.length === 3 && Math.abs(shares.reduce((a, b) => a + b) - 100) <= 2, `attention ${shares}`);
      await page.getByRole('button', { name: /^Why/ }).nth(3).click();
      await page.locator('#next li').nth(3).locator('[aria-pressed=true]').waitFor();
      await picture('recommendations');

      const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#save').click()]);
      assert.equal(download.suggestedFilename(), 'sasrec.safetensors');
      const file = await readFile(await download.path());
      await page.reload();
      await page.locator('#data-facts div').first().waitFor();
      assert.ok(await page.locator('#explore').isHidden());
      await page.locator('#load').setInputFiles({ name: 'mine.safetensors', mimeType: '', buffer: file });
      await visitor.trained();
      assert.match(await visitor.text('#file-note'), /mine\.safetensors holds a SASRec of 360 items/);
      await visitor.click(...clicks);
      assert.equal((await visitor.next()).join(), answers[2]);
      await page.getByRole('button', { name: 'Remove Blue Suitcase 171, click 3' }).click();
      await page.waitForFunction((old) => document.querySelector('#next')?.textContent !== old, '');
      await page.waitForFunction(
        (first) => document.querySelector('#next li .item')?.textContent === first,
        answers[1]?.split('\n')[0],
      );
    },
  },

  'is stopped, and goes on after a reload': {
    async run(visitor, url, picture) {
      const { page } = visitor;
      await visitor.arrive(url);
      await visitor.bring('walks.csv', table(300));
      await page.getByText('walks.csv').waitFor();
      await visitor.train({ epochs: 12, model: 'gru4rec' });
      await visitor.status(/^Epoch 2 of 12/);
      await page.locator('#stop').click();
      await visitor.trained(); // what was trained so far can be used
      assert.match(await visitor.text('#status'), /^Stopped/);
      await page.reload();
      const offer = page.locator('#resumable p');
      await offer.waitFor();
      assert.match(await offer.innerText(), /^GRU4Rec on walks\.csv can go on: [2-9]\.\d of 12 epochs are done\.$/);
      await picture('resumable');
      await page.getByLabel('Epochs').fill('0');
      await page.locator('#train').click();
      await visitor.problem('training');
      assert.match(await offer.innerText(), /^GRU4Rec/); // a run that cannot begin does not take its place
      await page.locator('#resume').click();
      await visitor.status(/^\d+ epochs in/);
      assert.equal(await page.locator('#ndcg-curve canvas').evaluate(isDrawn), true);
      await page.reload();
      await page.locator('#data-facts div').first().waitFor();
      await page.waitForTimeout(200);
      assert.ok(await offer.isHidden(), 'a finished run is offered again');
    },
  },

  'works by keyboard alone': {
    async run(visitor, url) {
      const { page } = visitor;
      const press = async (...keys: string[]) => {
        for (const key of keys) await page.keyboard.press(key);
      };
      const focused = () =>
        page.evaluate(() => {
          const element = document.activeElement as HTMLElement;
          const shown = element.closest('.button') ?? element;
          return `${element.id || element.getAttribute('name') || element.textContent} ${getComputedStyle(shown).outlineStyle}`;
        });
      const tabTo = async (name: string) => {
        for (let i = 0; i < 40; i++) {
          await press('Tab');
          if ((await focused()).startsWith(name)) return;
        }
        assert.fail(`Tab does not lead to ${name}`);
      };
      await visitor.arrive(url);
      const order: string[] = [];
      for (let i = 0; i < 9; i++) {
        await press('Tab');
        order.push(await focused());
      }
      assert.deepEqual(
        order.map((name) => name.split(' ')[0]),
        ['data-file', 'data-shop', 'model', 'loss', 'backend', 'epochs', 'seed', 'More', 'train'],
      );
      assert.ok(
        order.every((name) => / (solid|auto)$/.test(name)),
        `focus is not seen: ${order}`,
      );
      await press('Shift+Tab', 'Shift+Tab', 'Shift+Tab');
      await press('Control+A');
      await page.keyboard.type('1');
      await press('Enter');
      await page.waitForFunction(() => document.activeElement?.id === 'stop');
      await visitor.trained();
      assert.match(await focused(), /^training-title/);
      await tabTo('search');
      await page.keyboard.type('tent');
      await press('Tab', 'Enter');
      await page.locator('#next li:visible').first().waitFor();
      await tabTo(((await visitor.next())[0] ?? '').split('\n')[0] as string);
      await press('Enter');
      await page.locator('.why tbody tr').nth(1).waitFor();
      await page.locator('.why .number').first().waitFor();
      await tabTo('×');
      await press('Enter', 'Enter');
      await page.waitForFunction(() => document.activeElement?.id === 'search');
    },
  },

  'says in a sentence what is wrong with a file or a setting': {
    async run(visitor, url, picture) {
      const { page } = visitor;
      page.on('worker', (worker) => worker.evaluate(refuseStorage));
      await visitor.arrive(url);
      await visitor.bring('columns.csv', table(20, { header: 'a,b,c' }));
      assert.match(await visitor.problem('data'), /first line names no user and item/);
      await picture('problem');
      await visitor.bring('small.csv', table(5, { events: 2 }));
      await page.getByText('at least 3 events').waitFor();
      assert.match(await visitor.problem('data'), /small\.csv.*A user must have at least 3 events/);
      await visitor.bring('empty.csv', Buffer.from(''));
      await page.getByText('empty.csv').waitFor();
      assert.match(await visitor.text('#data-name'), /Synthetic shop/); // what was open stays
      await visitor.bring('walks.csv', table(20));
      await page.locator('#data > .problem').waitFor({ state: 'hidden' });

      const load = (buffer: Buffer) =>
        page.locator('#load').setInputFiles({ name: 'm.safetensors', mimeType: '', buffer });
      await load(Buffer.from('no model at all'));
      assert.match(await visitor.problem('file'), /^m\.safetensors: .*is this a safetensors file/);
      await visitor.train({ epochs: 0 });
      assert.match(await visitor.problem('training'), /^epochs must be .*got 0/);
      await visitor.train({ epochs: 2 });
      await visitor.trained();
      assert.match(await visitor.text('#notices'), /^The browser stores no checkpoint \(refused\): [^:]*$/);
      const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#save').click()]);
      const file = await readFile(await download.path());
      file[file.length - 5] = (file[file.length - 5] as number) ^ 1;
      await load(file);
      assert.match(await visitor.problem('file'), /^m\.safetensors: .*damaged.*checksum/);
      await visitor.click('item 3'); // the model before still answers
      const dropped = await page.evaluateHandle(() => {
        const files = new DataTransfer();
        files.items.add(new File(['x,y\n1,2\n'], 'dropped.csv'));
        return files;
      });
      await page.dispatchEvent('body', 'drop', { dataTransfer: dropped });
      assert.match(await visitor.problem('data'), /^dropped\.csv: /);
    },
  },

  'fits a phone': {
    options: phone,
    async run(visitor, url, picture) {
      await visitor.arrive(url);
      await visitor.fits();
      await visitor.bring('walks.csv', table(100));
      await visitor.page.getByText('walks.csv').waitFor();
      await visitor.train({ epochs: 2, model: 'narm' });
      await visitor.page.locator('#curves').waitFor();
      await visitor.fits();
      await visitor.trained();
      await visitor.click('item 7', 'item 8', 'item 9');
      await visitor.fits();
      await picture('phone');
    },
  },

  'is dark where the visitor wants it': {
    options: { colorScheme: 'dark', reducedMotion: 'reduce' },
    async run(visitor, url, picture) {
      await visitor.arrive(url);
      await visitor.bring('walks.csv', table(100));
      await visitor.page.getByText('walks.csv').waitFor();
      await visitor.train({ epochs: 2 });
      await visitor.trained();
      await visitor.click('item 7', 'item 8');
      await picture('dark');
      const colors = await visitor.page.evaluate(() =>
        [document.documentElement, document.querySelector('section')].map(
          (element) => getComputedStyle(element as Element).backgroundColor,
        ),
      );
      for (const color of colors) {
        const light = (color.match(/\d+/g) ?? []).slice(0, 3).map(Number);
        assert.ok(Math.max(...light) < 60, `${color} is not dark`);
      }
    },
  },

  'survives the loss of the GPU, in training and after it': {
    async run(visitor, url, picture) {
      const { page } = visitor;
      let worker: Worker | undefined;
      page.on('worker', async (started) => {
        worker = started;
        await started.evaluate(rememberDevice).catch(() => {}); // one that has ended already
      });
      const loseDevice = () =>
        worker?.evaluate(() => (globalThis as unknown as { device: GPUDevice }).device.destroy());
      await visitor.arrive(url);
      await visitor.bring('walks.csv', table(16));
      await page.getByText('walks.csv').waitFor();
      await visitor.train({ epochs: 3, backend: 'webgpu' });
      await visitor.status(/^Epoch 1 of 3/);
      await loseDevice();
      await visitor.status(/^3 epochs in/);
      assert.match(
        await visitor.text('#notices'),
        /took its device away .*; training goes on in epoch [12] on a new one/,
      );
      await picture('lost');
      assert.match(await visitor.text('#backend'), /^Runs on webgpu/);
      await visitor.click('item 7');
      const before = await visitor.next();
      await loseDevice();
      await visitor.click('item 8');
      assert.match(await visitor.text('#notices'), /the model was loaded again from its file/);
      assert.notDeepEqual(await visitor.next(), before);
    },
  },
};

/** Whether anything is painted on a canvas. */
function isDrawn(canvas: Element): boolean {
  const { width, height } = canvas as HTMLCanvasElement;
  const pixels = (canvas as HTMLCanvasElement).getContext('2d')?.getImageData(0, 0, width, height).data ?? [];
  return pixels.some((value) => value !== 0);
}

/** In the worker: as a browser that keeps no data of pages. */
function refuseStorage(): void {
  indexedDB.open = () => {
    throw new Error('refused');
  };
}

/** In the worker: keeps the device that it will be given, to be lost. */
function rememberDevice(): void {
  const request = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = async function (...options) {
    const device = await request.apply(this, options);
    Object.assign(globalThis, { device });
    return device;
  };
}
