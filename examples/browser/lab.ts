/** The worker as the page sees it: calls that answer, and news in between. */
import type { BackendName } from './choices.ts';
import type { Calls, News, Order, Reply } from './messages.ts';
import LabWorker from './worker.ts?worker';

interface Waiting {
  resolve(answer: never): void;
  reject(error: Error): void;
}

export class Lab {
  readonly #hear: (news: News) => void;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #backend: BackendName = 'auto';
  #calls = 0;

  constructor(hear: (news: News) => void) {
    this.#hear = hear;
  }

  /** The backend is chosen once in a worker: another choice takes a new one, which holds no model. @returns whether it did */
  use(backend: BackendName): boolean {
    if (backend === this.#backend) return false;
    this.#backend = backend;
    this.#end(new Error('The backend was changed meanwhile: try again.'));
    return true;
  }

  call<Name extends keyof Calls>(name: Name, order: Calls[Name]['takes']): Promise<Calls[Name]['gives']> {
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#post({ id, name, order } as Order);
    });
  }

  /** Ends the training under way at its next step; its call answers. */
  stop(): void {
    this.#post('stop');
  }

  #post(order: Order): void {
    this.#worker ??= this.#start();
    this.#worker.postMessage(order);
  }

  #start(): Worker {
    const worker = new LabWorker({ name: this.#backend });
    worker.onmessage = ({ data }: MessageEvent<Reply>) => {
      if ('news' in data) return this.#hear(data);
      const call = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if ('error' in data) call?.reject(new Error(data.error));
      else call?.resolve(data.answer as never);
    };
    worker.onerror = ({ message }) =>
      this.#end(new Error(`The worker ended (${message || 'it could not be loaded'}): reload the page.`));
    return worker;
  }

  #end(error: Error): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
