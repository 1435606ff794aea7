import { readFile, stat } from 'node:fs/promises';
import type { InferenceSession } from 'onnxruntime-node';
import { SlipwayError } from '../../errors.ts';
import type { Kind, Model, ModelFiles, ModelHints, Prepared } from '../model.ts';
import { answerOf } from './answer.ts';
import { checkModel } from './check.ts';
import { inlineExternalData } from './external-data.ts';
import { beginsAsModel, type OnnxModel, readModel } from './graph.ts';
import { inputsOf } from './inputs.ts';
import { reasonOf } from './reason.ts';
import { cutZipMaps } from './zip-map.ts';

const mostFileBytes = 2 ** 31 - 1;

/** ONNX graphs over rows, on onnxruntime. */
export const onnx: Kind = {
  name: 'onnx',
  title: 'ONNX (inputs of rows)',
  tolerance: 1e-5,
  // A Loop may run as long as it likes.
  bounded: false,
  learns: false,
  recognises: beginsAsModel,
  prepare,
  attach,
};

// The runtime is 46 MB: it is loaded only where an ONNX version is prepared or served.

async function prepare(files: ModelFiles, hints: ModelHints): Promise<Prepared> {
  if ((await stat(files.path)).size > mostFileBytes) {
    throw new SlipwayError('FILE_UNSUPPORTED', `${files.main}: ONNX files may have up to 2 GiB.`);
  }
  const given = new Uint8Array(await readFile(files.path));
  const parsed = parse(given, files.main);
  const original = inlineExternalData(given, files) ?? given;
  const model = original === given ? parsed : parse(original, files.main);
  checkModel(model, files.main);
  const inputs = inputsOf(model.graph, hints, files.main);
  const program = cutZipMaps(original, model) ?? original;
  const session = await load(program, files.main);
  try {
    const { outputsOf } = await import('./outputs.ts');
    const { outputs, missingAllowed } = await outputsOf(session, inputs, hasMissingRule(model), files.main);
    const signature = {
      features: inputs.features,
      inputs: inputs.inputs,
      outputs,
      ...answerOf(model.graph, outputs, hints, files.main),
      missingAllowed,
      ...(inputs.rowsAtOnce === 1 ? { rowsAtOnce: 1 } : {}),
    };
    return { signature, program, facts: factsOf(model) };
  } finally {
    await session.release();
  }
}

async function attach(program: Uint8Array, signature: Prepared['signature']): Promise<Model> {
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
    throw new SlipwayError('FILE_BROKEN', `${file}: onnxruntime does not take it: ${reasonOf(error)}`);
  }
}

/** Others make something of a NaN too, now and then, but not knowingly. */
function hasMissingRule({ graph }: OnnxModel): boolean {
  return graph.nodes.some(({ op }) => /^TreeEnsemble/.test(op) || op === 'Imputer' || op === 'IsNaN');
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
