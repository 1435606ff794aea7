import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { normal, seeded } from '../../server/test/models/forest/random-forest.ts';
import { completeForest, plainLoop, rowsFor } from '../complete-forest.ts';
import { treeEnsemble } from '../tree-ensemble.ts';
import { xgboostFile } from '../xgboost-file.ts';

/** A model, rows for it, and what it says of them. */
export interface Workload {
  name: string;
  features: string[];
  /** float32 values, row-major, so that all contenders see exactly the same numbers. */
  values: Float32Array;
  /** The model's canonical answer a row: the last column of its last output. */
  expected: Float64Array;
  /** What the floor serves: the same model for onnxruntime. */
  onnx: string;
  /** What Slipway serves: model name → file. The first one's datatype is the one that the floor is sent. */
  files: { [model: string]: string };
  /** The training target of a row; absent: the version gets no baseline. */
  target?: (expected: number) => number;
}

export const distinctRows = 10_016;

const fixtures = new URL('../../spec/models/', import.meta.url).pathname;

/** 30 features, as Slipway's learner and as scikit-learn's graph; rows scattered around the training data's mean. */
export function logistic(): Workload {
  const file = new URL('../logit-30.json', import.meta.url).pathname;
  const { features, state } = JSON.parse(readFileSync(file, 'utf8')) as {
    features: string[];
    state: { mean: number[]; variance: number[]; weights: number[]; intercept: number };
  };
  const random = seeded(7);
  const width = features.length;
  const deviation = state.variance.map(Math.sqrt);
  const values = Float32Array.from({ length: distinctRows * width }, (_, i) => {
    const k = i % width;
    return state.mean[k]! + (random() * 2 - 1) * deviation[k]!;
  });
  const expected = Float64Array.from({ length: distinctRows }, (_, row) => {
    let z = state.intercept;
    for (let k = 0; k < width; k++)
      z += (state.weights[k]! * (values[row * width + k]! - state.mean[k]!)) / deviation[k]!;
    return 1 / (1 + Math.exp(-z));
  });
  const onnx = `${fixtures}sk_logit/model.onnx`;
  const files = { logistic: file, onnx };
  return { name: 'logistic', features, values, expected, onnx, files, target: (p) => (p > 0.5 ? 1 : 0) };
}

/** Complete trees of depth 6 over 30 features, as XGBoost's file and as converters write it for onnxruntime. */
export function forest(folder: string, name: string, trees: number): Workload {
  const made = completeForest(trees, 6, 30);
  const values = rowsFor(made, distinctRows, 0);
  const answer = plainLoop(made);
  const expected = Float64Array.from({ length: distinctRows }, (_, row) => answer(values, row * 30));
  const [file, onnx] = [join(folder, `${name}.json`), join(folder, `${name}.onnx`)];
  writeFileSync(file, xgboostFile(made));
  writeFileSync(onnx, treeEnsemble(made));
  const features = Array.from({ length: 30 }, (_, k) => `f${k}`);
  return { name, features, values, expected, onnx, files: { [name]: file }, target: (y) => y };
}

/** A graph that Slipway does not compile: a small multi-layer perceptron of 64 inputs, in onnxruntime on both sides. */
export async function runtime(): Promise<Workload> {
  const onnx = `${fixtures}onnx_mlp/model.onnx`;
  const width = 64;
  const random = seeded(9);
  const values = Float32Array.from({ length: distinctRows * width }, () => Math.abs(normal(random)) * 8);
  const session = await InferenceSession.create(onnx, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const { probabilities } = await session.run({ X: new Tensor('float32', values, [distinctRows, width]) });
  await session.release();
  const all = probabilities!.data as Float32Array;
  const classes = all.length / distinctRows;
  const expected = Float64Array.from({ length: distinctRows }, (_, row) => all[(row + 1) * classes - 1]!);
  const features = Array.from({ length: width }, (_, k) => `X_${k}`);
  return { name: 'runtime', features, values, expected, onnx, files: { runtime: onnx } };
}
