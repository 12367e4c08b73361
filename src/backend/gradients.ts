/**
 * Registers the gradients of the TensorFlow.js ops, which tfjs-core leaves out; training imports this file when it
 * starts. The build bundles the deep import into one file of its own, since Node cannot resolve it.
 */
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
