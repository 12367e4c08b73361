/** All kernels of the module. Pointers are byte offsets into the memory of tfjs-wasm; callers pass scratch space. */
export { columnSums } from './column-sums';
export { matMul, matMulScratch } from './mat-mul';
