import type { Combination, Ctr, CtrTable } from './catboost-model.ts';
import { ctrTypes, tableKey } from './catboost-model.ts';
import type { FlatTable } from './flatbuffer.ts';
import { FlatBuffer } from './flatbuffer.ts';
import type { Refusals } from './refusals.ts';

/** Slots of the tables in CatBoost's `libs/model/flatbuffers/ctr_data.fbs` and `features.fbs`, as of 1.2.10. */
const featureSlots = { ctr: 0, borders: 1 };
const ctrSlots = { base: 0, targetBorder: 1, priorNumerator: 2, priorDenominator: 3, shift: 4, scale: 5 };
const baseSlots = { combination: 0, type: 1, classifier: 2 };
const combinationSlots = { categorical: 0, numeric: 1, oneHot: 2 };
const tableSlots = { base: 0, buckets: 1, counts: 2, denominator: 3, classes: 4 };

export function cbmCtr(feature: FlatTable, refusals: Refusals): Ctr {
  const ctr = feature.table(featureSlots.ctr);
  return {
    ...readBase(ctr.table(ctrSlots.base), refusals),
    targetBorder: ctr.int32(ctrSlots.targetBorder, 0),
    priorNumerator: ctr.float32(ctrSlots.priorNumerator, 0),
    priorDenominator: ctr.float32(ctrSlots.priorDenominator, 1),
    shift: ctr.float32(ctrSlots.shift, 0),
    scale: ctr.float32(ctrSlots.scale, 1),
    borders: feature.float32s(featureSlots.borders),
  };
}

function readBase(base: FlatTable, refusals: Refusals): Pick<Ctr, 'type' | 'combination' | 'classifier'> {
  const type = ctrTypes[base.int8(baseSlots.type, 0)];
  const combination = base.table(baseSlots.combination);
  return {
    type: type ?? refusals.broken('a CTR', 'its type is unknown'),
    combination: readCombination(combination),
    classifier: base.int32(baseSlots.classifier, 0),
  };
}

const readCombination = (table: FlatTable): Combination => ({
  categorical: [...table.int32s(combinationSlots.categorical)],
  numeric: table.structs(combinationSlots.numeric, 8, (view, at) => ({
    index: view.getInt32(at, true),
    border: view.getFloat32(at + 4, true),
  })),
  oneHot: table.structs(combinationSlots.oneHot, 8, (view, at) => ({
    index: view.getInt32(at, true),
    value: view.getInt32(at + 4, true),
  })),
});

/** How many tables, then each one's length and bytes. */
export function cbmTables(bytes: Uint8Array, refusals: Refusals): Map<string, CtrTable> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tables = new Map<string, CtrTable>();
  let at = 0;
  const length = (): number => {
    if (at + 4 > bytes.length) refusals.broken('the CTR tables', 'are cut off');
    const value = view.getUint32(at, true);
    at += 4;
    return value;
  };
  const count = length();
  for (let k = 0; k < count; k++) {
    const end = length() + at;
    if (end > bytes.length) refusals.broken('the CTR tables', `table ${k} is cut off`);
    const table = new FlatBuffer(bytes.subarray(at, end), `CTR table ${k}`, refusals).root();
    const base = readBase(table.table(tableSlots.base), refusals);
    tables.set(tableKey(base), readTable(base.type, table, `CTR table ${k}`, refusals));
    at = end;
  }
  if (at !== bytes.length) refusals.broken('the CTR tables', 'more bytes follow them');
  return tables;
}

/** A bucket is the hash and the index of its counts; where the hash has all bits set, nothing. */
const bucketBytes = 12;

function readTable(type: Ctr['type'], table: FlatTable, place: string, refusals: Refusals): CtrTable {
  const isMean = type === 'BinarizedTargetMeanValue' || type === 'FloatTargetMeanValue';
  const isCounter = type === 'Counter' || type === 'FeatureFreq';
  const width = isMean ? 2 : isCounter ? 1 : table.int32(tableSlots.classes, 0);
  const buckets = table.bytes(tableSlots.buckets);
  const blob = table.bytes(tableSlots.counts);
  if (width < 1 || buckets.length % bucketBytes !== 0 || blob.length % (4 * width) !== 0) {
    refusals.broken(place, 'its parts have no lengths that go together');
  }
  const bucketView = new DataView(buckets.buffer, buckets.byteOffset, buckets.byteLength);
  const blobView = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  const rows = blob.length / (4 * width);
  const hashes: number[] = [];
  const counts: number[] = [];
  for (let at = 0; at < buckets.length; at += bucketBytes) {
    const hash = [bucketView.getUint32(at + 4, true), bucketView.getUint32(at, true)];
    if (hash[0] === 0xffffffff && hash[1] === 0xffffffff) continue;
    const row = bucketView.getUint32(at + 8, true);
    if (row >= rows) refusals.broken(place, `a hash leads to counts ${row} of ${rows}`);
    hashes.push(...hash);
    // Otherwise a small file could ask for all its counts once a hash.
    if (hashes.length > 2 * rows) refusals.broken(place, 'more hashes than counts');
    for (let k = 0; k < width; k++) {
      const from = 4 * (row * width + k);
      // Of the two numbers of a mean, the first is a sum.
      counts.push(isMean && k === 0 ? blobView.getFloat32(from, true) : blobView.getInt32(from, true));
    }
  }
  return {
    hashes: Uint32Array.from(hashes),
    width,
    counts: Float64Array.from(counts),
    denominator: table.int32(tableSlots.denominator, 0),
  };
}
