import { isObject } from '../../json.ts';
import { elements } from '../../oip/elements.ts';
import { shown } from '../../shown.ts';
import type { Datatype } from '../../signature.ts';
import type { InputValue } from '../columns.ts';

const mostTensors = 8192;
const mostDimensions = 32;

/** What the protocol's model metadata says, as far as it is needed. */
export interface Metadata {
  platform: string;
  versions: string[];
  inputs: InputValue[];
}

/** What the protocol's server metadata says, as far as it is needed. */
export interface ServerFacts {
  /** With its version. */
  name: string;
  extensions: string[];
}

/** GET v2, ServerMetadata. */
export function readServer(value: unknown): ServerFacts {
  const { name, version, extensions } = isObject(value) ? value : {};
  const said = [name, version].filter((one) => typeof one === 'string' && one !== '');
  return {
    name: said.join(' ').slice(0, 100) || 'not said',
    extensions: Array.isArray(extensions) ? extensions.filter((one) => typeof one === 'string') : [],
  };
}

/** GET v2/models/{model}, ModelMetadata. `broken` is called with what is not as the protocol has it. */
export function readMetadata(value: unknown, broken: (message: string) => never): Metadata {
  if (!isObject(value)) return broken('its metadata is no JSON object.');
  const { platform, versions, inputs } = value;
  return {
    platform: typeof platform === 'string' ? platform.slice(0, 100) : '',
    versions: Array.isArray(versions) ? versions.slice(0, 100).map(String) : [],
    inputs: Array.isArray(inputs) && inputs.length > 0 ? readInputs(inputs, broken) : [],
  };
}

/** A list of `{"name", "datatype", "shape"}`. */
export function readInputs(value: unknown, broken: (message: string) => never): InputValue[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > mostTensors)
    return broken('"inputs" is not a list of tensors.');
  return value.map((input) => {
    if (!isObject(input) || typeof input.name !== 'string') return broken('an input has no "name".');
    const { name, datatype, shape } = input;
    if (!isDatatype(datatype)) return broken(`input ${shown(name)} is of no datatype: ${shown(datatype)}.`);
    const isShape =
      Array.isArray(shape) &&
      shape.length <= mostDimensions &&
      shape.every((size) => Number.isSafeInteger(size));
    return { name, datatype, dims: isShape ? shape : null };
  });
}

export function isDatatype(value: unknown): value is Datatype {
  return typeof value === 'string' && (value === 'BYTES' || Object.hasOwn(elements, value));
}
