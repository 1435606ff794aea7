import type { Importance } from '../model.ts';
import type { LightgbmTree } from './lightgbm-tree.ts';

/** What LightGBM's `Booster.feature_importance` says ("split" and "gain"): over the splits that gained anything. */
export class LightgbmImportance {
  readonly #splits: Float64Array;
  readonly #gain: Float64Array;
  #isWhole = true;

  constructor(features: number) {
    this.#splits = new Float64Array(features);
    this.#gain = new Float64Array(features);
  }

  add({ feature, gain }: LightgbmTree): void {
    if (gain === null && feature.length > 0) this.#isWhole = false;
    if (gain === null) return;
    for (const [node, gained] of gain.entries()) {
      if (gained <= 0) continue;
      this.#splits[feature[node]!]! += 1;
      this.#gain[feature[node]!]! += gained;
    }
  }

  /** None where the file does not hold the gains of all its trees. */
  measures(): Importance[] {
    if (!this.#isWhole) return [];
    return [
      { measure: 'splits', values: [...this.#splits] },
      { measure: 'gain', values: [...this.#gain] },
    ];
  }
}
