import { readFile, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { SlipwayError, toSlipwayError } from '../../errors.ts';
import type { GivenFiles, Kind, ModelFiles } from '../model.ts';
import { recognise } from '../recognise.ts';
import { type Mapping, mostDescriptionBytes, readDescription } from './description.ts';
import { type Example, readExample } from './example.ts';
import { type MlflowSignature, readSignature } from './signature.ts';

/** What an MLflow folder says of its model beyond the file itself. */
export interface MlflowModel {
  /** Its flavor, and the versions of MLflow and of the library, as far as they are said. */
  facts: Record<string, string>;
  signature: MlflowSignature | null;
  example: Example | null;
  /** The kind of the file that it names. Throws FILE_* with the way to save it so that Slipway takes it. */
  recognised(files: ModelFiles): Promise<Kind>;
}

/** Flavours whose file may be one that Slipway takes, and how to save it so. */
const files: Record<string, string> = {
  onnx: 'Save the model with mlflow.onnx.save_model.',
  lightgbm:
    'Save the booster, not the scikit-learn object: mlflow.lightgbm.save_model(model.booster_, path).',
  xgboost: 'Save the booster as JSON: mlflow.xgboost.save_model(model, path, model_format="json").',
  catboost: 'Save the model as JSON or ONNX: model.save_model("model.json", format="json").',
};
/** Flavours that hold Python objects, and the way out. */
const objects: Record<string, string> = {
  sklearn: 'Export it: skl2onnx.to_onnx(model, X[:1]), then mlflow.onnx.save_model.',
  pytorch: 'Export it: torch.onnx.export, then mlflow.onnx.save_model.',
  tensorflow: 'Export it: tf2onnx.convert, then mlflow.onnx.save_model.',
  keras: 'Export it: model.export(path, format="onnx"), then mlflow.onnx.save_model.',
  python_function: 'Export what it computes to ONNX, or to its library’s own text format.',
};

/**
 * Reads an MLflow model folder (MLmodel, as written by MLflow 1 to 3): which file holds the model, and what is said of
 * it. Nothing of it is run. Throws FILE_*.
 */
export async function openMlflow(given: GivenFiles): Promise<{ main: string; mlflow: MlflowModel }> {
  const file = `${given.name}: MLmodel`;
  const path = given.files.get('MLmodel')!;
  if ((await stat(path)).size > mostDescriptionBytes)
    throw new SlipwayError('FILE_BROKEN', `${file} is larger than ${mostDescriptionBytes / 2 ** 20} MiB.`);
  const description = readDescription(await readFile(path, 'utf8'), file);
  const flavours = description.get('flavors');
  if (!(flavours instanceof Map) || flavours.size === 0)
    throw new SlipwayError('FILE_BROKEN', `${file} names no flavors.`, 'Save the model with MLflow again.');
  const { flavour, data } = fileOf(flavours, file);
  const mlflow: MlflowModel = {
    facts: factsOf(description, flavours, flavour),
    signature: readSignature(description.get('signature'), file),
    example: await readExample(given, description.get('saved_input_example_info')),
    recognised: (model) => recognised(model, flavour),
  };
  return { main: insideOf(given, data, file), mlflow };
}

/** "3.17.2" of `mlflow_version`, "4.7.0" of the flavor's `lgb_version`: whatever of its keys ends so. */
function factsOf(description: Mapping, flavours: Mapping, flavour: string): Record<string, string> {
  const settings = [...((flavours.get(flavour) as Mapping | undefined) ?? [])];
  const library = settings.find(([key]) => /^\w{2,10}_version$/.test(String(key)))?.[1];
  const mlflow = description.get('mlflow_version');
  return {
    ...(typeof library === 'string' ? { frameworkVersion: library } : {}),
    mlflow: [flavour, typeof mlflow === 'string' ? `saved by MLflow ${mlflow}` : '']
      .filter(Boolean)
      .join(', '),
  };
}

function fileOf(flavours: Mapping, file: string): { flavour: string; data: string } {
  for (const flavour of Object.keys(files)) {
    const settings = flavours.get(flavour);
    if (!(settings instanceof Map)) continue;
    const data = settings.get('data');
    if (typeof data === 'string') return { flavour, data };
    throw new SlipwayError('FILE_BROKEN', `${file}: the flavor ${flavour} names no file as its "data".`);
  }
  const names = [...flavours.keys()].map(String);
  const held = Object.keys(objects).find((name) => names.includes(name)) ?? 'python_function';
  throw new SlipwayError(
    'FILE_UNSAFE',
    `${file}: the model is kept as ${names.join(' and ').slice(0, 200)}: Python objects, and to load those is to run their code.`,
    objects[held],
  );
}

/** The name of the file among those that were given. */
function insideOf(given: GivenFiles, data: string, file: string): string {
  const name = posix.normalize(data);
  if (posix.isAbsolute(name) || name === '..' || name.startsWith('../'))
    throw new SlipwayError(
      'FILE_UNSAFE',
      `${file} names a file outside its folder: ${data.slice(0, 200)}.`,
      'Save the model with MLflow again.',
    );
  if (given.files.has(name)) return name;
  throw new SlipwayError(
    'FILE_BROKEN',
    `${file} names ${data.slice(0, 200)}, which is not in the folder.`,
    'Give the whole folder that MLflow saved.',
  );
}

async function recognised(model: ModelFiles, flavour: string): Promise<Kind> {
  try {
    return await recognise(model);
  } catch (error) {
    const { code, message } = toSlipwayError(error);
    throw new SlipwayError(code, `${message} (MLflow’s flavor ${flavour}.)`, files[flavour]);
  }
}
