/** What the form offers; `lab/recipes.ts` makes it. */
export const models = {
  sasrec: 'SASRec',
  gru4rec: 'GRU4Rec',
  narm: 'NARM',
  bsarec: 'BSARec',
  core: 'CORE',
  'sr-gnn': 'SR-GNN',
  bert4rec: 'BERT4Rec',
} as const;

export const losses = {
  own: 'The model’s own',
  'cross-entropy': 'Cross-entropy',
  'sampled-softmax': 'Sampled softmax',
  bce: 'BCE',
  gbce: 'gBCE',
  bpr: 'BPR',
  top1: 'TOP1',
} as const;

export const backends = {
  auto: 'The best that works',
  wasm: 'WebAssembly',
  webgpu: 'WebGPU',
  cpu: 'Plain JavaScript',
} as const;

export type ModelName = keyof typeof models;
export type LossName = keyof typeof losses;
export type BackendName = keyof typeof backends;
