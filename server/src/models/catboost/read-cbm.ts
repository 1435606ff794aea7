import type { CatboostModel, CategoricalFeature, NumericFeature } from './catboost-model.ts';
import { missingTreatments } from './catboost-model.ts';
import { cbmCtr, cbmTables } from './cbm-ctrs.ts';
import { cbmTrees } from './cbm-trees.ts';
import type { FlatTable } from './flatbuffer.ts';
import { FlatBuffer } from './flatbuffer.ts';
import { parsed, readModelInfo } from './model-info.ts';
import type { Refusals } from './refusals.ts';

/** Slots of the tables in CatBoost's `libs/model/flatbuffers/model.fbs` and `features.fbs`, as of 1.2.10. */
const core = { format: 0, trees: 1, info: 2, parts: 3 };
const keyValue = { key: 0, value: 1 };
const trees = {
  dimension: 0,
  categorical: 4,
  numeric: 5,
  oneHot: 6,
  ctrs: 7,
  text: 12,
  estimated: 13,
  scale: 14,
  bias: 15,
  biases: 16,
  embedding: 18,
};
const numericSlots = { index: 1, flat: 2, borders: 3, name: 4, missing: 5 };
const categoricalSlots = { index: 0, flat: 1, name: 2 };
const oneHotSlots = { index: 0, values: 1 };

const tablesPart = 'static_provider_v1';

/**
 * Reads a .cbm file: "CBM1", the core's length, the core (a FlatBuffer), then the parts it names: CTR tables. Not yet
 * checked for sense: `checkModel` does that for both formats. Throws FILE_BROKEN or FILE_UNSUPPORTED.
 */
export function readCbm(bytes: Uint8Array, refusals: Refusals): CatboostModel {
  if (bytes.length < 8) refusals.broken('the file', 'is cut off');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = 8 + view.getUint32(4, true);
  if (end > bytes.length) refusals.broken('the file', `is cut off: its core ends at byte ${end}`);
  const root = new FlatBuffer(bytes.subarray(8, end), 'the core', refusals).root();
  const format = root.text(core.format);
  if (format !== 'FlabuffersModel_v1') {
    refusals.unsupported('the core', `its format is “${format.slice(0, 40)}”`);
  }
  const parts = root.texts(core.parts);
  if (parts.length > 1 || (parts[0] ?? tablesPart) !== tablesPart) {
    const hint = 'Text and embedding features have no form in Slipway: train without them.';
    const names = parts
      .join(', ')
      .replaceAll(/[^ -~]/g, '')
      .slice(0, 80);
    refusals.unsupported('the core', `it has parts of kind ${names}`, hint);
  }
  const rest = bytes.subarray(end);
  if (parts.length === 0 && rest.length > 0) refusals.broken('the file', 'more bytes follow its core');
  return { ...readCore(root, refusals), tables: parts.length === 1 ? cbmTables(rest, refusals) : new Map() };
}

function readCore(root: FlatTable, refusals: Refusals): Omit<CatboostModel, 'tables'> {
  const model = root.table(core.trees);
  for (const [word, slot] of [
    ['text', trees.text],
    ['embedding', trees.embedding],
    ['estimated', trees.estimated],
  ] as const) {
    if (model.tables(slot).length > 0) {
      refusals.unsupported('the core', `it has ${word} features, and Slipway has no form for them`);
    }
  }
  const dimension = model.int32(trees.dimension, 0);
  if (dimension < 1) refusals.broken('the core', `leaves have ${dimension} numbers`);
  const biases = model.float64s(trees.biases);
  return {
    format: 'cbm',
    dimension,
    numeric: model.tables(trees.numeric).map((feature) => readNumeric(feature, refusals)),
    categorical: model.tables(trees.categorical).map((feature) => readPosition(feature, categoricalSlots)),
    oneHot: model.tables(trees.oneHot).map((feature) => ({
      index: feature.int32(oneHotSlots.index, -1),
      values: feature.int32s(oneHotSlots.values),
    })),
    ctrs: model.tables(trees.ctrs).map((ctr) => cbmCtr(ctr, refusals)),
    ...cbmTrees(model, dimension, refusals),
    scale: model.float64(trees.scale, 1),
    bias: biases.length > 0 ? biases : biasOf(model, dimension, refusals),
    info: readInfo(root),
  };
}

/** Before 1.0 there was one number for all. */
function biasOf(model: FlatTable, dimension: number, refusals: Refusals): Float64Array {
  const bias = model.float64(trees.bias, 0);
  if (dimension > 1 && bias !== 0) refusals.broken('the core', 'it has one bias for several sums');
  if (dimension > 2 ** 20) refusals.broken('the core', `leaves have ${dimension} numbers`);
  return new Float64Array(dimension).fill(bias);
}

function readPosition(
  feature: FlatTable,
  slots: { index: number; flat: number; name: number },
): CategoricalFeature {
  const flat = feature.int32(slots.flat, -1);
  return { name: feature.text(slots.name) || String(flat), index: feature.int32(slots.index, -1), flat };
}

function readNumeric(feature: FlatTable, refusals: Refusals): NumericFeature {
  const missing = missingTreatments[feature.int8(numericSlots.missing, 0)];
  return {
    ...readPosition(feature, numericSlots),
    borders: feature.float32s(numericSlots.borders),
    missing: missing ?? refusals.broken('a feature', 'its treatment of missing values is unknown'),
  };
}

/** Values of keys that end with "params" are JSON. */
function readInfo(root: FlatTable): CatboostModel['info'] {
  const texts = new Map(
    root.tables(core.info).map((pair) => [pair.text(keyValue.key), pair.text(keyValue.value)]),
  );
  return readModelInfo((key) => {
    const text = texts.get(key);
    return text === undefined || !key.endsWith('params') ? text : parsed(text);
  });
}
