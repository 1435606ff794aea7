import { SlipwayError } from '../../errors.ts';
import { isObject, parseJson, stringify } from '../../json.ts';
import { readSaid } from '../../lane/caller.ts';
import type { Codec } from '../../lane/codec.ts';
import { rowIds } from '../../lane/infer.ts';
import { type OutputTensor, outputsOf } from '../../oip/infer.ts';
import { readParameters } from '../../oip/infer-json.ts';
import { rowOutputs, rowValue, rowValues } from '../../oip/row.ts';
import { frameOf, type GivenTensor } from '../../oip/tensors.ts';
import { isOpen, type Signature } from '../../signature.ts';
import type { Frame } from '../../tensor.ts';
import type { Format } from './format.ts';

/**
 * KServe's v1: a prediction for each of "instances": an object of named features, an object of input tensors by name,
 * or, where there is one input, its row; KServe's own server takes them as "inputs", too. `slipway_ids` and `parameters`
 * (subject, key, at) close the loop.
 */
export const instances: Format<null> = {
  read(codec, bytes, _jsonBytes, made) {
    const body = parseJson(bytes, codec.exact);
    if (!isObject(body)) throw new SlipwayError('INVALID_REQUEST', 'The body is not a JSON object.');
    const name = body.inputs === undefined ? 'instances' : 'inputs';
    const given = body[name];
    if (!Array.isArray(given)) throw new SlipwayError('INVALID_REQUEST', `"${name}" is not a list.`);
    if (given.length === 0) throw new SlipwayError('ROWS_EMPTY', `"${name}" is empty.`);
    const said = readSaid(readParameters(body.parameters, 'The request'));
    return { ...frameOfInstances(codec, given, made), said, rest: null };
  },

  write({ version }, _rest, { id, rows, answers, texts }) {
    const predictions = predictionsOf(version.signature, answers, texts, rows);
    return { body: stringify({ predictions, slipway_ids: rowIds(id, rows) }), jsonBytes: null };
  },
};

function frameOfInstances(
  { version: { signature }, encoder }: Codec,
  given: unknown[],
  made: (rows: number) => Frame,
): { frame: Frame; imputed: number } {
  const { inputs } = signature;
  const isTensors = (instance: object): boolean =>
    inputs.every(({ name, width }) => Object.hasOwn(instance, name) && (width > 1 || inputs.length === 1));
  const hasOpen = inputs.some(isOpen);
  if (hasOpen || (isObject(given[0]) && !isTensors(given[0]))) {
    const frame = made(given.length);
    let imputed = 0;
    for (const [row, one] of given.entries()) {
      const isRow = hasOpen && inputs.length === 1 && !isObject(one);
      const instance = isRow ? { [inputs[0]!.name]: one } : one;
      if (!isObject(instance)) throw wrong(row, 'is not an object of features, as the first one is');
      imputed += encoder.encode(instance, frame, row);
    }
    return { frame, imputed };
  }
  const tensors = inputs.map(({ name, datatype, shape, width }): GivenTensor => {
    const values = given.flatMap((instance, row) => {
      const value = isObject(instance) ? instance[name] : instance;
      if (!isObject(instance) && inputs.length > 1) {
        throw wrong(row, `is no object with ${inputs.map((input) => `"${input.name}"`).join(', ')}`);
      }
      const flat = Array.isArray(value) ? value.flat(shape.length) : [value];
      if (flat.length !== width)
        throw wrong(row, `has ${flat.length} values for "${name}", which takes ${width}`);
      return flat;
    });
    return { name, datatype, shape: [given.length, ...shape.slice(1)], values, raw: null };
  });
  return { frame: frameOf(tensors, signature, made), imputed: 0 };
}

/** One output: its values; several: each by its name. Rows of open outputs need not be of one size. */
function predictionsOf(
  signature: Signature,
  answers: Float64Array,
  texts: string[],
  rows: number,
): unknown[] {
  const sayAll = (outputs: OutputTensor[], row: number): unknown =>
    outputs.length === 1 ? rowValue(outputs[0]!, row) : rowValues(outputs, row);
  const all = Array.from({ length: rows }, (_, row) => row);
  if (!signature.outputs.some(isOpen)) {
    const outputs = outputsOf({ outputs: null }, signature, answers, texts, rows);
    return all.map((row) => sayAll(outputs, row));
  }
  return all.map((row) => sayAll(rowOutputs(signature, answers, texts, row), 0));
}

function wrong(row: number, why: string): SlipwayError {
  return new SlipwayError('INVALID_REQUEST', `Instance ${row} ${why}.`);
}
