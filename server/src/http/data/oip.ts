import { SlipwayError } from '../../errors.ts';
import type { Arm } from '../../lane/arm.ts';
import type { DataPlane } from '../../lane/data-plane.ts';
import { readInferRequest, writeInferResponse } from '../../oip/infer-json.ts';
import { readCaller } from './caller.ts';
import type { Exchange } from './exchange.ts';

/** Open Inference Protocol v2 REST: what its standard clients ask of a model. */

/** POST /v2/models/{model}[/versions/{version}]/infer. The request's id is echoed and is the prediction's key. */
export function infer(
  plane: DataPlane,
  exchange: Exchange,
  model: string,
  version: number | null,
  body: unknown,
): void {
  const arm = plane.route(model, version);
  try {
    const { signature } = arm.version;
    const request = readInferRequest(body, signature);
    // An empty id names nothing.
    const caller = readCaller({ key: request.id || null, ...request.parameters });
    plane.predict(
      arm,
      request.frame,
      caller,
      ({ id, answers, rows }) =>
        writeInferResponse(model, arm.version.version, request, signature, answers, rows, rowIds(id, rows)),
      (text, error) => (text === null ? exchange.fail(error) : exchange.send(200, text)),
    );
  } catch (error) {
    if (error instanceof SlipwayError) plane.error(model, error.code);
    throw error;
  }
}

function rowIds(id: string, rows: number): string[] {
  return rows === 1 ? [id] : Array.from({ length: rows }, (_, row) => `${id}.${row}`);
}

/** GET /v2/models/{model}[/versions/{version}] */
export function modelMetadata(arm: Arm, versions: number[]): unknown {
  const { signature, kind } = arm.version;
  return {
    name: arm.model,
    versions: versions.map(String),
    platform: `slipway_${kind}`,
    inputs: signature.inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
    outputs: signature.outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
  };
}

/** GET /v2 */
export function serverMetadata(version: string): unknown {
  return { name: 'slipway', version, extensions: [] };
}
