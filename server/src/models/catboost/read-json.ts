import type { CatboostModel, CategoricalFeature, NumericFeature, OneHotFeature } from './catboost-model.ts';
import { missingTreatments } from './catboost-model.ts';
import { readJsonBorders, readJsonCtr, readJsonTables } from './json-ctrs.ts';
import { readJsonTrees } from './json-trees.ts';
import { JsonValue } from './json-value.ts';
import { readModelInfo } from './model-info.ts';
import type { Refusals } from './refusals.ts';

/**
 * Reads CatBoost's JSON (`save_model(…, format="json")`, with the pool where there are categories). Not yet checked
 * for sense: `checkModel` does that for both formats. Throws FILE_BROKEN or FILE_UNSUPPORTED.
 */
export function readJson(bytes: Uint8Array, refusals: Refusals): CatboostModel {
  const root = parse(bytes, refusals);
  const features = root.get('features_info');
  for (const key of ['text_features', 'embedding_features', 'estimated_features']) {
    if (features.items(key).length > 0) {
      refusals.unsupported(`features_info.${key}`, 'there are some, and Slipway has no form for them');
    }
  }
  const numeric = features.items('float_features').map(readNumeric);
  const categorical = features.items('categorical_features');
  const ctrs = features.items('ctrs').map(readJsonCtr);
  const model = {
    format: 'json' as const,
    numeric,
    categorical: categorical.map(readPosition),
    oneHot: categorical.flatMap(readOneHot),
    ctrs,
    tables: readJsonTables(root),
  };
  const { trees, leaves, weights, dimension } = readJsonTrees(root, model, refusals);
  const { scale, bias } = readScaleAndBias(root, dimension);
  const info = root.has('model_info') ? root.get('model_info') : null;
  return {
    ...model,
    dimension,
    trees,
    leaves,
    weights,
    scale,
    bias,
    info: readModelInfo((key) => (info?.has(key) ? info.get(key).value : undefined)),
  };
}

/** A string of JavaScript holds so many characters. */
const mostCharacters = 2 ** 29 - 24;

function parse(bytes: Uint8Array, refusals: Refusals): JsonValue {
  if (bytes.length > mostCharacters) {
    refusals.unsupported('the file', 'has more than 512 MiB of JSON', 'Save it as .cbm: it is far smaller.');
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refusals.broken('the file', 'is not UTF-8');
  }
  try {
    return new JsonValue(JSON.parse(text), '', refusals);
  } catch (error) {
    return refusals.broken('the file', `is not JSON: ${(error as Error).message.replaceAll('\n', ' ')}`);
  }
}

function readPosition(feature: JsonValue): CategoricalFeature {
  const flat = feature.get('flat_feature_index').integer(0);
  const named = ['feature_name', 'feature_id'].find(
    (key) => feature.has(key) && feature.get(key).value !== '',
  );
  return {
    name: named === undefined ? String(flat) : feature.get(named).text(),
    index: feature.get('feature_index').integer(0),
    flat,
  };
}

function readNumeric(feature: JsonValue): NumericFeature {
  const word = feature.get('nan_value_treatment').text();
  const missing = missingTreatments.find((one) => one === word);
  return {
    ...readPosition(feature),
    borders: readJsonBorders(feature),
    missing: missing ?? feature.get('nan_value_treatment').fail(`“${word.slice(0, 40)}” is unknown`),
  };
}

function readOneHot(feature: JsonValue): OneHotFeature[] {
  const values = feature.items('values');
  if (values.length === 0) return [];
  const index = feature.get('feature_index').integer(0);
  return [{ index, values: Int32Array.from(values, (value) => value.integer()) }];
}

/** Files of CatBoost before 0.24 have none. */
function readScaleAndBias(root: JsonValue, dimension: number): { scale: number; bias: Float64Array } {
  if (!root.has('scale_and_bias')) return { scale: 1, bias: new Float64Array(dimension) };
  const [scale, bias, ...rest] = root.get('scale_and_bias').list();
  if (scale === undefined || bias === undefined || rest.length > 0) {
    return root.get('scale_and_bias').fail('is not [scale, [bias …]]');
  }
  // Files of CatBoost 0.24 have one number, not a list.
  const values = Array.isArray(bias.value) ? bias.numbers() : Float64Array.of(bias.number());
  return { scale: scale.number(), bias: values.length === 0 ? new Float64Array(dimension) : values };
}
