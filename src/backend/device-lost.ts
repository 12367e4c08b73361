/** The error of a device that is gone. */

/**
 * A GPU took its device away (the driver was reset or updated, memory ran out, the tab was long in the background), and
 * with it every tensor: load the model from its file and go on. A running `fit` goes on by itself.
 */
export class DeviceLostError extends Error {
  override readonly name = 'DeviceLostError';
}
