import { SlipwayError } from '../errors.ts';
import { elements, readerOf } from '../oip/elements.ts';
import { nestedRow, writeOpenRow } from '../oip/open-rows.ts';
import { shown } from '../shown.ts';
import type { Feature, TensorSpec } from '../signature.ts';
import type { ServedVersion } from '../snapshot.ts';
import type { Frame } from '../tensor.ts';

/** Not a value of the column: `undefined` cannot come out of JSON, so it is free to say so. */
const mistyped = undefined;

/**
 * Writes named features into a frame by a version's signature and row policy. Built once a version; a row
 * of plain numbers costs one property read and one store a feature.
 */
export class RowEncoder {
  readonly #names: string[];
  readonly #types: Feature['type'][];
  readonly #columns: ((value: unknown, texts: string[]) => number | undefined)[];
  readonly #version: ServedVersion;
  /** Of the row that is being written. */
  #imputed = 0;

  constructor(version: ServedVersion) {
    this.#version = version;
    this.#names = version.signature.features.map((feature) => feature.name);
    this.#types = version.signature.features.map((feature) => feature.type);
    const { features, inputs } = version.signature;
    this.#columns = features.map((feature, column) => columnEncoder(feature, specOf(inputs, column)));
  }

  /**
   * Returns how many values were imputed by the policy. Throws FEATURE_MISSING, FEATURE_UNKNOWN, FEATURE_MISTYPED or
   * CATEGORY_UNKNOWN, naming the feature.
   */
  encode(features: object, frame: Frame, row: number): number {
    this.#imputed = 0;
    const given = features as Record<string, unknown>;
    const names = this.#names;
    const types = this.#types;
    const values = frame.values;
    const from = row * names.length;
    let seen = 0;
    for (let i = 0; i < names.length; i++) {
      const value = given[names[i]!];
      if (typeof value === 'number' && types[i] === 'number') {
        values[from + i] = value;
        seen++;
      } else {
        seen += this.#encodeOther(given, i, frame, from + i);
      }
    }
    // Own keys only are counted, so a feature named like a member of Object.prototype is just a name.
    if (Object.keys(given).length > seen && this.#version.policy.extra === 'reject') {
      const extra = Object.keys(given).find((key) => !names.includes(key));
      throw new SlipwayError('FEATURE_UNKNOWN', `${shown(extra)} is no feature of this version.`);
    }
    return this.#imputed;
  }

  /** Everything but a number for a number column. Returns 1 if the field was there. */
  #encodeOther(given: Record<string, unknown>, i: number, frame: Frame, at: number): 0 | 1 {
    const name = this.#names[i]!;
    const { signature, policy } = this.#version;
    if (!Object.hasOwn(given, name)) {
      if (policy.missing === 'reject') {
        throw new SlipwayError('FEATURE_MISSING', `Feature "${name}" is missing.`);
      }
      frame.values[at] = this.#impute(i);
      return 0;
    }
    const value = given[name];
    if (value === null) {
      if (signature.missingAllowed && !signature.features[i]!.strict) frame.values[at] = Number.NaN;
      else if (policy.missing === 'impute') frame.values[at] = this.#impute(i);
      else
        throw new SlipwayError(
          'FEATURE_MISSING',
          `Feature "${name}" is null, and this model has no rule for that.`,
        );
      return 1;
    }
    const encoded = this.#columns[i]!(value, frame.texts);
    if (encoded === mistyped) {
      const feature = signature.features[i]!;
      if (
        feature.categories &&
        (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      ) {
        if (policy.unknown === 'reject') {
          throw new SlipwayError('CATEGORY_UNKNOWN', `Feature "${name}" has no category ${shown(value)}.`);
        }
        frame.values[at] = this.#impute(i);
        return 1;
      }
      throw new SlipwayError(
        'FEATURE_MISTYPED',
        `Feature "${name}" takes ${feature.categories ? 'a category (text or number)' : wanted[feature.type]}, not ${shown(value)}.`,
      );
    }
    frame.values[at] = encoded;
    return 1;
  }

  #impute(i: number): number {
    const value = this.#version.impute[i] ?? Number.NaN;
    if (Number.isNaN(value) && this.#version.signature.features[i]!.strict) {
      throw new SlipwayError(
        'FEATURE_MISSING',
        `Feature "${this.#names[i]}" has no category, and none can be put in its place.`,
      );
    }
    this.#imputed++;
    // Of whole numbers a median may lie between two.
    return this.#types[i] === 'integer' ? Math.trunc(value) : value;
  }
}

const wanted: Record<Feature['type'], string> = {
  number: 'a number',
  integer: 'a whole number of its range',
  boolean: 'true or false',
  category: 'the number of a category: the model’s file does not name them',
  string: 'text',
  tensor: 'a list of values, nested by its dimensions',
};

function specOf(inputs: TensorSpec[], column: number): TensorSpec | undefined {
  return inputs.find((spec) => column >= spec.column && column < spec.column + spec.width);
}

function columnEncoder(
  feature: Feature,
  spec: TensorSpec | undefined,
): (value: unknown, texts: string[]) => number | undefined {
  switch (feature.type) {
    case 'number':
      return (value) =>
        typeof value === 'number' ? value : typeof value === 'bigint' ? Number(value) : mistyped;
    case 'integer':
      if (spec?.datatype === 'INT64' || spec?.datatype === 'UINT64') return elements[spec.datatype].fromJson;
      return (value) => (Number.isInteger(value) ? (value as number) : mistyped);
    case 'boolean':
      return (value) => (value === true || value === 1 ? 1 : value === false || value === 0 ? 0 : mistyped);
    case 'string':
      return (value, texts) => (typeof value === 'string' ? texts.push(value) - 1 : mistyped);
    case 'tensor': {
      if (!spec) return () => mistyped;
      const read = readerOf(spec.datatype);
      return (value, texts) => {
        const row = nestedRow(spec, value, read);
        return row ? texts.push(writeOpenRow(spec.datatype, row)) - 1 : mistyped;
      };
    }
    case 'category': {
      if (!feature.categories) return (value) => (typeof value === 'number' ? value : mistyped);
      const codes = new Map(feature.categories.map((category, code) => [String(category), code]));
      return (value) =>
        typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
          ? codes.get(String(value))
          : mistyped;
    }
  }
}
