/** The worker: all that seqrec does on this page happens here, so that the page stays at hand. */
import { useBackend } from './lab/backend.ts';
import { openData } from './lab/data.ts';
import { explain, load, recommend, save } from './lab/serve.ts';
import { train } from './lab/train.ts';
import type { Calls, News, Order, Reply } from './messages.ts';

export type Tell = (news: News) => void;

type Handlers = {
  [Name in keyof Calls]: (
    order: Calls[Name]['takes'],
    tell: Tell,
    signal: AbortSignal,
  ) => Promise<Calls[Name]['gives']>;
};

const handlers: Handlers = {
  open: async (source, tell) => (await openData(source, tell)).facts,
  train,
  load,
  recommend,
  explain,
  save,
};

const post = (reply: Reply) => self.postMessage(reply);
let running = new AbortController();

self.onmessage = async ({ data }: MessageEvent<Order>) => {
  if (data === 'stop') return running.abort();
  const { id, name, order } = data;
  if (name === 'train') running = new AbortController();
  try {
    post({ id, answer: await handlers[name](order as never, post, running.signal) });
  } catch (error) {
    post({ id, error: error instanceof Error ? error.message : String(error) });
  }
};

useBackend(self.name);
