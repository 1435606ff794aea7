import type { Tensor } from 'onnxruntime-node';
import type { Datatype, FeatureType } from '../../signature.ts';

/** ONNX's element types that a frame can hold, by their numbers. */
export const elementTypes: Record<number, { datatype: Datatype; feature: FeatureType }> = {
  1: { datatype: 'FP32', feature: 'number' },
  2: { datatype: 'UINT8', feature: 'integer' },
  3: { datatype: 'INT8', feature: 'integer' },
  4: { datatype: 'UINT16', feature: 'integer' },
  5: { datatype: 'INT16', feature: 'integer' },
  6: { datatype: 'INT32', feature: 'integer' },
  7: { datatype: 'INT64', feature: 'integer' },
  8: { datatype: 'BYTES', feature: 'string' },
  9: { datatype: 'BOOL', feature: 'boolean' },
  10: { datatype: 'FP16', feature: 'number' },
  11: { datatype: 'FP64', feature: 'number' },
  12: { datatype: 'UINT32', feature: 'integer' },
  13: { datatype: 'UINT64', feature: 'integer' },
};

/** onnxruntime's names of datatypes. */
export const runtimeTypes: Partial<Record<Datatype, Tensor.Type>> = {
  FP16: 'float16',
  FP32: 'float32',
  FP64: 'float64',
  INT64: 'int64',
  UINT64: 'uint64',
  INT32: 'int32',
  INT16: 'int16',
  INT8: 'int8',
  UINT8: 'uint8',
  UINT16: 'uint16',
  UINT32: 'uint32',
  BOOL: 'bool',
  BYTES: 'string',
};

export function datatypeOf(type: Tensor.Type): Datatype | null {
  const found = Object.entries(runtimeTypes).find(([, name]) => name === type);
  return found ? (found[0] as Datatype) : null;
}
