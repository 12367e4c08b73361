/** How many scores of the catalogue exist at one time: more states are computed in several chunks. Tests make it few. */
export const most = {
  /** Of cross-entropy: 16 MiB. */
  logits: 2 ** 22,
  /** Of rankings: 64 MiB. */
  scores: 2 ** 24,
};
