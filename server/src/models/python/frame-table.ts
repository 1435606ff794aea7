import {
  bool,
  type Column,
  columnFromArray,
  type DataType,
  float64,
  int32,
  int64,
  tableFromColumns,
  tableToIPC,
  utf8,
} from '@uwdata/flechette';
import type { Feature, FeatureType } from '../../signature.ts';
import type { Frame } from '../../tensor.ts';
import { toInteger } from '../../texts.ts';

/** A value as Arrow has it; null: it is missing. */
type Value = number | bigint | boolean | string | null;

/** `tensor`: of ONNX inputs alone. */
const types: Record<Exclude<FeatureType, 'tensor'>, DataType> = {
  number: float64(),
  integer: int64(),
  boolean: bool(),
  // The code of the category: runner.py knows them.
  category: int32(),
  string: utf8(),
};

/** A frame's rows as an Arrow IPC stream, a column a feature. Missing numbers are NaN, all else that is missing is null. */
export function tableOf(frame: Frame, features: Feature[]): Uint8Array {
  const columns = features.map(({ name, type }, column): [string, Column<unknown>] => [
    name,
    columnFromArray(valuesOf(frame, column, type), types[type === 'tensor' ? 'string' : type]),
  ]);
  const bytes = tableToIPC(tableFromColumns(columns), { format: 'stream' });
  return bytes ?? new Uint8Array();
}

function valuesOf(frame: Frame, column: number, type: FeatureType): Float64Array | Value[] {
  const { rows, width, values, texts } = frame;
  const own = new Float64Array(rows);
  for (let row = 0; row < rows; row++) own[row] = values[row * width + column]!;
  return type === 'number' ? own : Array.from(own, (value) => arrowValue(value, type, texts));
}

function arrowValue(value: number, type: FeatureType, texts: string[]): Value {
  if (Number.isNaN(value)) return null;
  if (type === 'integer') return toInteger(value, texts);
  if (type === 'boolean') return value !== 0;
  return type === 'string' ? (texts[value] ?? '') : value;
}
