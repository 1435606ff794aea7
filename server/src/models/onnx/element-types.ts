import type { Tensor } from 'onnxruntime-node';
import type { Datatype } from '../../signature.ts';

/** ONNX's element types that a frame can hold, by their numbers. */
export const elementTypes: Record<number, Datatype> = {
  1: 'FP32',
  2: 'UINT8',
  3: 'INT8',
  4: 'UINT16',
  5: 'INT16',
  6: 'INT32',
  7: 'INT64',
  8: 'BYTES',
  9: 'BOOL',
  10: 'FP16',
  11: 'FP64',
  12: 'UINT32',
  13: 'UINT64',
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
