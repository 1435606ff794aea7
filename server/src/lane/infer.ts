import { toSlipwayError } from '../errors.ts';
import { checkOutputs, type InferRequest, type OutputTensor, outputsOf } from '../oip/infer.ts';
import { frameOf, type GivenTensor } from '../oip/tensors.ts';
import type { Frame } from '../tensor.ts';
import type { Waiting } from '../waiting.ts';
import type { Answered, Asked } from './answering.ts';
import type { Arm } from './arm.ts';
import { callerOf, readSaid, readText, type Said } from './caller.ts';
import type { Codec } from './codec.ts';
import type { DataPlane } from './data-plane.ts';
import { readAndAsk } from './read-and-ask.ts';

/** What an edge of the Open Inference Protocol makes its response of. */
export interface Inferred {
  model: string;
  version: number;
  outputs: OutputTensor[];
  /** A prediction id a row: labels come by them. */
  ids: string[];
}

/** What its rows are read as. */
interface InferRead {
  frame: Frame;
  imputed: number;
  said: Said;
}

/**
 * The rows of an inference request, whatever protocol it came by. Its id is the prediction's key where it gives no other;
 * `subject`, `key` and `at` come as request parameters. `made` gives a frame of so many rows. Throws what is wrong.
 */
export function readInfer(
  { version: { signature } }: Codec,
  request: InferRequest,
  made: (rows: number) => Frame,
): InferRead {
  checkOutputs(request, signature);
  const frame = frameOf(request.inputs, signature, made);
  const said = readSaid(request.parameters);
  if (said.key === null && request.id !== '') said.key = readText({ id: request.id }, 'id');
  return { frame, imputed: 0, said };
}

/** Its answer. */
export function inferredOf(
  { model, version }: Codec,
  request: Pick<InferRequest, 'outputs'>,
  { id, answers, texts, rows }: Pick<Answered, 'id' | 'answers' | 'texts' | 'rows'>,
): Inferred {
  const outputs = outputsOf(request, version.signature, answers, texts, rows);
  return { model, version: version.version, outputs, ids: rowIds(id, rows) };
}

/** What the side thread makes a frame of, and gives back: the version may be another by then. */
export interface TensorsRead {
  read: InferRead;
  inputs: GivenTensor[];
}

/** Answers one that came as a message. Throws what is wrong with the request, or tells it to `send` later. */
export function infer<T>(
  plane: DataPlane,
  model: string,
  version: number | null,
  request: InferRequest,
  waiting: Waiting,
  encode: Asked<T>['encode'],
  send: Asked<T>['send'],
): void {
  const since = performance.now();
  readAndAsk<InferRead>(plane, {
    model,
    version,
    span: waiting.span,
    readAside: (arm) => (isLong(request) ? readAside(plane, arm, request, waiting) : null),
    read: (arm) => readInfer(arm, request, (rows) => plane.frame(arm, rows)),
    ask: (arm, { frame, imputed, said }) =>
      plane.predict({ arm, frame, imputed, caller: callerOf(said, waiting, since), encode, send }),
    fail: (thrown) => send(null, toSlipwayError(thrown)),
  });
}

async function readAside(
  { side }: DataPlane,
  arm: Arm,
  request: InferRequest,
  waiting: Waiting,
): Promise<InferRead> {
  const given = buffersOf(request.inputs);
  const { read, inputs } = await side.begin<TensorsRead>('tensors', arm, request, waiting, given);
  request.inputs = inputs;
  return read;
}

/** So many bytes of tensors become a frame in 1 to 2 ms. */
export const longBinary = 4 * 1024 * 1024;

/** Values that came one by one are not given away: that would take as long as to read them. */
function isLong({ inputs }: InferRequest): boolean {
  return (
    inputs.every(({ raw }) => raw !== null) &&
    inputs.reduce((sum, { raw }) => sum + raw!.length, 0) > longBinary
  );
}

/** Each once, for several tensors may lie in one. */
export function buffersOf(inputs: GivenTensor[]): ArrayBuffer[] {
  return [...new Set(inputs.flatMap(({ raw }) => (raw ? [raw.buffer as ArrayBuffer] : [])))];
}

/** The prediction ids of a request's rows: its own, with the row's index behind it where there are several. */
export function rowIds(id: string, rows: number): string[] {
  if (rows === 1) return [id];
  const ids = new Array<string>(rows);
  for (let row = 0; row < rows; row++) ids[row] = `${id}.${row}`;
  return ids;
}
