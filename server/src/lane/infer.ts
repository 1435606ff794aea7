import { SlipwayError, toSlipwayError } from '../errors.ts';
import { checkOutputs, type InferRequest, type OutputTensor, outputsOf } from '../oip/infer.ts';
import { frameOf } from '../oip/tensors.ts';
import type { Waiting } from '../waiting.ts';
import { readCaller, readText } from './caller.ts';
import type { Answered, DataPlane } from './data-plane.ts';

/** What an edge of the Open Inference Protocol makes its response of. */
export interface Inferred {
  model: string;
  version: number;
  outputs: OutputTensor[];
  /** A prediction id a row: labels come by them. */
  ids: string[];
  cacheStatus: Answered['cacheStatus'];
}

/**
 * One inference request, whatever protocol it came by. Its id is the prediction's key where it gives no other;
 * `subject`, `key` and `at` come as request parameters. Throws what is wrong with the request; what happens
 * later is told to `send`.
 */
export function infer<T>(
  plane: DataPlane,
  model: string,
  version: number | null,
  request: InferRequest,
  waiting: Waiting,
  encode: (inferred: Inferred) => T,
  send: (encoded: T | null, error: SlipwayError | null) => void,
): void {
  const arm = plane.route(model, version);
  if (!arm) {
    const again = (): void => infer(plane, model, version, request, waiting, encode, send);
    plane.whenAttached(model, version, waiting.span, again, (thrown) => send(null, toSlipwayError(thrown)));
    return;
  }
  try {
    const { signature } = arm.version;
    checkOutputs(request, signature);
    const frame = frameOf(request.inputs, signature, (rows) => plane.frame(arm, rows));
    const caller = readCaller(request.parameters, waiting);
    if (caller.key === null && request.id !== '') caller.key = readText({ id: request.id }, 'id');
    plane.predict(
      arm,
      frame,
      caller,
      ({ id, answers, texts, rows, cacheStatus }) =>
        encode({
          model,
          version: arm.version.version,
          outputs: outputsOf(request, signature, answers, texts, rows),
          ids: rowIds(id, rows),
          cacheStatus,
        }),
      send,
    );
  } catch (error) {
    if (error instanceof SlipwayError) plane.error(arm, error.code);
    throw error;
  }
}

/** The prediction ids of a request's rows: its own, with the row's index behind it where there are several. */
export function rowIds(id: string, rows: number): string[] {
  return rows === 1 ? [id] : Array.from({ length: rows }, (_, row) => `${id}.${row}`);
}
