import { MessageWriter } from '../../../src/models/onnx/protobuf.ts';

/** ONNX files written by hand, for what no exporter would write. Field numbers: onnx.proto3. */
type Part = [field: number, content: Uint8Array | string | number];

export function message(...parts: Part[]): Uint8Array {
  const writer = new MessageWriter();
  for (const [field, content] of parts) {
    if (typeof content === 'number') writer.number(field, content);
    else if (typeof content === 'string') writer.text(field, content);
    else writer.bytes(field, content);
  }
  return writer.done();
}

export const varints = (...values: number[]): Uint8Array => packed(values);

export const packed = (values: number[]): Uint8Array =>
  Uint8Array.from(
    values.flatMap((value) => {
      const bytes: number[] = [];
      for (let left = BigInt.asUintN(64, BigInt(value)); ; left >>= 7n) {
        if (left < 128n) return [...bytes, Number(left)];
        bytes.push(Number(left & 127n) | 128);
      }
    }),
  );

export const node = (op: string, inputs: string[], outputs: string[], ...more: Part[]): Part => [
  1,
  message(
    ...inputs.map((name): Part => [1, name]),
    ...outputs.map((name): Part => [2, name]),
    [4, op],
    ...more,
  ),
];
export const attribute = (name: string, ...more: Part[]): Part => [5, message([1, name], ...more)];

/** A float tensor `name` of these dimensions. */
export const tensor = (name: string, dims: number[], ...more: Part[]): Uint8Array =>
  message([1, varints(...dims)], [2, 1], [8, name], ...more);
export const floats = (...values: number[]): Part => [9, new Uint8Array(Float32Array.from(values).buffer)];
/** data_location: external, in this file. */
export const elsewhere = (file: string): Part[] => [
  [13, message([1, 'location'], [2, file])],
  [14, 1],
];

/** `type`: the elements', 1 for float32, 11 for double. */
export const value = (field: number, name: string, columns: number, type = 1): Part => [
  field,
  message(
    [1, name],
    [2, message([1, message([1, type], [2, message([1, message([2, 'N'])], [1, message([1, columns])])])])],
  ),
];

/** X [N, 2] → Y [N, `columns`] through these parts of a graph. */
export const graph = (columns: number, ...parts: Part[]): Uint8Array =>
  message(...parts, [2, 'g'], value(11, 'X', 2), value(12, 'Y', columns));

export const opset = (domain: string, version: number): Part => [8, message([1, domain], [2, version])];

export const model = (graphBytes: Uint8Array, ...more: Part[]): Uint8Array =>
  message([1, 8], [7, graphBytes], opset('', 17), opset('ai.onnx.ml', 3), ...more);
