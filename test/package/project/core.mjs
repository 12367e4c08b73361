/** 'seqrec/core' never chooses, 'seqrec/cpu' does, and both share one state. */
import assert from 'node:assert/strict';
import { ready } from 'seqrec/core';

await assert.rejects(ready(), /seqrec\/core leaves the backend to the application/);
await import('seqrec/node');
await assert.rejects(ready(), /import 'seqrec\/node' cannot be used: Neither .*tfjs-node/);
await import('seqrec/webgpu');
await assert.rejects(ready(), /import 'seqrec\/webgpu' cannot be used: .*'webgpu' is not installed/);
await import('seqrec/cpu');
const { name, refused } = await ready();
assert.equal(name, 'cpu');
assert.deepEqual(
  refused.map(({ backend }) => backend),
  ['node', 'webgpu'],
);
console.log('seqrec/core leaves the choice to the application');
