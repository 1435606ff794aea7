import { readFile, stat } from 'node:fs/promises';
import { SlipwayError } from '../../errors.ts';
import { matrixOf, type Signature } from '../../signature.ts';
import { namedClasses } from '../classes.ts';
import type { Kind, ModelFiles, ModelHints, Prepared } from '../model.ts';
import { attachForest } from './attach.ts';
import { compileForest } from './compile.ts';
import { treeDepths } from './forest.ts';
import { encodeProgram } from './program.ts';
import type { LightgbmModel } from './read-lightgbm.ts';
import { readLightgbm } from './read-lightgbm.ts';

/** LightGBM's text format, compiled to WebAssembly: margins bit-equal to LightGBM's. */
export const lightgbm: Kind = {
  name: 'lightgbm',
  title: 'LightGBM text (Booster.save_model)',
  tolerance: 1e-6,
  runs: () => 'inline',
  learns: false,
  recognises: (head) => /^tree\r?\nversion=/.test(Buffer.from(head.subarray(0, 32)).toString('latin1')),
  prepare,
  attach: attachForest,
};

const mostFileBytes = 2 ** 31 - 1;

async function prepare(files: ModelFiles, hints: ModelHints): Promise<Prepared> {
  const { size } = await stat(files.path);
  if (size > mostFileBytes) {
    throw new SlipwayError('FILE_UNSUPPORTED', `${files.main}: LightGBM files may have up to 2 GiB.`);
  }
  const model = readLightgbm(await readFile(files.path), files.main);
  const signature = signatureOf(model, hints);
  const program = encodeProgram({ ...compileForest(model.forest), link: model.link });
  return { signature, program, facts: factsOf(model), importance: model.importance };
}

/** What LightGBM calls the columns of data that has no names. */
const unnamed = /^Column_\d+$/;

function signatureOf({ header, objective, features }: LightgbmModel, hints: ModelHints): Signature {
  const width = header.groups;
  const said = features.every(({ name }) => unnamed.test(name)) ? hints.features : undefined;
  const signature: Signature = {
    task: objective.task,
    features:
      said?.length === features.length ? features.map((one, i) => ({ ...one, name: said[i]! })) : features,
    inputs: [matrixOf('FP64', header.features)],
    outputs: [
      { name: 'predict', datatype: 'FP64', shape: width === 1 ? [-1] : [-1, width], column: 0, width },
    ],
    answer: { column: 0, width },
    missingAllowed: true,
  };
  if (objective.task !== 'binary' && objective.task !== 'multiclass') return signature;
  return { ...signature, classes: namedClasses(Math.max(2, width), hints) };
}

function factsOf({ header, objective, features, forest }: LightgbmModel): Prepared['facts'] {
  return {
    framework: 'lightgbm',
    format: header.version,
    objective: header.objective ?? objective.name,
    trees: forest.roots.length,
    leaves: forest.leaves.length,
    maxDepth: treeDepths(forest).reduce((deepest, depth) => Math.max(deepest, depth), 0),
    features: header.features,
    categoricalFeatures: features.filter((feature) => feature.type === 'category').length,
    linearTrees: forest.linear !== null,
    averaged: header.average,
  };
}
