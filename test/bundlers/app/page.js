/** The application: loads a model, recommends, and leaves what it found for the test. */
import { backendInfo, SASRec } from 'seqrec';
import { configureWasm } from 'seqrec/wasm';

configureWasm({ paths: '/wasm/' });

async function start() {
  const response = await fetch('/model.safetensors');
  const model = await SASRec.load(new Uint8Array(await response.arrayBuffer()));
  const items = await model.recommend(['item-3', 'item-4'], { k: 5 });
  document.body.textContent = items.map(({ item }) => item).join(' ');
  return { items, backend: backendInfo() };
}

start().then(
  (result) => Object.assign(window, { result }),
  (error) => Object.assign(window, { result: { error: String(error?.stack ?? error) } }),
);
