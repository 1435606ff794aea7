import type { Importance } from '../model.ts';
import type { XgboostTree } from './tree.ts';

/** What XGBoost's `Booster.get_score` says ("weight" and "total_gain"): over all splits in the file, whatever is served. */
export class XgboostImportance {
  readonly #splits = new Map<number, number>();
  readonly #gain = new Map<number, number>();
  #hasGain = true;

  add({ places, left, feature, gain }: XgboostTree): void {
    if (gain === null) this.#hasGain = false;
    for (const node of places) {
      if (left[node] === -1) continue;
      const index = feature[node]!;
      this.#splits.set(index, (this.#splits.get(index) ?? 0) + 1);
      this.#gain.set(index, (this.#gain.get(index) ?? 0) + Math.fround(gain?.[node] ?? 0));
    }
  }

  /** A number a feature; gain only where the file has it for all trees. */
  measures(features: number): Importance[] {
    const list = (of: Map<number, number>) =>
      Array.from({ length: features }, (_, index) => of.get(index) ?? 0);
    const splits = { measure: 'splits', values: list(this.#splits) };
    return this.#hasGain ? [splits, { measure: 'gain', values: list(this.#gain) }] : [splits];
  }
}
