import { SlipwayError } from '../../errors.ts';
import type { GivenTensor } from '../../oip/tensors.ts';
import type { Signature, TensorSpec } from '../../signature.ts';
import { newFrame } from '../../tensor.ts';
import { answerAmong } from '../answer.ts';
import { columnsOf, type Inputs, mostColumns } from '../columns.ts';
import type { ModelHints } from '../model.ts';
import { isDatatype, type Metadata, readMetadata } from './metadata.ts';
import { mostAnswerBytes } from './protocol.ts';
import type { RemoteSettings } from './settings.ts';
import type { Upstream } from './upstream.ts';

/** Rows that are asked at once: an output's first dimension that is both was no accident. */
const rowCounts = [3, 2];

const way = 'State "inputs" in the file, each with its "shape": the first dimension is the row, -1.';

/**
 * What an upstream takes and gives: inputs as its metadata (or the file) names them, outputs as it answers rows of
 * zeros, since servers leave them out of their metadata, or have them wrong. Throws FILE_UNSUPPORTED or UPSTREAM_*.
 */
export async function signatureOf(
  upstream: Upstream,
  settings: RemoteSettings,
  hints: ModelHints,
  file: string,
): Promise<{ signature: Signature; metadata: Metadata }> {
  const metadata = await upstream.metadata((value) =>
    readMetadata(value, (message) => {
      throw new Error(message);
    }),
  );
  const given = settings.inputs ?? metadata.inputs;
  if (given.length === 0)
    throw new SlipwayError('FILE_UNSUPPORTED', `${file}: the upstream’s metadata names no inputs.`, way);
  const fixed = given.find(({ dims }) => dims?.[0] === 1);
  if (fixed)
    throw new SlipwayError('FILE_UNSUPPORTED', `${file}: input "${fixed.name}" takes one row at once.`, way);
  const columns = columnsOf(given, hints, file, way, false);
  const outputs = await outputsOf(upstream, columns, file);
  const known = { said: hints.classes, named: null, softmax: () => false, scores: () => false };
  return {
    signature: {
      features: columns.features,
      inputs: columns.inputs,
      outputs,
      ...answerAmong(outputs, known, file),
      missingAllowed: settings.missing,
    },
    metadata,
  };
}

/** All outputs that have a value a row, in the order in which they come. */
async function outputsOf(
  upstream: Upstream,
  { inputs, features }: Inputs,
  file: string,
): Promise<TensorSpec[]> {
  const answers: { rows: number; given: GivenTensor[] }[] = [];
  for (const rows of rowCounts) {
    const zeros = { ...newFrame(rows, features.length), texts: [''] };
    const given = await upstream.infer(inputs, zeros, null, mostAnswerBytes, (tensors) => tensors);
    answers.push({ rows, given });
  }
  const outputs: TensorSpec[] = [];
  let column = 0;
  for (const { name, datatype, shape } of answers[0]!.given) {
    const inner = shape.slice(1);
    const width = inner.reduce((product, size) => product * size, 1);
    const aRow = answers.every(({ rows, given }) => {
      const output = given.find((one) => one.name === name);
      return output?.shape[0] === rows && String(output.shape.slice(1)) === String(inner);
    });
    if (!aRow || !isDatatype(datatype) || width === 0 || width > mostColumns) continue;
    outputs.push({ name, datatype, shape: [-1, ...inner], column, width });
    column += width;
  }
  if (outputs.length > 0) return outputs;
  throw new SlipwayError('FILE_UNSUPPORTED', `${file}: the upstream has no output with a value a row.`);
}
