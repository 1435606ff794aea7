import type { Combination, Ctr, CtrTable } from './catboost-model.ts';
import { ctrTypes, tableKey } from './catboost-model.ts';
import type { JsonValue } from './json-value.ts';

export const readJsonBorders = (feature: JsonValue): Float64Array =>
  feature.has('borders') && feature.get('borders').value !== null
    ? feature.get('borders').numbers().map(Math.fround)
    : new Float64Array();

function readCombination(elements: JsonValue[]): Combination {
  const combination: Combination = { categorical: [], numeric: [], oneHot: [] };
  for (const element of elements) {
    const kind = element.get('combination_element').text();
    if (kind === 'cat_feature_value') {
      combination.categorical.push(element.get('cat_feature_index').integer(0));
    } else if (kind === 'float_feature') {
      const border = Math.fround(element.get('border').number());
      combination.numeric.push({ index: element.get('float_feature_index').integer(0), border });
    } else if (kind === 'cat_feature_exact_value') {
      const value = element.get('value').integer();
      combination.oneHot.push({ index: element.get('cat_feature_index').integer(0), value });
    } else element.get('combination_element').fail(`“${kind.slice(0, 40)}” is unknown`);
  }
  return combination;
}

function readCtrType(type: JsonValue): Ctr['type'] {
  return ctrTypes.find((one) => one === type.value) ?? type.fail('is no type of CTR');
}

export function readJsonCtr(ctr: JsonValue): Ctr {
  const single = (key: string): number => Math.fround(ctr.get(key).number());
  return {
    type: readCtrType(ctr.get('ctr_type')),
    combination: readCombination(ctr.get('elements').list()),
    classifier: 0,
    targetBorder: ctr.get('target_border_idx').integer(0),
    priorNumerator: single('prior_numerator'),
    priorDenominator: single('prior_denomerator'),
    shift: single('shift'),
    scale: single('scale'),
    borders: readJsonBorders(ctr),
  };
}

/** The tables of `ctr_data`, whose keys are JSON in themselves. */
export function readJsonTables(root: JsonValue): Map<string, CtrTable> {
  const tables = new Map<string, CtrTable>();
  if (!root.has('ctr_data') || root.get('ctr_data').value === null) return tables;
  for (const [key, table] of root.get('ctr_data').entries()) {
    const base = table.parsed(key);
    const type = readCtrType(base.get('type'));
    const combination = readCombination(base.get('identifier').list());
    tables.set(tableKey({ type, combination, classifier: 0 }), readTable(table));
  }
  return tables;
}

/** Marks an empty bucket of CatBoost's own hash table; its counts mean nothing. */
const emptyBucket = 2n ** 64n - 1n;

function readTable(table: JsonValue): CtrTable {
  const stride = table.get('hash_stride').integer(2);
  const cells = table.get('hash_map').value;
  if (!Array.isArray(cells) || cells.length % stride !== 0) {
    return table.get('hash_map').fail(`is no list of ${stride} values a hash`);
  }
  const width = stride - 1;
  const hashes: number[] = [];
  const counts: number[] = [];
  for (let at = 0; at < cells.length; at += stride) {
    const text: unknown = cells[at];
    if (typeof text !== 'string' || !/^\d{1,20}$/.test(text) || BigInt(text) > emptyBucket) {
      table.get('hash_map').fail(`item ${at} is no 64-bit number in quotes`);
    }
    const hash = BigInt(text as string);
    if (hash === emptyBucket) continue;
    hashes.push(Number(hash >> 32n), Number(hash & 0xffffffffn));
    for (let k = 1; k <= width; k++) {
      const count: unknown = cells[at + k];
      if (typeof count !== 'number' || !Number.isFinite(count)) {
        table.get('hash_map').fail(`item ${at + k} is no finite number`);
      }
      counts.push(count as number);
    }
  }
  return {
    hashes: Uint32Array.from(hashes),
    width,
    counts: Float64Array.from(counts),
    denominator: table.has('counter_denominator') ? table.get('counter_denominator').integer() : 0,
  };
}
