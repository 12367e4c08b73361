/** Which backend the worker runs on. */
import plain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import threaded from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';
import { configureWasm, ready } from 'seqrec';

/** Before the first use of seqrec. */
export function useBackend(name: string): void {
  configureWasm({
    paths: {
      'tfjs-backend-wasm.wasm': plain,
      'tfjs-backend-wasm-simd.wasm': simd,
      'tfjs-backend-wasm-threaded-simd.wasm': threaded,
    },
  });
  if (name !== 'auto') Object.assign(globalThis, { SEQREC_BACKEND: name });
}

/** What runs, in words, and why not what would go before. */
export async function backendInWords(): Promise<string> {
  const { name, details, refused } = await ready();
  const facts = [details.adapter, details.kernels && `kernels: ${details.kernels}`].filter(Boolean);
  const why = refused.map(({ backend, why }) => ` Not ${backend}: ${why}`);
  return `Runs on ${name}${facts.length > 0 ? ` (${facts.join(', ')})` : ''}.${why.join('')}`;
}
