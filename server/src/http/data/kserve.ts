import { SlipwayError } from '../../errors.ts';
import { isObject, parseJson, stringify } from '../../json.ts';
import type { Arm } from '../../lane/arm.ts';
import { readCaller } from '../../lane/caller.ts';
import type { DataPlane } from '../../lane/data-plane.ts';
import { rowIds } from '../../lane/infer.ts';
import { type OutputTensor, outputsOf } from '../../oip/infer.ts';
import { rowValue, rowValues } from '../../oip/row.ts';
import { frameOf, type GivenTensor } from '../../oip/tensors.ts';
import { isOpen } from '../../signature.ts';
import type { Frame } from '../../tensor.ts';
import type { Exchange } from './exchange.ts';
import { decode, type ProtocolParts } from './open-inference.ts';
import { readRows } from './rows.ts';

/**
 * KServe's v1 protocol. Returns whether there is something at the path.
 * https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol
 */
export function kserve(parts: ProtocolParts, exchange: Exchange): boolean {
  const { plane, catalog, receive } = parts;
  const { path } = exchange;
  if (path === '/v1/models') {
    exchange.takes('GET');
    exchange.answer(200, { models: catalog.names() });
    return true;
  }
  const found = /^\/v1\/models\/([^/:]+)(:predict)?$/.exec(path);
  if (!found) return false;
  const model = decode(found[1]!);
  if (found[2]) {
    receive();
    readRows(parts, exchange, (bytes) => predictInstances(plane, exchange, model, bytes));
  } else {
    exchange.takes('GET');
    catalog.checkReady(model, null);
    exchange.answer(200, { name: model, ready: true });
  }
  return true;
}

/**
 * A prediction for each of "instances": an object of named features, an object of input tensors by name, or, where
 * there is one input, its row. `slipway_ids` and `parameters` (subject, key, at) close the loop.
 */
function predictInstances(plane: DataPlane, exchange: Exchange, model: string, bytes: Buffer): void {
  const arm = plane.route(model);
  if (!arm) {
    const again = (): void => predictInstances(plane, exchange, model, bytes);
    plane.whenAttached(model, null, exchange.span, again, (thrown) => exchange.fail(thrown));
    return;
  }
  try {
    const body = parseJson(bytes, arm.exact);
    if (!isObject(body)) throw new SlipwayError('INVALID_REQUEST', 'The body is not a JSON object.');
    const { instances, parameters } = body;
    if (!Array.isArray(instances)) throw new SlipwayError('INVALID_REQUEST', '"instances" is not a list.');
    if (instances.length === 0) throw new SlipwayError('ROWS_EMPTY', '"instances" is empty.');
    const caller = readCaller(isObject(parameters) ? parameters : {}, exchange.waiting());
    const { signature } = arm.version;
    plane.predict(
      arm,
      frameOfInstances(plane, arm, instances),
      caller,
      ({ id, answers, texts, rows, cacheStatus }) => {
        exchange.cacheStatus(cacheStatus);
        const outputs = outputsOf({ outputs: null }, signature, answers, texts, rows);
        const predictions = Array.from({ length: rows }, (_, row) => predictionOf(outputs, row));
        return stringify({ predictions, slipway_ids: rowIds(id, rows) });
      },
      (text, error) => (text === null ? exchange.fail(error) : exchange.send(200, text)),
    );
  } catch (error) {
    if (error instanceof SlipwayError) plane.error(arm, error.code);
    throw error;
  }
}

function frameOfInstances(plane: DataPlane, arm: Arm, instances: unknown[]): Frame {
  const { inputs } = arm.version.signature;
  const isTensors = (instance: object): boolean =>
    inputs.every(({ name, width }) => Object.hasOwn(instance, name) && (width > 1 || inputs.length === 1));
  const hasOpen = inputs.some(isOpen);
  if (hasOpen || (isObject(instances[0]) && !isTensors(instances[0]))) {
    const frame = plane.frame(arm, instances.length);
    for (const [row, given] of instances.entries()) {
      const isRow = hasOpen && inputs.length === 1 && !isObject(given);
      const instance = isRow ? { [inputs[0]!.name]: given } : given;
      if (!isObject(instance)) throw wrong(row, 'is not an object of features, as the first one is');
      arm.encoder.encode(instance, frame, row);
    }
    return frame;
  }
  const tensors = inputs.map(({ name, datatype, shape, width }): GivenTensor => {
    const values = instances.flatMap((instance, row) => {
      const value = isObject(instance) ? instance[name] : instance;
      if (!isObject(instance) && inputs.length > 1) {
        throw wrong(row, `is no object with ${inputs.map((input) => `"${input.name}"`).join(', ')}`);
      }
      const flat = Array.isArray(value) ? value.flat(shape.length) : [value];
      if (flat.length !== width)
        throw wrong(row, `has ${flat.length} values for "${name}", which takes ${width}`);
      return flat;
    });
    return { name, datatype, shape: [instances.length, ...shape.slice(1)], values, raw: null };
  });
  return frameOf(tensors, arm.version.signature, (rows) => plane.frame(arm, rows));
}

/** One output: its values; several: each by its name. */
function predictionOf(outputs: OutputTensor[], row: number): unknown {
  return outputs.length === 1 ? rowValue(outputs[0]!, row) : rowValues(outputs, row);
}

function wrong(row: number, why: string): SlipwayError {
  return new SlipwayError('INVALID_REQUEST', `Instance ${row} ${why}.`);
}
