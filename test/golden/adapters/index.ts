/** The adapter of every case, by name. */
import type { AdapterTable } from '../case.ts';

export const adapters: AdapterTable = [];
