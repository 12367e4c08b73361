/** The file that training workers run. */
import { automatic } from '../backend/automatic.ts';
import { setAutomatic } from '../backend/select.ts';
import * as library from '../index.ts';
import { serve } from '../training/workers/serve.ts';
import type { WorkerOrder } from '../training/workers/team.ts';
import { parent } from '../training/workers/thread.ts';

setAutomatic(automatic);
const { listen, post } = parent();

listen(async (message) => {
  const order = message as WorkerOrder;
  try {
    if (order.backend === 'wasm') library.configureWasm(order.wasm);
    Object.assign(globalThis, { SEQREC_BACKEND: order.backend });
    await serve(order, library, (loss) => post({ loss }));
  } catch (error) {
    post({ error: (error as Error).message });
  }
});
