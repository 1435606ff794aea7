import { readFile, stat } from 'node:fs/promises';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { SlipwayError } from '../../errors.ts';
import type { Feature, Signature, TensorSpec } from '../../signature.ts';
import { newFrame } from '../../tensor.ts';
import type { Kind, Model, ModelFiles, ModelHints, Prepared } from '../model.ts';
import { checkModel } from './check.ts';
import { datatypeOf, elementTypes } from './element-types.ts';
import { beginsAsModel, type OnnxGraph, type OnnxModel, type OnnxValue, readModel } from './graph.ts';
import { cutZipMaps } from './zip-map.ts';

const mostFileBytes = 2 ** 31 - 1;
const mostColumns = 8192;

/** ONNX graphs over rows, on onnxruntime. */
export const onnx: Kind = {
  name: 'onnx',
  title: 'ONNX (one file, inputs of rows)',
  tolerance: 1e-5,
  // A Loop may run as long as it likes.
  bounded: false,
  learns: false,
  recognises: beginsAsModel,
  prepare,
  attach,
};

async function prepare(files: ModelFiles, hints: ModelHints): Promise<Prepared> {
  if ((await stat(files.path)).size > mostFileBytes) {
    throw new SlipwayError('FILE_UNSUPPORTED', `${files.main}: ONNX files may have up to 2 GiB.`);
  }
  const original = new Uint8Array(await readFile(files.path));
  const model = parse(original, files.main);
  checkModel(model, files.main);
  const program = cutZipMaps(original, model) ?? original;
  const session = await load(program, files.main);
  try {
    const { inputs, features, rowsAtOnce } = inputsOf(model.graph, hints, files.main);
    const { outputs, missingAllowed } = await outputsOf(session, inputs, features, rowsAtOnce, files.main);
    const signature = {
      ...signatureOf(model, inputs, features, outputs, hints),
      missingAllowed,
      ...(rowsAtOnce === 1 ? { rowsAtOnce } : {}),
    };
    return { signature, program, facts: factsOf(model) };
  } finally {
    await session.release();
  }
}

async function attach(program: Uint8Array, signature: Signature): Promise<Model> {
  // Loaded only where an ONNX version is served: the runtime is 46 MB.
  const { OnnxSession, openSession } = await import('./session.ts');
  return new OnnxSession(
    await openSession(program),
    signature,
    signature.rowsAtOnce ?? Number.POSITIVE_INFINITY,
  );
}

function parse(bytes: Uint8Array, file: string): OnnxModel {
  try {
    return readModel(bytes);
  } catch (error) {
    throw new SlipwayError('FILE_BROKEN', `${file} is no whole ONNX model: ${(error as Error).message}.`);
  }
}

async function load(program: Uint8Array, file: string): Promise<InferenceSession> {
  const { openSession } = await import('./session.ts');
  try {
    return await openSession(program);
  } catch (error) {
    throw new SlipwayError('FILE_BROKEN', `${file}: onnxruntime does not take it: ${firstLine(error)}`);
  }
}

function inputsOf(
  graph: OnnxGraph,
  hints: ModelHints,
  file: string,
): { inputs: TensorSpec[]; features: Feature[]; rowsAtOnce: number } {
  const initialized = new Set(graph.initializers.map((tensor) => tensor.name));
  const values = graph.inputs.filter((input) => !initialized.has(input.name));
  if (values.length === 0) throw new SlipwayError('FILE_UNSUPPORTED', `${file} takes no inputs.`);
  const inputs: TensorSpec[] = [];
  const features: Feature[] = [];
  for (const value of values) {
    const { datatype, feature } =
      elementTypes[value.type] ?? unsupported(file, value, 'is of a type that rows cannot hold');
    const dims = dimsOf(value, values.length, hints, file);
    const width = dims.slice(1).reduce((product, size) => product * size, 1);
    if (features.length + width > mostColumns)
      unsupported(file, value, `makes more than ${mostColumns} columns`);
    inputs.push({
      name: value.name,
      datatype,
      shape: [-1, ...dims.slice(1)],
      column: features.length,
      width,
    });
    for (const name of namesOf(value.name, width, values.length, hints))
      features.push({ name, type: feature });
  }
  return {
    inputs,
    features,
    rowsAtOnce: values.some((value) => value.dims?.[0] === 1) ? 1 : Number.POSITIVE_INFINITY,
  };
}

/** The first dimension is the row; the others are fixed, or as wide as the training data. */
function dimsOf(value: OnnxValue, inputs: number, hints: ModelHints, file: string): number[] {
  const dims = value.dims ?? unsupported(file, value, 'has no shape');
  if (dims.length === 0) unsupported(file, value, 'has no dimension for rows');
  if (dims[0]! > 1) unsupported(file, value, `takes exactly ${dims[0]} rows at once`);
  const trained = inputs === 1 ? hints.training?.features.length : undefined;
  return dims.map((size, i) => {
    if (i === 0 || size > 0) return size;
    if (i === dims.length - 1 && dims.length === 2 && trained) return trained;
    return unsupported(file, value, 'has a dimension besides the rows that is not fixed');
  });
}

