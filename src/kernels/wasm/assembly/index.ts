/** All kernels of the module. Pointers are byte offsets into the memory of tfjs-wasm; callers pass scratch space. */
export { adam } from './adam';
export { attentionBackward, attentionForward, attentionScratch, clear } from './attention';
export { columnSums } from './column-sums';
export { dropout } from './dropout';
export { gelu, geluGradient } from './gelu';
export { layerNormBackward, layerNormForward } from './layer-norm';
export { matMul, matMulScratch } from './mat-mul';
export { softmaxRows } from './softmax-rows';
export { sumOfSquares } from './squares';
