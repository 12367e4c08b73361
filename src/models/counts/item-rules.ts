/** The base of models that answer by rules from the last item of a history to others. */
import type { Ragged } from '../../core/ragged.ts';
import { checkNumber } from '../../core/shape.ts';
import type { Catalog } from '../../data/catalog.ts';
import type { ExcludeOptions, TopK } from '../../evaluation/scorer.ts';
import { matchTensors } from '../../io/match-tensors.ts';
import type { TensorData } from '../../io/safetensors.ts';
import { CountingModel } from '../base/counting.ts';
import { RULE_TENSORS, Transitions } from './transitions.ts';

/** The rules from one item, the strongest first, and of equal ones the first seen. */
interface Rules {
  readonly items: Int32Array;
  readonly scores: Float64Array;
}

/**
 * Rules a -> b with a strength, of which each a keeps the strongest. Only the last item of a history is asked; after an
 * item without rules, or an empty history, every score is 0 and nothing is recommended.
 */
export abstract class ItemRules extends CountingModel {
  /** How many rules of an item are used, null for all. */
  readonly keep: number | null;
  protected rules = new Transitions();
  /** Rules as they are used, made when an item is first asked for. */
  #kept = new Map<number, Rules>();

  constructor(items: Catalog, keep: number | null) {
    super(items);
    this.keep = keep === null ? null : checkNumber('keep', keep, { min: 1, integer: true });
  }

  /** What orders the rules of an item. */
  protected abstract strength(weight: number, from: number, to: number): number;

  /** What the strengths of an item's rules are divided by: its strongest, so that scores end at 1. */
  protected unit(strongest: number): number {
    return strongest;
  }

  override async scores(histories: Ragged): Promise<Float32Array> {
    this.requireCounts();
    const width = this.catalog.size;
    const out = new Float32Array(histories.count * width);
    for (let b = 0; b < histories.count; b++) {
      const { items, scores } = this.#rulesOf(histories.items(b).at(-1));
      for (let i = 0; i < items.length; i++) out[b * width + (items[i] as number)] = scores[i] as number;
    }
    return out;
  }

  override async topK(histories: Ragged, k: number, { exclude }: ExcludeOptions = {}): Promise<TopK> {
    this.requireCounts();
    checkNumber('k', k, { min: 1, integer: true });
    const out = { items: new Int32Array(histories.count * k).fill(-1), scores: new Float32Array(histories.count * k) };
    out.scores.fill(-Infinity);
    for (let b = 0; b < histories.count; b++) {
      const { items, scores } = this.#rulesOf(histories.items(b).at(-1));
      const excluded = exclude?.items(b);
      for (let i = 0, at = b * k; i < items.length && at < (b + 1) * k; i++) {
        if (excluded?.includes(items[i] as number)) continue;
        out.items[at] = items[i] as number;
        out.scores[at++] = scores[i] as number;
      }
    }
    return out;
  }

  #rulesOf(from: number | undefined): Rules {
    if (from === undefined) return { items: new Int32Array(0), scores: new Float64Array(0) };
    let rules = this.#kept.get(from);
    if (!rules) {
      const all: { to: number; strength: number }[] = [];
      this.rules.each(from, (to, weight) => all.push({ to, strength: this.strength(weight, from, to) }));
      // The sort is stable: equal strengths stay in the order of first appearance.
      const best = all.sort((a, b) => b.strength - a.strength).slice(0, this.keep ?? all.length);
      const unit = this.unit(best[0]?.strength ?? 1);
      rules = {
        items: Int32Array.from(best, ({ to }) => to),
        scores: Float64Array.from(best, ({ strength }) => strength / unit),
      };
      this.#kept.set(from, rules);
    }
    return rules;
  }

  protected override clear(): void {
    this.rules = new Transitions();
    this.#kept.clear();
  }

  protected override count(rows: Int32Array): void {
    this.#kept.clear();
    this.mine(rows);
  }

  /** Adds the rules of one sequence, oldest first. */
  protected abstract mine(rows: Int32Array): void;

  protected override counts() {
    return { items: this.rules.contexts.length, rules: this.rules.size };
  }

  protected override get counted(): boolean {
    return this.rules.size > 0;
  }

  protected override async state(): Promise<Map<string, TensorData>> {
    this.requireCounts();
    return this.rules.rowState();
  }

  protected override async restore(tensors: ReadonlyMap<string, TensorData>): Promise<void> {
    matchTensors(tensors, new Map(RULE_TENSORS), 'these rules');
    this.rules = Transitions.restoreRows(tensors, this.catalog.size);
  }
}