/** A single column is named as its input; the training data's names are used where there are as many. */
function namesOf(input: string, width: number, inputs: number, hints: ModelHints): string[] {
  const trained = hints.training?.features;
  if (inputs === 1 && trained?.length === width) return trained;
  return width === 1 ? [input] : Array.from({ length: width }, (_, i) => `${input}_${i}`);
}

/** What the outputs are is found by asking: exporters leave shapes out, or wrong. */
async function outputsOf(
  session: InferenceSession,
  inputs: TensorSpec[],
  features: Feature[],
  rowsAtOnce: number,
  file: string,
): Promise<{ outputs: TensorSpec[]; missingAllowed: boolean }> {
  const { inputTensor } = await import('./tensors.ts');
  const rows = Math.min(2, rowsAtOnce);
  const frame = newFrame(rows, features.length);
  frame.texts.push('');
  const ask = async (): Promise<Record<string, Tensor>> => {
    const feeds = Object.fromEntries(inputs.map((spec) => [spec.name, inputTensor(spec, frame, 0, rows)]));
    return (await session.run(feeds)) as unknown as Record<string, Tensor>;
  };
  let results: Record<string, Tensor>;
  try {
    results = await ask();
  } catch (error) {
    throw new SlipwayError('FILE_BROKEN', `${file} fails on a row of zeros: ${firstLine(error)}`);
  }
  const outputs: TensorSpec[] = [];
  let column = 0;
  for (const name of session.outputNames) {
    const tensor = results[name]!;
    const datatype = datatypeOf(tensor.type);
    // Outputs without a row dimension say nothing of a row.
    if (!datatype || tensor.dims[0] !== rows) continue;
    const width = tensor.dims.slice(1).reduce((product, size) => product * size, 1);
    if (width === 0 || width > mostColumns) continue;
    outputs.push({ name, datatype, shape: [-1, ...tensor.dims.slice(1)], column, width });
    column += width;
  }
  if (outputs.length === 0)
    throw new SlipwayError('FILE_UNSUPPORTED', `${file} has no output with a value a row.`);
  // A graph with a rule for missing values (trees, an imputer) answers numbers where numbers are missing.
  for (const [i, feature] of features.entries()) {
    if (feature.type === 'number')
      for (let row = 0; row < rows; row++) frame.values[row * features.length + i] = Number.NaN;
  }
  const answered = await ask().catch(() => null);
  const missingAllowed =
    answered !== null &&
    features.some((feature) => feature.type === 'number') &&
    outputs.every(
      ({ name, datatype }) =>
        !datatype.startsWith('FP') ||
        [...answered[name]!.data].every((value) => Number.isFinite(Number(value))),
    );
  return { outputs, missingAllowed };
}

function signatureOf(
  model: OnnxModel,
  inputs: TensorSpec[],
  features: Feature[],
  outputs: TensorSpec[],
  hints: ModelHints,
): Omit<Signature, 'missingAllowed'> {
  const base = { features, inputs, outputs };
  const named = classLabels(model.graph);
  const floats = outputs.filter((output) => output.datatype.startsWith('FP'));
  const scores =
    floats.find((output) => output.width >= 2 && output.width === named?.length) ??
    floats.find((output) => output.width >= 2 && /prob/i.test(output.name));
  if (scores) {
    const classes = hints.classes ?? named ?? Array.from({ length: scores.width }, (_, k) => k);
    if (scores.width === 2)
      return { ...base, task: 'binary', classes, answer: { column: scores.column + 1, width: 1 } };
    return { ...base, task: 'multiclass', classes, answer: { column: scores.column, width: scores.width } };
  }
  const value = floats[0] ?? outputs[0]!;
  const answer = { column: value.column, width: 1 };
  // One number a row, and two classes named: the probability of the second.
  if (hints.classes?.length === 2) return { ...base, task: 'binary', classes: hints.classes, answer };
  const labels = named && outputs.some((output) => output.datatype === 'BYTES') ? { classes: named } : {};
  return { ...base, task: 'regression', answer, ...labels };
}

/** Class labels that any classifier or ZipMap of the graph names. */
function classLabels(graph: OnnxGraph): (string | number)[] | null {
  for (const { attributes } of [...graph.nodes].reverse()) {
    const strings = attributes.get('classlabels_strings')?.strings ?? [];
    if (strings.length > 0) return strings;
    const ints = (attributes.get('classlabels_int64s') ?? attributes.get('classlabels_ints'))?.ints ?? [];
    if (ints.length > 0) return ints.map(Number);
  }
  return null;
}

function factsOf(model: OnnxModel): Prepared['facts'] {
  const counts = new Map<string, number>();
  for (const { op } of model.graph.nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  return {
    framework: 'onnx',
    producer: model.producer.trim(),
    irVersion: model.irVersion,
    opset: model.opsets.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version ?? 0,
    nodes: model.graph.nodes.length,
    operators: [...counts].map(([op, count]) => (count === 1 ? op : `${op} × ${count}`)).join(', '),
  };
}

function unsupported(file: string, value: OnnxValue, why: string): never {
  throw new SlipwayError(
    'FILE_UNSUPPORTED',
    `${file}: input "${value.name}" ${why}.`,
    'This release takes inputs whose first dimension is the row and whose others are fixed.',
  );
}

function firstLine(error: unknown): string {
  return String((error as Error).message)
    .split('\n')[0]!
    .slice(0, 300);
}
