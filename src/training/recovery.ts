/** How a run goes on after the GPU took its device away: from a state that the host has kept. */
import { DeviceLostError } from '../backend/device-lost.ts';
import { backendInfo, canLoseDevice, checkDevice, lossBehind, replaceDevice } from '../backend/select.ts';
import type { Parameter } from '../core/parameter.ts';
import { type RunParts, type RunState, restoreCheckpoint } from './checkpoint.ts';
import type { Trainable } from './trainable.ts';

/** That `fit` lost its device and goes on. */
export interface FitRecovery {
  /** What the device said. */
  cause: string;
  /** The backend that was lost. */
  from: string;
  /** The one that took its place, on a new device or another processor. */
  to: string;
  /** Where training goes on, from 1; what was done since then is done again, with the same draws. */
  epoch: number;
  /** Steps of this epoch that are done. */
  step: number;
}

/** Seconds of steps that may have to be done again, at least. */
const SECONDS = 10;
/** How many times as long as it takes to keep a state the next one is waited for, at least. */
const PATIENCE = 20;
/** Losses at one place after which a run gives up. */
const MOST = 3;

/** Keeps a good state of a run on the host, and starts again from it. Where no device can be lost, it does nothing. */
export class Recovery {
  readonly events: FitRecovery[] = [];
  /** The last good state, as a checkpoint. */
  good: Uint8Array | undefined;
  /** Whether the device is lost and none has taken its place. */
  stranded = false;
  readonly #run: RunParts;
  /** Parameters that are not trained, which no checkpoint has. */
  readonly #frozen = new Map<Parameter, Float32Array>();
  #backend = '';
  #keptAt = 0;
  #cost = 0;
  /** Losses since the run was further than at any of them. */
  #losses = 0;
  #furthest = -1;

  private constructor(run: RunParts) {
    this.#run = run;
  }

  /** Begins with the present state. */
  static async start(model: Trainable, run: RunParts, encode: () => Promise<Uint8Array>): Promise<Recovery> {
    const recovery = new Recovery(run);
    recovery.#backend = backendInfo()?.name as string;
    if (!canLoseDevice()) return recovery;
    for (const [path, parameter] of model.parameters()) {
      if (!run.parameters.has(path)) recovery.#frozen.set(parameter, await parameter.data());
    }
    await recovery.keep(encode);
    return recovery;
  }

  /** Whether so much was done since the last good state that it is time for another. */
  get due(): boolean {
    if (!canLoseDevice()) return false;
    return performance.now() - this.#keptAt > Math.max(1000 * SECONDS, PATIENCE * this.#cost);
  }

  /** Keeps the state that `encode` makes. */
  async keep(encode: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const began = performance.now();
    const bytes = await encode();
    if (canLoseDevice()) this.good = bytes;
    this.#keptAt = performance.now();
    this.#cost = this.#keptAt - began;
    return bytes;
  }

  /** Waits for what the device still has to do, so that a loss meets the run and not who uses the model afterwards. */
  async settle(): Promise<void> {
    if (!canLoseDevice()) return;
    const [smallest] = [...this.#run.parameters.values()].sort((a, b) => a.size - b.size);
    await smallest?.data();
    checkDevice();
  }

  /**
   * Takes a new device or the next backend and puts the last good state there, if `error` is that the device was lost.
   *
   * @param place counts the steps and validations of the run
   * @returns where the run stands
   * @throws `error` if it is another, and if the device is lost again and again at one place
   */
  async recover(error: unknown, place: number): Promise<RunState> {
    let problem = error;
    for (;;) {
      const lost = await lossBehind(problem);
      if (!lost || !this.good) throw problem;
      this.stranded = true;
      this.#count(lost, place);
      try {
        const { name } = await replaceDevice();
        this.#run.carried?.clear();
        for (const [parameter, values] of this.#frozen) parameter.set(values);
        const state = restoreCheckpoint(this.good, this.#run);
        this.stranded = false;
        const { epoch, step } = state;
        this.events.push({ cause: lost.message, from: this.#backend, to: name, epoch: epoch + 1, step });
        this.#backend = name;
        return state;
      } catch (next) {
        problem = next;
      }
    }
  }

  #count(lost: DeviceLostError, place: number): void {
    if (place > this.#furthest) this.#losses = 0;
    this.#furthest = Math.max(place, this.#furthest);
    if (++this.#losses < MOST) return;
    throw new DeviceLostError(
      `The device was lost ${MOST} times without getting any further, so that fit gave up: use a smaller batchSize, a sampled loss or 'seqrec/wasm'. ${lost.message}`,
      { cause: lost },
    );
  }
}
