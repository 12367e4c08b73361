/** All kernels of the module. Pointers are byte offsets into the memory of tfjs-wasm; callers pass scratch space. */
export { gelu, geluGradient, relu, reluGradient, silu, siluGradient } from './activations';
export { adam } from './adam';
export { addTo } from './add-to';
export { attentionBackward, attentionForward, attentionScratch, clear } from './attention';
export { columnSums } from './column-sums';
export { crossEntropy, crossEntropyScratch } from './cross-entropy';
export { dropout } from './dropout';
export { add, multiply } from './elementwise';
export { gruBackward, gruBackwardScratch, gruForward, gruForwardScratch } from './gru';
export { itemScores, itemScoresScratch, targetRanks, topScores } from './item-scores';
export { layerNormBackward, layerNormForward } from './layer-norm';
export { matMul, matMulScratch } from './mat-mul';
export { neighborSums } from './neighbor-sums';
export { normalizeRows, normalizeRowsGradient, softmaxOverTime } from './normalize';
export { pairProducts, pairSums, pairsScratch } from './pairs';
export { rotatePairs } from './rotate-pairs';
export { sumRows, takeRows } from './rows';
export { logistic, softmaxOverNegatives } from './sampled-formulas';
export { sampledGradients, sampledScores } from './sampled-scores';
export { sumOfSquares } from './squares';
// No kernels, but numbers that have to stay variables.
export {
  log2e,
  lowest,
  minusLn2High,
  minusLn2Low,
  rounder,
  term0,
  term1,
  term2,
  term3,
  term4,
  term5,
} from './math';
