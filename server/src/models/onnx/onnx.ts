import { readFile, stat } from 'node:fs/promises';
import type { InferenceSession } from 'onnxruntime-node';
import { SlipwayError } from '../../errors.ts';
import { isOpen, type Signature } from '../../signature.ts';
import type { Kind, Model, ModelFiles, ModelHints, Prepared } from '../model.ts';
import { inMemory, type ProgramBytes, programPart } from '../program-file.ts';
import { answerOf } from './answer.ts';
import { checkModel } from './check.ts';
import { attachPlan } from './compiled/attach.ts';
import { planGraph } from './compiled/plan-graph.ts';
import { encodePlan, headerBytes, isCompiled } from './compiled/program.ts';
import { agree } from './compiled/proof.ts';
import { inlineExternalData } from './external-data.ts';
import { beginsAsModel, type OnnxGraph, type OnnxModel, readModel } from './graph.ts';
import { hazardOf } from './hazard.ts';
import { inputsOf } from './inputs.ts';
import { reasonOf } from './reason.ts';
import { readyRuntime } from './runtime.ts';
import { defaultSettings, type OnnxSettings, splitSettings, withSettings } from './settings.ts';
import { treeFacts } from './trees.ts';
import { cutZipMaps } from './zip-map.ts';

const mostFileBytes = 2 ** 31 - 1;

/** ONNX graphs over rows: trees, linear models and what goes with them compiled, all others on onnxruntime. */
export const onnx: Kind = {
  name: 'onnx',
  title: 'ONNX (inputs of rows)',
  tolerance: 1e-5,
  runs: (program) => (isCompiled(program) ? 'inline' : 'runtime'),
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
  const file = cutZipMaps(original, model) ?? original;
  const { shapes: _, ...chosen } = hints.onnx ?? {};
  const settings = { ...defaultSettings, ...chosen };
  const session = await load(file, settings, files.main);
  try {
    const { outputsOf } = await import('./outputs.ts');
    const { outputs, left, scores, missingAllowed } = await outputsOf(
      session,
      inputs,
      hasMissingRule(model),
      files.main,
    );
    const signature = {
      features: inputs.features,
      inputs: inputs.inputs,
      outputs,
      ...answerOf(model.graph, outputs, scores, hints, files.main),
      missingAllowed,
      ...(inputs.rowsAtOnce === 1 ? { rowsAtOnce: 1 } : {}),
    };
    const compiled = await compile(model.graph, signature, session);
    const hazard = compiled ? null : (hazardOf(model.graph) ?? openInputs(signature));
    return {
      signature,
      program: compiled?.program ?? withSettings(file, settings),
      facts: {
        ...factsOf(model),
        ...(left.length > 0 ? { notServed: left.join('; ') } : {}),
        ...(compiled ? { runsOn: compiled.runsOn } : { runsOn: 'onnxruntime', ...settings }),
      },
      ...(hazard === null ? {} : { hazard }),
    };
  } finally {
    await session.release();
  }
}

/** A graph as a program of Slipway's own, proven against onnxruntime; null for graphs that stay there. */
async function compile(
  graph: OnnxGraph,
  signature: Signature,
  session: InferenceSession,
): Promise<{ program: Uint8Array; runsOn: string } | null> {
  if (signature.inputs.some(isOpen)) return null;
  const plan = planGraph(graph, signature);
  if (!plan) return null;
  const program = encodePlan(plan);
  const { OnnxSession } = await import('./session.ts');
  const runtime = new OnnxSession(session, signature, signature.rowsAtOnce ?? Number.POSITIVE_INFINITY);
  if (!(await agree(await attachPlan(program, signature), runtime, plan))) return null;
  return { program, runsOn: plan.forests.length > 0 ? 'compiled forest' : 'compiled linear' };
}

async function attach(program: ProgramBytes, signature: Signature): Promise<Model> {
  if (isCompiled(await inMemory(programPart(program, 0, headerBytes)))) return attachPlan(program, signature);
  await readyRuntime();
  const { OnnxSession, openSession } = await import('./session.ts');
  const { file, settings } = splitSettings(await inMemory(program));
  return new OnnxSession(
    await openSession(file, settings),
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

async function load(program: Uint8Array, settings: OnnxSettings, file: string): Promise<InferenceSession> {
  const { openSession } = await import('./session.ts');
  try {
    return await openSession(program, settings);
  } catch (error) {
    const reason = reasonOf(error);
    throw new SlipwayError(
      'FILE_BROKEN',
      `${file}: onnxruntime does not take it: ${reason}`,
      ...(/locale/.test(reason)
        ? ['Export its StringNormalizer with the locale "C", which every machine has.']
        : []),
    );
  }
}

/** A row of any size takes as long as its size makes it. */
function openInputs({ features }: Signature): string | null {
  return features.some(({ type }) => type === 'tensor')
    ? 'its inputs of any size may take as long as a row makes them'
    : null;
}

/** Others make something of a NaN too, now and then, but not knowingly. */
function hasMissingRule({ graph }: OnnxModel): boolean {
  return graph.nodes.some(({ op }) => /^TreeEnsemble/.test(op) || op === 'Imputer' || op === 'IsNaN');
}

function factsOf(model: OnnxModel): Prepared['facts'] {
  const counts = new Map<string, number>();
  for (const { op } of model.graph.nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  // A graph of ai.onnx.ml's operators alone has none.
  const opset = model.opsets.find(({ domain }) => domain === '' || domain === 'ai.onnx');
  return {
    // The exporter names itself and its version.
    framework: model.producer.trim() || 'ONNX',
    irVersion: model.irVersion,
    ...(opset ? { opset: opset.version } : {}),
    nodes: model.graph.nodes.length,
    ...treeFacts(model.graph.nodes),
    operators: [...counts].map(([op, count]) => (count === 1 ? op : `${op} × ${count}`)).join(', '),
  };
}
