/**
 * The page of examples/browser, built as for production, in Chromium: what a visitor does from data to recommendations.
 * Screenshots of its states go to .cache/page. `npm run test:browser -- page [NAME]` runs the steps whose names have NAME.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BrowserContextOptions, chromium as playwright } from 'playwright';
import { build, preview } from 'vite';
import { chromium } from '../chromium.ts';
import { steps } from './steps.ts';
import { Visitor } from './visitor.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const pictures = join(root, '.cache/page');

/** @returns whether none failed */
export async function testPage(asked = ''): Promise<boolean> {
  const options = { configFile: join(root, 'examples/browser/vite.config.ts'), logLevel: 'error' as const };
  await mkdir(pictures, { recursive: true });
  await build(options);
  const server = await preview({ ...options, preview: { port: 0, host: '127.0.0.1' } });
  const url = server.resolvedUrls?.local[0] as string;
  const browser = await playwright.launch({ executablePath: chromium.path, args: chromium.flags });
  let [passed, failed] = [0, 0];
  for (const [name, { options: how = {}, run }] of Object.entries(steps)) {
    if (!name.includes(asked)) continue;
    const context = await browser.newContext({
      viewport: { width: 1200, height: 900 },
      ...how,
    } as BrowserContextOptions);
    const page = await context.newPage();
    page.setDefaultTimeout(120_000); // WebGPU in software on a busy machine
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
    page.on('console', (line) => line.type() === 'error' && complaints.push(`console: ${line.text()}`));
    page.on('request', (request) => {
      if (!/^(blob|data):/.test(request.url()) && !request.url().startsWith(url))
        complaints.push(`asks ${request.url()}`);
    });
    const began = performance.now();
    try {
      await run(new Visitor(page), url, (state) =>
        page.screenshot({ path: join(pictures, `${state}.png`), fullPage: true }),
      );
      if (complaints.length > 0) throw new Error(complaints.join('; '));
      console.log(`ok    ${name} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
      passed++;
    } catch (error) {
      await page.screenshot({ path: join(pictures, 'failed.png'), fullPage: true });
      console.log(`FAIL  ${name}: ${(error as Error).stack}`);
      failed++;
    }
    await context.close();
  }
  await browser.close();
  await server.close();
  console.log(`page: ${passed} passed, ${failed} failed`);
  return failed === 0;
}
