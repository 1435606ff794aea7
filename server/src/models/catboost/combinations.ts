import type { CatboostModel, Ctr, CtrTable, NumericFeature } from './catboost-model.ts';
import { tableKey } from './catboost-model.ts';
import type { Columns } from './columns.ts';

/** How one hash of a row is made, and which CTR columns are looked up by it. Plain data: kept in programs as JSON. */
export interface CombinationPlan {
  /** Columns of the frame. */
  categorical: number[];
  numeric: { column: number; border: number; missing: NumericFeature['missing'] }[];
  oneHot: { column: number; value: number }[];
  lookups: LookupPlan[];
}

/** An open-addressed table: `slots` (a power of two) times hash and row, then `rows` times a float32 a column. */
export interface LookupPlan {
  columns: number[];
  slots: number;
  /** Row 0 is for hashes that are not in the table. */
  rows: number;
}

export interface Combinations {
  plans: CombinationPlan[];
  /** For each lookup, in order: `slots` × (upper half of the hash, lower half, row or 0). */
  slots: Uint32Array[];
  /** For each lookup, in order: rows × columns. */
  values: Float32Array[];
}

/** CTRs of one combination are made from one hash, those of one table from one search. */
export function planCombinations(model: CatboostModel, columns: Columns): Combinations {
  const byCombination = new Map<string, Map<string, number[]>>();
  for (const [k, ctr] of model.ctrs.entries()) {
    const key = JSON.stringify(ctr.combination);
    const byTable = byCombination.get(key) ?? new Map<string, number[]>();
    byCombination.set(key, byTable);
    byTable.set(tableKey(ctr), [...(byTable.get(tableKey(ctr)) ?? []), k]);
  }
  const missingOf = new Map(model.numeric.map(({ index, missing }) => [index, missing]));
  const found: Combinations = { plans: [], slots: [], values: [] };
  for (const byTable of byCombination.values()) {
    const lookups = [...byTable].map(([key, own]) => {
      const table = model.tables.get(key)!;
      const ctrs = own.map((k) => model.ctrs[k]!);
      const slots = openTable(table);
      found.slots.push(slots);
      found.values.push(valuesOf(table, ctrs));
      return {
        columns: own.map((k) => columns.ctrs + k),
        slots: slots.length / 3,
        rows: table.hashes.length / 2 + 1,
      };
    });
    const first = [...byTable.values()][0]![0]!;
    const { categorical, numeric, oneHot } = model.ctrs[first]!.combination;
    found.plans.push({
      categorical: categorical.map((index) => columns.categorical.get(index)!),
      numeric: numeric.map(({ index, border }) => ({
        column: columns.numeric.get(index)!,
        border,
        missing: missingOf.get(index)!,
      })),
      oneHot: oneHot.map(({ index, value }) => ({ column: columns.categorical.get(index)!, value })),
      lookups,
    });
  }
  return found;
}

/** At most half full, so that a search is short and ends. Of two equal hashes the first is found, as in CatBoost. */
function openTable({ hashes }: CtrTable): Uint32Array {
  const entries = hashes.length / 2;
  const slots = 2 ** Math.ceil(Math.log2(2 * entries + 1));
  const table = new Uint32Array(3 * slots);
  for (let entry = entries - 1; entry >= 0; entry--) {
    const [hi, lo] = [hashes[2 * entry]!, hashes[2 * entry + 1]!];
    let at = lo & (slots - 1);
    while (table[3 * at + 2] !== 0 && !(table[3 * at] === hi && table[3 * at + 1] === lo)) {
      at = (at + 1) & (slots - 1);
    }
    table.set([hi, lo, entry + 1], 3 * at);
  }
  return table;
}

function valuesOf(table: CtrTable, ctrs: Ctr[]): Float32Array {
  const rows = table.hashes.length / 2 + 1;
  const values = new Float32Array(rows * ctrs.length);
  for (let row = 0; row < rows; row++) {
    const counts = row === 0 ? null : table.counts.subarray((row - 1) * table.width, row * table.width);
    ctrs.forEach((ctr, k) => {
      values[row * ctrs.length + k] = ctrValue(ctr, counts, table.denominator);
    });
  }
  return values;
}

/** In float32, step by step, as CatBoost's `TModelCtr::Calc` does it; `counts` is null for what training never saw. */
function ctrValue(ctr: Ctr, counts: Float64Array | null, denominator: number): number {
  const [good, total] = goodAndTotal(ctr, counts, denominator);
  const above = Math.fround(Math.fround(good) + ctr.priorNumerator);
  const below = Math.fround(Math.fround(total) + ctr.priorDenominator);
  return Math.fround(Math.fround(Math.fround(above / below) + ctr.shift) * ctr.scale);
}

/** `TStaticCtrProvider::CalcCtrs`. */
function goodAndTotal(ctr: Ctr, counts: Float64Array | null, denominator: number): [number, number] {
  const sum = (from: number): number => counts!.subarray(from).reduce((all, one) => all + one, 0);
  switch (ctr.type) {
    case 'Counter':
    case 'FeatureFreq':
      return [counts === null ? 0 : counts[0]!, denominator];
    case 'BinarizedTargetMeanValue':
    case 'FloatTargetMeanValue':
      return counts === null ? [0, 0] : [counts[0]!, counts[1]!];
    case 'Buckets':
      return counts === null ? [0, 0] : [counts[ctr.targetBorder]!, sum(0)];
    case 'Borders':
      if (counts === null) return [0, 0];
      return [counts.length === 2 ? counts[1]! : sum(ctr.targetBorder + 1), sum(0)];
  }
}
