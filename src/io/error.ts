/** The error of every file that is not what it should be. */

/** A file is damaged, hostile, or not what was asked for; the message says what is wrong. */
export class FileFormatError extends Error {
  override readonly name = 'FileFormatError';
}
