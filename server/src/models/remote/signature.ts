import { SlipwayError } from '../../errors.ts';
import type { GivenTensor } from '../../oip/tensors.ts';
import { isOpen, type Signature, type TensorSpec } from '../../signature.ts';
import type { Frame } from '../../tensor.ts';
import { isInTexts, textAt } from '../../texts.ts';
import { answerAmong } from '../answer.ts';
import { columnsOf, type InputValue } from '../columns.ts';
import type { ModelHints } from '../model.ts';
import { outputSpec, probesOf, zeros } from '../probes.ts';
import { answerValues } from './answer-values.ts';
import { isDatatype, type Metadata, readMetadata } from './metadata.ts';
import { mostAnswerBytes } from './protocol.ts';
import type { RemoteSettings } from './settings.ts';
import type { Upstream } from './upstream.ts';

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
  const rowsAtOnce = rowsAtOnceOf(given, file);
  const anyRows = given.map((input) => ({ ...input, dims: input.dims && anyFirst(input.dims) }));
  const { inputs, features } = columnsOf(anyRows, hints, file, way, true);
  const ask = (frame: Frame): Promise<GivenTensor[]> =>
    upstream.infer(inputs, frame, null, mostAnswerBytes, (tensors) => tensors);
  const outputs = await outputsOf(ask, inputs, features.length, rowsAtOnce, file);
  if (Number.isFinite(rowsAtOnce) && rowsAtOnce > 1)
    await checkRows(ask, inputs, features.length, rowsAtOnce, outputs, file);
  const known = { said: hints.classes, named: null, softmax: () => false, scores: () => false };
  return {
    signature: {
      features,
      inputs,
      outputs,
      ...answerAmong(outputs, known, file),
      missingAllowed: settings.missing,
      ...(Number.isFinite(rowsAtOnce) ? { rowsAtOnce } : {}),
    },
    metadata,
  };
}

type Ask = (frame: Frame) => Promise<GivenTensor[]>;

/** How many rows each request must have; Infinity: any number. */
function rowsAtOnceOf(inputs: InputValue[], file: string): number {
  const fixed = inputs.filter(({ dims }) => dims !== null && dims.length > 0 && dims[0]! > 0);
  const [rows, ...others] = new Set(fixed.map(({ dims }) => dims![0]!));
  if (rows === undefined) return Number.POSITIVE_INFINITY;
  if (others.length > 0) {
    const said = fixed.map(({ name, dims }) => `"${name}" [${dims}]`).join(', ');
    throw new SlipwayError(
      'FILE_UNSUPPORTED',
      `${file}: inputs take different numbers of rows: ${said}.`,
      way,
    );
  }
  return rows;
}

function anyFirst(dims: number[]): number[] {
  return dims.map((size, i) => (i === 0 ? -1 : size));
}

async function outputsOf(
  ask: Ask,
  inputs: TensorSpec[],
  width: number,
  rowsAtOnce: number,
  file: string,
): Promise<TensorSpec[]> {
  const hasOpen = inputs.some(isOpen);
  const answered: { rows: number; given: GivenTensor[] }[] = [];
  for (const frame of probesOf(inputs, width, rowsAtOnce)) {
    const given = await ask(frame).catch((thrown: unknown) => {
      if (!hasOpen || !(thrown instanceof SlipwayError) || thrown.code !== 'UPSTREAM_REFUSED') throw thrown;
      const names = inputs.filter(isOpen).map(({ name }) => `"${name}"`);
      throw new SlipwayError(
        'FILE_UNSUPPORTED',
        `${file}: input ${names.join(', ')} has a dimension besides the rows that is not fixed, but does not take every size: ${thrown.message}`,
        way,
      );
    });
    answered.push({ rows: frame.rows, given });
  }
  const outputs: TensorSpec[] = [];
  const left: string[] = [];
  let column = 0;
  for (const { name } of answered[0]!.given) {
    const found = answered.map(({ rows, given }) => {
      const { datatype, shape } = given.find((one) => one.name === name) ?? {
        datatype: 'nothing',
        shape: [],
      };
      return { rows, type: datatype, datatype: isDatatype(datatype) ? datatype : null, dims: shape };
    });
    const spec = outputSpec(found, hasOpen);
    if (typeof spec === 'string') left.push(`"${name}" ${spec}`);
    else {
      outputs.push({ name, ...spec, column });
      column += spec.width;
    }
  }
  if (outputs.length > 0) return outputs;
  const why = left.length > 0 ? left.join('; ') : 'it answered none';
  throw new SlipwayError(
    'FILE_UNSUPPORTED',
    `${file}: the upstream has no output with a value a row: ${why}.`,
    'Export it with an output whose first dimension is the row, as its first input’s is.',
  );
}

/**
 * Whether a first dimension that is fixed is a number of rows, and not the width of a single one: what is in the first
 * must not be seen in what the others are answered with. Throws FILE_UNSUPPORTED.
 */
async function checkRows(
  ask: Ask,
  inputs: TensorSpec[],
  width: number,
  rows: number,
  outputs: TensorSpec[],
  file: string,
): Promise<void> {
  const plain = zeros(rows, width);
  const changed = zeros(rows, width);
  changed.texts.push('a');
  for (const spec of inputs.filter((one) => !isOpen(one)))
    changed.values.fill(1, spec.column, spec.column + spec.width);
  const [before, after] = [await ask(plain), await ask(changed)];
  for (const { name, datatype } of outputs) {
    const [one, other] = [before, after].map((given) => {
      const texts: string[] = [];
      const output = given.find((tensor) => tensor.name === name)!;
      const values = Array.from(answerValues(output, datatype, new Map(), texts));
      const rest = values.slice(values.length / rows);
      return String(rest.map((value) => (isInTexts(value) ? textAt(value, texts) : Math.fround(value))));
    });
    if (one !== other)
      throw new SlipwayError(
        'FILE_UNSUPPORTED',
        `${file}: the upstream takes exactly ${rows} rows, and what is in the first is seen in what the others are answered with.`,
        `If that dimension is no number of rows: ${way.charAt(0).toLowerCase()}${way.slice(1)}`,
      );
  }
}
