/** The Chromium that tests run in. */
import { existsSync } from 'node:fs';

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

const found = process.env.CHROMIUM ?? places.find((path) => existsSync(path));
if (!found) throw new Error('There is no Chromium: apt-get install chromium, or name one by CHROMIUM=path.');

export const chromium = {
  path: found,
  /** The second one gives the page WebGPU on a software adapter where there is no GPU. */
  flags: ['--no-sandbox', '--enable-unsafe-webgpu'],
};
