/** Pauses in long work. */

/**
 * A function that lets timers, input events and abort signals run, but only when `milliseconds` of work lie behind the
 * last pause. Backends that compute at once never give the event loop a turn by themselves.
 */
export function pauser(milliseconds = 50): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < milliseconds) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    last = performance.now();
  };
}
