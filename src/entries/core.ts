/**
 * `import … from 'seqrec/core'`: the same names as `seqrec`, but no backend is ever chosen or bundled: the application
 * sets one by `tf.setBackend`, or imports `seqrec/wasm` and the like.
 */
export * from '../index.ts';
