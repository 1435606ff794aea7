import { SlipwayError, toSlipwayError } from '../errors.ts';
import { checkOutputs, type InferRequest, type OutputTensor, outputsOf } from '../oip/infer.ts';
import { frameOf } from '../oip/tensors.ts';
import type { Frame } from '../tensor.ts';
import type { Waiting } from '../waiting.ts';
import type { Answered } from './answering.ts';
import { callerOf, readSaid, readText, type Said } from './caller.ts';
import type { Codec } from './codec.ts';
import type { DataPlane } from './data-plane.ts';

/** What an edge of the Open Inference Protocol makes its response of. */
export interface Inferred {
  model: string;
  version: number;
  outputs: OutputTensor[];
  /** A prediction id a row: labels come by them. */
  ids: string[];
}

/**
 * The rows of an inference request, whatever protocol it came by. Its id is the prediction's key where it gives no other;
 * `subject`, `key` and `at` come as request parameters. `made` gives a frame of so many rows. Throws what is wrong.
 */
export function readInfer(
  { version: { signature } }: Codec,
  request: InferRequest,
  made: (rows: number) => Frame,
): { frame: Frame; imputed: number; said: Said } {
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

/** Answers one that came as a message. Throws what is wrong with the request; what happens later is told to `send`. */
export function infer<T>(
  plane: DataPlane,
  model: string,
  version: number | null,
  request: InferRequest,
  waiting: Waiting,
  encode: (inferred: Inferred, cacheStatus: Answered['cacheStatus']) => T,
  send: (encoded: T | null, error: SlipwayError | null) => void,
): void {
  const arm = plane.route(model, version);
  if (!arm) {
    const again = (): void => infer(plane, model, version, request, waiting, encode, send);
    plane.whenAttached(model, version, waiting.span, again, (thrown) => send(null, toSlipwayError(thrown)));
    return;
  }
  try {
    const { frame, imputed, said } = readInfer(arm, request, (rows) => plane.frame(arm, rows));
    plane.predict({
      arm,
      frame,
      imputed,
      caller: callerOf(said, waiting, performance.now()),
      encode: (answered) => encode(inferredOf(arm, request, answered), answered.cacheStatus),
      send,
    });
  } catch (error) {
    if (error instanceof SlipwayError) plane.error(arm, error.code);
    throw error;
  }
}

/** The prediction ids of a request's rows: its own, with the row's index behind it where there are several. */
export function rowIds(id: string, rows: number): string[] {
  return rows === 1 ? [id] : Array.from({ length: rows }, (_, row) => `${id}.${row}`);
}
