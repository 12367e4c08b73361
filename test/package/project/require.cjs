/** The package is ESM without top-level await, so CommonJS code can require it. */
const assert = require('node:assert/strict');
const { ready, Rng } = require('seqrec');
const { configureWasm } = require('seqrec/wasm');

assert.equal(typeof configureWasm, 'function');
assert.equal(new Rng(1).uniform(0), new Rng(1).uniform(0));
ready().then(({ name, chosenBy }) => {
  assert.deepEqual([name, chosenBy], ['wasm', 'import']);
  console.log('require("seqrec") works');
});
