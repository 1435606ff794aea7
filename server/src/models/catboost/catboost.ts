import { readFile, stat } from 'node:fs/promises';
import { SlipwayError } from '../../errors.ts';
import { matrixOf, type Signature, type TensorSpec } from '../../signature.ts';
import type { CompiledForest } from '../forest/compile.ts';
import { compileForest } from '../forest/compile.ts';
import { compileSymmetric } from '../forest/compile-symmetric.ts';
import { treeDepths } from '../forest/forest.ts';
import { encodeProgram as encodeForest } from '../forest/program.ts';
import type { Kind, ModelFiles, ModelHints, Prepared } from '../model.ts';
import { attachCatboost } from './attach.ts';
import type { CatboostModel } from './catboost-model.ts';
import type { Columns } from './columns.ts';
import { columnsOf } from './columns.ts';
import { planCombinations } from './combinations.ts';
import { forestOf } from './forest-of.ts';
import { importanceOf } from './importance.ts';
import type { Loss } from './loss.ts';
import { lossOf } from './loss.ts';
import { encodeProgram } from './program.ts';
import { readCatboost } from './read-catboost.ts';
import { Refusals } from './refusals.ts';
import { symmetricOf } from './symmetric-of.ts';

/** CatBoost's own formats: margins bit-equal to CatBoost's, categories and their statistics (CTR) included. */
export const catboost: Kind = {
  name: 'catboost',
  title: 'CatBoost .cbm or JSON (save_model)',
  tolerance: 1e-6,
  runs: () => 'inline',
  learns: false,
  recognises: (head) => {
    const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('latin1');
    return /^CBM1/.test(text) || json.test(text);
  },
  prepare,
  attach: attachCatboost,
};

/** CatBoost writes keys in alphabetical order, and `ctr_data` may be long. */
const json =
  /^(\xef\xbb\xbf)?\s*\{(\s*"(ctr_data|model_info|scale_and_bias|trees)"|[\s\S]{0,3000}"(oblivious_trees|features_info|float_features)")\s*:/;

const mostFileBytes = 2 ** 31 - 1;

async function prepare(files: ModelFiles, hints: ModelHints): Promise<Prepared> {
  const refusals = new Refusals(files.main);
  const { size } = await stat(files.path);
  if (size > mostFileBytes) refusals.unsupported('the file', 'has more than 2 GiB');
  const model = readCatboost(await readFile(files.path), refusals);
  const loss = lossOf(model, refusals);
  const columns = columnsOf(model);
  const { compiled, depth } = compile(model, columns);
  const oneHot = new Map(model.oneHot.map(({ index, values }) => [index, [...values]]));
  const program = encodeProgram({
    link: loss.link,
    scale: model.scale,
    bias: [...model.bias],
    width: columns.width,
    columns: columns.features.map(({ type, index }) =>
      type === 'string' ? (oneHot.get(index) ?? []) : null,
    ),
    combinations: planCombinations(model, columns),
    forest: encodeForest({ ...compiled, link: { kind: 'raw', precision: 'float64', scale: 1, divisor: 1 } }),
  });
  return {
    signature: signatureOf(model, columns, loss, hints),
    program,
    facts: factsOf(model, depth),
    importance: importanceOf(model, columns),
  };
}

export function compile(model: CatboostModel, columns: Columns): { compiled: CompiledForest; depth: number } {
  const { trees } = model;
  const deepest = (depths: Int32Array) => depths.reduce((most, depth) => Math.max(most, depth), 0);
  if (trees.symmetric) {
    return { compiled: compileSymmetric(symmetricOf(model, trees, columns)), depth: deepest(trees.sizes) };
  }
  const forest = forestOf(model, trees, columns);
  return { compiled: compileForest(forest), depth: deepest(treeDepths(forest)) };
}

function signatureOf(model: CatboostModel, columns: Columns, loss: Loss, hints: ModelHints): Signature {
  const width = loss.task === 'binary' ? 2 : model.dimension;
  const signature: Signature = {
    task: loss.task,
    features: columns.features.map(({ name, type }) => ({ name, type })),
    inputs: inputsOf(columns),
    outputs: [
      { name: 'predict', datatype: 'FP64', shape: width === 1 ? [-1] : [-1, width], column: 0, width },
    ],
    answer: {
      column: loss.task === 'binary' ? 1 : 0,
      width: loss.task === 'multiclass' ? width : 1,
    },
    missingAllowed: true,
  };
  if (loss.task !== 'binary' && loss.task !== 'multiclass') return signature;
  const classes = hints.classes ?? model.info.classes ?? Array.from({ length: width }, (_, k) => k);
  if (classes.length !== width) {
    throw new SlipwayError(
      'INVALID_REQUEST',
      `The model has ${width} classes, but ${classes.length} are named.`,
      'Name one class a column of the answer, in CatBoost’s order (classes_), with --classes.',
    );
  }
  return { ...signature, classes };
}

/** Numbers alone are one tensor; beside texts each feature is its own. */
function inputsOf({ features }: Columns): TensorSpec[] {
  if (features.every(({ type }) => type === 'number')) return [matrixOf('FP32', features.length)];
  return features.map(({ name, type }, column) => ({
    name,
    datatype: type === 'string' ? 'BYTES' : 'FP32',
    shape: [-1],
    column,
    width: 1,
  }));
}

function factsOf(model: CatboostModel, maxDepth: number): Prepared['facts'] {
  const { trees, info } = model;
  return {
    framework: 'catboost',
    ...(info.version === null ? {} : { frameworkVersion: info.version }),
    format: model.format,
    loss: info.loss ?? '',
    trees: (trees.symmetric ? trees.sizes : trees.roots).length,
    leaves: model.leaves.length / model.dimension,
    maxDepth,
    symmetricTrees: trees.symmetric,
    features: model.numeric.length + model.categorical.length,
    categoricalFeatures: model.categorical.length,
    ctrs: model.ctrs.length,
  };
}
