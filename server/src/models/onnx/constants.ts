import type { OnnxTensor } from './graph.ts';
import { type Field, fields, numbers, text } from './protobuf.ts';

/** ONNX's numbers of the element types that constants are read of. */
export const elements = {
  float: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  string: 8,
  boolean: 9,
  double: 11,
} as const;

/** The field that holds a type's values where they are not raw (onnx.proto3), and how raw ones are read. */
const readers: Record<
  number,
  { field: number; bytes: number; read: (view: DataView, at: number) => number }
> = {
  [elements.float]: { field: 4, bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  [elements.uint8]: { field: 5, bytes: 1, read: (view, at) => view.getUint8(at) },
  [elements.int32]: { field: 5, bytes: 4, read: (view, at) => view.getInt32(at, true) },
  [elements.int64]: { field: 7, bytes: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
  [elements.double]: { field: 10, bytes: 8, read: (view, at) => view.getFloat64(at, true) },
};
const raw = 9;
const strings = 6;

/** The values of a tensor of numbers; null for other types, and where there are not as many as it says. */
export function numbersOf({ type, dims, span, external }: OnnxTensor): number[] | null {
  const reader = readers[type];
  if (!reader || external) return null;
  const values: number[] = [];
  const isInteger = type !== elements.float && type !== elements.double;
  for (const field of fields(span)) {
    if (field.number === reader.field && isInteger) for (const value of numbers(field)) values.push(value);
    else if (field.number === reader.field || field.number === raw) {
      const view = viewOf(field);
      for (let at = 0; at + reader.bytes <= view.byteLength; at += reader.bytes)
        values.push(reader.read(view, at));
    }
  }
  return values.length === dims.reduce((product, size) => product * size, 1) ? values : null;
}

/** The values of a tensor of strings; null for other types. */
export function textsOf({ type, span }: OnnxTensor): string[] | null {
  if (type !== elements.string) return null;
  const values: string[] = [];
  for (const field of fields(span)) if (field.number === strings) values.push(text(field.span));
  return values;
}

function viewOf({ span: { bytes, from, to } }: Field): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset + from, to - from);
}
