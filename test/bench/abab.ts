/** Rounds in which the candidates take turns, so that a machine that slows down slows all of them. */

/** Runs one round and returns its milliseconds; {@link timed} makes one of a function. */
export type Candidate = () => number | Promise<number>;

export interface Times {
  readonly median: number;
  readonly min: number;
}

/** One untimed round and then `rounds` timed ones, A B A B; the times of each candidate. */
export async function abab(candidates: readonly Candidate[], rounds = 5): Promise<Times[]> {
  const times: number[][] = candidates.map(() => []);
  for (let round = -1; round < rounds; round++) {
    for (const [i, candidate] of candidates.entries()) {
      const ms = await candidate();
      if (round >= 0) times[i]?.push(ms);
    }
  }
  return times.map((all) => ({ median: median(all), min: Math.min(...all) }));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle)] as number) + (sorted[Math.ceil(middle) - 1] as number)) / 2;
}

/** A candidate that calls `run` for at least `atLeast` milliseconds and returns those of one call. */
export function timed(run: () => unknown, atLeast = 20): Candidate {
  return async () => {
    const start = performance.now();
    let calls = 0;
    let elapsed = 0;
    do {
      const result = run();
      if (result instanceof Promise) await result;
      calls++;
      elapsed = performance.now() - start;
    } while (elapsed < atLeast);
    return elapsed / calls;
  };
}

/** Prints the line of one case: what it is, and ours beside the rival's. */
export function report(
  about: { bench: string; case: string } & Record<string, unknown>,
  ours: Times,
  rival?: Times,
): void {
  const line = {
    ...about,
    ours_ms: digits(ours.median),
    ...(rival && { rival_ms: digits(rival.median), ratio: digits(rival.median / ours.median) }),
    ours_min_ms: digits(ours.min),
    ...(rival && { rival_min_ms: digits(rival.min) }),
  };
  console.log(JSON.stringify(line));
}

/** Four significant digits. */
export function digits(value: number): number {
  return Number(value.toPrecision(4));
}
