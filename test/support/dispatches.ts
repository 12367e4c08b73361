/** Counts the programs that WebGPU runs. */

/** How often each program ran while `run` did, by its label: that of TensorFlow.js' class or of our kernel. */
export async function countDispatches(run: () => Promise<unknown>): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const passes = GPUComputePassEncoder.prototype;
  const { setPipeline, dispatchWorkgroups } = passes;
  let current = '';
  passes.setPipeline = function (pipeline) {
    current = pipeline.label;
    return setPipeline.call(this, pipeline);
  };
  passes.dispatchWorkgroups = function (...groups) {
    counts.set(current, (counts.get(current) ?? 0) + 1);
    return dispatchWorkgroups.apply(this, groups);
  };
  try {
    await run();
  } finally {
    Object.assign(passes, { setPipeline, dispatchWorkgroups });
  }
  return counts;
}

/** The number of programs in all, and the most frequent first. */
export function listDispatches(counts: ReadonlyMap<string, number>): { total: number; list: string } {
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  return {
    total: sorted.reduce((sum, [, count]) => sum + count, 0),
    list: sorted.map(([label, count]) => `${count} ${label}`).join(', '),
  };
}
